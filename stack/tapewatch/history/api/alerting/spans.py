"""The times for which alerts fired, from what Prometheus has recorded of them.

`ALERTS` has a sample for each evaluation in which an alert was pending or firing, and `ALERTS_FOR_STATE` the time since
when its condition held. Where the latter changes with no evaluation left out, or with none while Prometheus was started
anew, the alert went on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["FIRING", "SINCE", "Key", "Span", "key_of", "spans_of"]

FIRING = 'ALERTS{alertstate="firing"}'
SINCE = "ALERTS_FOR_STATE"
"""The queries."""

Key = tuple[tuple[str, str], ...]
"""An alert's labels, sorted."""


@dataclass(frozen=True, slots=True)
class Span:
    """One time that an alert fired.

    Parameters:
        labels: of the alert.
        active: since when its condition held, in whole seconds of Unix time: it tells this time from others.
        start: when it was first seen firing, in seconds.
        end: when it was last seen firing.
    """

    labels: Key
    active: int
    start: float
    end: float


def key_of(labels: Mapping[str, str]) -> Key:
    """An alert's labels as a key."""
    return tuple(sorted((name, value) for name, value in labels.items() if name not in ("__name__", "alertstate")))


def spans_of(
    firing: Iterable[Mapping[str, Any]], since: Iterable[Mapping[str, Any]], step: float, started: float = 0.0
) -> list[Span]:
    """The spans, in the order of their beginning.

    Parameters:
        firing: what `FIRING` gave over a range.
        since: what `SINCE` gave over the same range.
        step: seconds between two values.
        started: when Prometheus was started, in Unix time; a gap around it tells nothing.
    """
    began: dict[Key, dict[float, int]] = {}
    for each in since:
        found = began.setdefault(key_of(each["metric"]), {})
        found.update((float(at), int(float(value))) for at, value in each["values"])
    times: dict[Key, set[float]] = {}
    for each in firing:
        times.setdefault(key_of(each["metric"]), set()).update(float(at) for at, _ in each["values"])
    found_spans = [
        span for key, at in times.items() for span in _spans(key, sorted(at), began.get(key, {}), step, started)
    ]
    return sorted(found_spans, key=lambda span: (span.start, span.labels))


def _spans(key: Key, times: list[float], began: Mapping[float, int], step: float, started: float) -> Iterable[Span]:
    start = last = times[0]
    for at in times[1:]:
        if at - last > 1.5 * step and not last <= started <= at:
            yield Span(key, began.get(start, int(start)), start, last)
            start = at
        last = at
    yield Span(key, began.get(start, int(start)), start, last)
