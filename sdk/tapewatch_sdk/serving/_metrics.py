"""What `/metrics` answers: in which of the two formats, and whether it is compressed."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from tapewatch_sdk.instruments import (
    CONTENT_TYPE_OPENMETRICS,
    CONTENT_TYPE_TEXT,
    MetricsRegistry,
    generate_openmetrics,
    generate_text,
)

__all__ = ["CONTENT_TYPES", "Collects", "accepts_gzip", "compressed", "exposition", "wants_openmetrics"]

CONTENT_TYPES = {False: CONTENT_TYPE_TEXT, True: CONTENT_TYPE_OPENMETRICS}
"""By whether it is OpenMetrics."""

_GZIP_LEVEL = 1
"""The quickest: an exposition shrinks to a tenth with it already, and the highest takes ten times as long."""

_GZIP_FROM = 1024
"""Bytes from which on compression is worth its while."""


class Collects(Protocol):
    """A registry, as prometheus-client has it."""

    def collect(self) -> Iterable[Any]:
        """The metric families with their samples."""


def exposition(registry: Collects, openmetrics: bool) -> bytes:
    """All metrics of a registry as text.

    Parameters:
        registry: one of ours, or any that has prometheus-client's `collect`.
        openmetrics: in OpenMetrics 1.0, with exemplars; else in the text format 0.0.4.
    """
    if isinstance(registry, MetricsRegistry):
        return generate_openmetrics(registry) if openmetrics else generate_text(registry)
    from prometheus_client.exposition import generate_latest
    from prometheus_client.openmetrics import exposition as newer

    encode: Any = newer.generate_latest if openmetrics else generate_latest
    return bytes(encode(registry))


def compressed(text: bytes) -> bytes | None:
    """The text in gzip; None when it is too short to gain by it."""
    return gzip.compress(text, _GZIP_LEVEL, mtime=0) if len(text) >= _GZIP_FROM else None


def wants_openmetrics(accept: str) -> bool:
    """Whether a scraper prefers OpenMetrics 1.0 to the text format, by its `Accept` header."""
    newer = older = 0.0
    for kind, parameters, weight in _items(accept):
        version = parameters.get("version", "")
        if kind == "application/openmetrics-text" and version in ("", "1.0.0"):
            newer = max(newer, weight)
        elif kind == "text/plain" and version in ("", "0.0.4"):
            older = max(older, weight)
    return newer > 0 and newer >= older


def accepts_gzip(encoding: str) -> bool:
    """Whether a scraper takes gzip, by its `Accept-Encoding` header."""
    return any(kind in ("gzip", "*") and weight > 0 for kind, _, weight in _items(encoding))


def _items(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """The members of a header such as `a;version=1;q=0.5, b`: what, its parameters, its weight."""
    for member in header.split(","):
        kind, *rest = (part.strip() for part in member.split(";"))
        pairs = (part.partition("=") for part in rest)
        parameters = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
        try:
            weight = float(parameters.pop("q", "1"))
        except ValueError:
            weight = 0.0
        if kind:
            yield kind.lower(), parameters, weight
