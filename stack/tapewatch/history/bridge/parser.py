"""An answer into series and values."""

from __future__ import annotations

from tapewatch.history.samples import Layout, Values

__all__ = ["GarbageError", "Parser"]


class GarbageError(Exception):
    """An answer is not what its format says; the text says why, and where it can the line."""


class Parser:
    """Reads the answers of one target.

    Parameters:
        fallback: what an answer without a usable Content-Type is read as, such as `PrometheusText0.0.4`; empty: it is
            refused.
    """

    def __init__(self, fallback: str = "") -> None:
        self._fallback = fallback

    def parse(self, body: bytes, content_type: str) -> tuple[Layout, Values]:
        """Series and values of an answer; the layout is the last answer's object while its series are the same.

        Raises:
            GarbageError: the answer breaks its format, or its Content-Type is no format of metrics.
        """
        raise NotImplementedError
