"""Exemplars: the trace id beside an observation.

Tracing sets a source once, with `set_exemplar_source`. From then on every observation of a histogram asks it for the
current trace. As long as there is none, the question costs some nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tapewatch_sdk.instruments._names import PLAIN_NAME

__all__ = ["ExemplarSource", "set_exemplar_source"]

ExemplarSource = Callable[[], Mapping[str, str] | None]
"""Gives the labels of an exemplar, `{"trace_id": ..., "span_id": ...}`, or None where no trace is recorded.

It runs in the caller's hot path: let it be quick. What it raises is counted and goes no further."""

LONGEST = 128
"""Characters that the labels of an exemplar may have together; OpenMetrics says so."""


class Current:
    """Holds the source; one attribute, so that the hot path asks for it without a call."""

    __slots__ = ("source",)

    def __init__(self) -> None:
        self.source: ExemplarSource | None = None


CURRENT = Current()
"""The source of this process."""


def set_exemplar_source(source: ExemplarSource | None) -> None:
    """Say where exemplars come from; None for nowhere. It holds for all registries of the process.

    Parameters:
        source: a function that is called at each observation of a histogram.
    """
    CURRENT.source = source


def checked(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels of an exemplar, as they may be exposed.

    Raises:
        ValueError: they are too long, or not text.
    """
    found = dict(labels)
    for name, value in found.items():
        if not (PLAIN_NAME.fullmatch(name) and value.isprintable()):
            raise ValueError(f"{name!r}: {value!r} cannot be a label of an exemplar")
    length = sum(len(name) + len(value) for name, value in found.items())
    if length > LONGEST:
        raise ValueError(f"the labels of an exemplar have {length} characters, more than {LONGEST}")
    return found
