"""The points of an OTLP request as single samples, under the names and labels that a scrape would give them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, NamedTuple

from tapewatch.history.samples import Series
from tapewatch_sdk.instruments._numbers import go_float

__all__ = ["BEHIND", "LABELS", "LONGEST", "OWN", "Refused", "Sample", "samples_of"]

OWN = ("environment", "service", "team")
"""Labels that a scrape gets from the catalogue and a push carries on each point: they are the target's."""

LABELS = 64
LONGEST = 4_096
"""Labels of a point at most, and bytes of a name or a value; Prometheus's own limits are of this order where set."""

DELTA, CUMULATIVE = 1, 2
GONE = 1
"""`AggregationTemporality` and the flag `NO_RECORDED_VALUE`, by their numbers in OTLP."""

AHEAD = 600.0
BEHIND = 86_400.0
"""Seconds that a point may be ahead of our clock and behind it: clocks differ, and buffers are sent late."""

NANO = 1e-9

Labels = tuple[tuple[str, str], ...]


class Sample(NamedTuple):
    """One sample of a point.

    Parameters:
        service: who pushed it.
        own: the labels of `OWN` that it has, but for the service, sorted.
        series: the series.
        at: Unix time in seconds.
        value: the value; of increments the increment.
        delta: whether it is an increment.
        gone: whether the series is exposed no more; it has no value then.
    """

    service: str
    own: Labels
    series: Series
    at: float
    value: float
    delta: bool = False
    gone: bool = False


class Refused:
    """Points that are not taken, by reason."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()

    def __len__(self) -> int:
        return self.reasons.total()

    def __str__(self) -> str:
        return "; ".join(f"{count} points: {reason}" for reason, count in self.reasons.most_common(3))


def samples_of(request: Any, now: float, refused: Refused) -> Iterator[list[Sample]]:
    """The samples of each point that is taken.

    Parameters:
        request: an `ExportMetricsServiceRequest`.
        now: Unix time in seconds, for points that have none.
        refused: is told of the others.
    """
    for resource in request.resource_metrics:
        service = next((_text(each.value) for each in resource.resource.attributes if each.key == "service.name"), "")
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield from _of_metric(metric, service, now, refused)


def _of_metric(metric: Any, service: str, now: float, refused: Refused) -> Iterator[list[Sample]]:
    kind = metric.WhichOneof("data")
    points = getattr(metric, kind).data_points if kind else ()
    reason = _objection(metric, kind)
    for point in points:
        labels = _labels(point.attributes)
        labels["service"] = labels.get("service") or service or "unknown"
        why = reason or _wrong(point, kind, now) or _too_long(labels)
        if why:
            refused.reasons[why] += 1
        else:
            yield list(_of_point(metric, kind, point, labels, labels["service"], now))


def _objection(metric: Any, kind: str | None) -> str:
    """Why no point of a metric is taken; empty when they are looked at one by one."""
    if not metric.name or len(metric.name.encode()) > LONGEST:
        return "the metric has no name, or too long a one"
    if kind == "exponential_histogram":
        return "exponential histograms are not kept; let the service use explicit buckets"
    if kind in ("sum", "histogram") and getattr(metric, kind).aggregation_temporality not in (DELTA, CUMULATIVE):
        return "the metric is neither cumulative nor delta"
    return ""


def _wrong(point: Any, kind: str, now: float) -> str:
    """Why a point is not taken; empty when it is."""
    at = point.time_unix_nano * NANO
    if at > now + AHEAD:
        return "the time is in the future"
    if at and at < now - BEHIND:
        return "the time is more than a day ago"
    if len(point.attributes) > LABELS:
        return f"there are more than {LABELS} labels"
    if kind == "histogram" and len(point.bucket_counts) not in (0, len(point.explicit_bounds) + 1):
        return "the buckets do not fit their bounds"
    return ""


def _too_long(labels: Mapping[str, str]) -> str:
    """Why labels are not taken. Cut off they could be those of another series."""
    long = any(len(text.encode()) > LONGEST for pair in labels.items() for text in pair)
    return f"a label has more than {LONGEST} bytes" if long else ""


def _of_point(
    metric: Any, kind: str, point: Any, labels: Mapping[str, str], service: str, now: float
) -> Iterator[Sample]:
    delta = kind in ("sum", "histogram") and getattr(metric, kind).aggregation_temporality == DELTA
    at = point.time_unix_nano * NANO or now
    own = tuple(sorted((name, value) for name, value in labels.items() if name in OWN and name != "service"))
    rest = tuple(sorted((name, value) for name, value in labels.items() if name not in OWN))
    gone = bool(point.flags & GONE)
    for suffix, more, value, adds in _parts(kind, point):
        series = Series(metric.name + suffix, tuple(sorted((*rest, *more))) if more else rest, _type(metric, kind))
        yield Sample(service, own, series, at, value, delta and adds, gone)


Part = tuple[str, Labels, float, bool]


def _parts(kind: str, point: Any) -> Iterable[Part]:
    """What follows the name, labels more, the value, and whether increments of it are added up."""
    if kind in ("gauge", "sum"):
        return [("", (), float(point.as_int if point.WhichOneof("value") == "as_int" else point.as_double), True)]
    if kind == "histogram":
        return _of_histogram(point)
    return [
        *(("", (("quantile", go_float(each.quantile)),), each.value, False) for each in point.quantile_values),
        ("_count", (), float(point.count), True),
        ("_sum", (), point.sum, True),
    ]


def _of_histogram(point: Any) -> Iterator[Part]:
    bounds = (*point.explicit_bounds, math.inf) if point.bucket_counts else (math.inf,)
    counts = accumulate(point.bucket_counts or (point.count,))
    for bound, count in zip(bounds, counts, strict=True):
        yield "_bucket", (("le", go_float(bound)),), float(count), True
    yield "_count", (), float(point.count), True
    if point.HasField("sum"):
        yield "_sum", (), point.sum, True


def _type(metric: Any, kind: str) -> str:
    if kind == "sum":
        return "counter" if metric.sum.is_monotonic else "gauge"
    return kind


def _labels(attributes: Iterable[Any]) -> dict[str, str]:
    """Attributes as labels; an empty one is none, as Prometheus sees it."""
    found = {each.key: _text(each.value) for each in attributes if each.key}
    return {name: value for name, value in found.items() if value}


def _text(value: Any) -> str:
    """The value of an attribute as Prometheus writes it into a label."""
    match value.WhichOneof("value"):
        case "string_value":
            return str(value.string_value)
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "int_value":
            return str(value.int_value)
        case "double_value":
            return go_float(value.double_value)
        case "bytes_value":
            return bytes(value.bytes_value).hex()
        case "array_value":
            return f"[{','.join(_text(each) for each in value.array_value.values)}]"
        case "kvlist_value":
            return f"{{{','.join(f'{each.key}:{_text(each.value)}' for each in value.kvlist_value.values)}}}"
    return ""
