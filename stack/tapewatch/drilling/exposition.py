"""What a drill target says of itself: the text of a scrape, or an OTLP push."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tapewatch.drilling.scenario import DrillTarget, Moment, Series
from tapewatch_sdk.families import Family, MetricType

__all__ = ["Families", "otlp_request", "scrape_text"]

CUMULATIVE = 2
"""OTLP's AGGREGATION_TEMPORALITY_CUMULATIVE: counts since the start, as Prometheus has them."""


class Families:
    """Which family a sample belongs to.

    Parameters:
        families: those of the catalogue.
    """

    def __init__(self, families: Iterable[Family]) -> None:
        self._by_series = {name: family for family in families for name in family.series_names}

    def of(self, sample: str) -> Family:
        """The sample's family; one that the catalogue does not declare is taken for a gauge."""
        return self._by_series.get(sample) or Family(sample, MetricType.GAUGE, domain="")


def scrape_text(target: DrillTarget, moment: Moment, families: Families) -> str:
    """The text of a scrape at a moment, in Prometheus's text format."""
    grouped: dict[Family, list[str]] = {}
    for series, value in target.exposes(moment):
        grouped.setdefault(families.of(series.name), []).append(f"{_written(series)} {value!r}")
    lines: list[str] = []
    for family, samples in grouped.items():
        lines += [f"# TYPE {family.name} {family.type}", *samples]
    return "\n".join([*lines, ""])


def otlp_request(target: DrillTarget, moment: Moment, families: Families, started: float, now: float) -> bytes:
    """One push at a moment, as OTLP/HTTP has it in JSON.

    Parameters:
        started: when the counts began, in seconds since 1970.
        now: the one time of all points of this push, in seconds since 1970.
    """
    times = {"startTimeUnixNano": str(int(started * 1e9)), "timeUnixNano": str(int(now * 1e9))}
    grouped: dict[Family, list[tuple[Series, float]]] = {}
    for series, value in target.exposes(moment):
        grouped.setdefault(families.of(series.name), []).append((series, value))
    metrics = [{"name": family.name, **_data(family, samples, times)} for family, samples in grouped.items()]
    resource = {**target.labels, **({"service.instance.id": target.instance} if target.instance else {})}
    body = {"resource": {"attributes": _attributes(resource)}, "scopeMetrics": [{"metrics": metrics}]}
    return json.dumps({"resourceMetrics": [body]}).encode()


def _written(series: Series) -> str:
    labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in series.labels.items())
    return f"{series.name}{{{labels}}}" if labels else series.name


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _data(family: Family, samples: list[tuple[Series, float]], times: Mapping[str, str]) -> dict[str, Any]:
    """The points of a family, by OTLP's name for its type."""
    if family.type is MetricType.HISTOGRAM:
        points = [{**times, **_histogram(each)} for each in _collected(family, samples, "le")]
        return {"histogram": {"aggregationTemporality": CUMULATIVE, "dataPoints": points}}
    if family.type is MetricType.SUMMARY:
        points = [{**times, **_summary(each)} for each in _collected(family, samples, "quantile")]
        return {"summary": {"dataPoints": points}}
    points = [{**times, "attributes": _attributes(each.labels), "asDouble": _json(value)} for each, value in samples]
    if family.type is MetricType.COUNTER:
        return {"sum": {"aggregationTemporality": CUMULATIVE, "isMonotonic": True, "dataPoints": points}}
    return {"gauge": {"dataPoints": points}}


@dataclass
class _Collected:
    """The samples of a histogram or summary that make one point of OTLP: those that differ in one label alone."""

    labels: Mapping[str, str]
    parts: dict[float, float] = field(default_factory=dict)
    """By bound or quantile."""
    sum: float = 0.0
    count: float | None = None


def _collected(family: Family, samples: Iterable[tuple[Series, float]], label: str) -> Iterable[_Collected]:
    found: dict[tuple[tuple[str, str], ...], _Collected] = {}
    for series, value in samples:
        own = {name: text for name, text in series.labels.items() if name != label}
        point = found.setdefault(tuple(sorted(own.items())), _Collected(own))
        if label in series.labels:
            point.parts[float(series.labels[label])] = value
        elif series.name == f"{family.name}_count":
            point.count = value
        else:
            point.sum = value
    return found.values()


def _histogram(point: _Collected) -> dict[str, Any]:
    """OTLP counts each bucket on its own, Prometheus all up to its bound."""
    bounds = sorted(bound for bound in point.parts if bound != math.inf)
    counts = [round(point.parts[bound]) for bound in bounds]
    every = point.parts.get(math.inf, point.count)
    counts.append(round(every) if every is not None else max(counts, default=0))
    return {
        "attributes": _attributes(point.labels),
        "explicitBounds": bounds,
        "bucketCounts": [str(count - below) for count, below in zip(counts, [0, *counts], strict=False)],
        "count": str(counts[-1]),
        "sum": _json(point.sum),
    }


def _summary(point: _Collected) -> dict[str, Any]:
    return {
        "attributes": _attributes(point.labels),
        "quantileValues": [{"quantile": part, "value": _json(value)} for part, value in sorted(point.parts.items())],
        "count": str(round(point.count or 0)),
        "sum": _json(point.sum),
    }


def _json(value: float) -> float | str:
    """JSON has no number for these; protobuf's reading of it takes the words."""
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def _attributes(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in labels.items()]
