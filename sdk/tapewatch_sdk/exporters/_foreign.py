"""Families of prometheus-client's collectors as points. Nothing of prometheus-client is loaded for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

from tapewatch_sdk.exporters._labels import merged, text
from tapewatch_sdk.exporters.contract import NO_EXEMPLARS, Point, SummaryValue
from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments import Exemplar, HistogramValue

__all__ = ["families_of"]

Points = dict[Hashable, Point]
Labels = tuple[tuple[str, str], ...]
Found = tuple[str, MetricType, str, Points]


def families_of(metrics: Iterable[Any], service: Mapping[str, str], failed: Callable[[], object]) -> Iterator[Found]:
    """The families of a collector, with the service's labels.

    Parameters:
        metrics: prometheus-client's `Metric`s.
        service: the service's own labels.
        failed: called when a family is left out, because it has what is no number or does not hang together, and when
            the collector raised, which ends it.
    """
    try:
        for metric in metrics:
            try:
                found = list(_family(metric, service))
            except Exception:  # noqa: BLE001 - what a foreign collector gives may be anything
                failed()
            else:
                yield from found
    except Exception:  # noqa: BLE001 - it may raise anything as well
        failed()


def _family(metric: Any, service: Mapping[str, str]) -> Iterator[Found]:
    if metric.type == "histogram":
        yield metric.name, MetricType.HISTOGRAM, metric.documentation, _histograms(metric, service)
    elif metric.type == "summary":
        yield metric.name, MetricType.SUMMARY, metric.documentation, _summaries(metric, service)
    else:
        yield from _singles(metric, service)


def _singles(metric: Any, service: Mapping[str, str]) -> Iterator[Found]:
    """Counters, gauges, and what Prometheus stores as gauges: a family for each name of a sample."""
    found: dict[str, Points] = {}
    for sample in metric.samples:
        if metric.type == "counter" and sample.name == f"{metric.name}_created":
            continue
        exemplar = _exemplar(sample)
        points = found.setdefault(sample.name, {})
        own = _own(sample.labels)
        exemplars = {math.inf: exemplar} if exemplar else NO_EXEMPLARS
        points.setdefault(own, Point(merged(dict(own), service), float(sample.value), exemplars))
    kind = MetricType.COUNTER if metric.type == "counter" else MetricType.GAUGE
    for name, points in found.items():
        yield name, kind, metric.documentation, points


def _histograms(metric: Any, service: Mapping[str, str]) -> Points:
    buckets: dict[Labels, dict[float, float]] = {}
    sums: dict[Labels, float] = {}
    exemplars: dict[Labels, dict[float, Exemplar]] = {}
    for sample in metric.samples:
        if sample.name == f"{metric.name}_bucket":
            own, bound = _own(sample.labels, "le"), float(sample.labels["le"])
            buckets.setdefault(own, {})[bound] = float(sample.value)
            if exemplar := _exemplar(sample):
                exemplars.setdefault(own, {})[bound] = exemplar
        elif sample.name == f"{metric.name}_sum":
            sums[_own(sample.labels)] = float(sample.value)
    return {
        own: Point(merged(dict(own), service), _histogram(found, sums.get(own, 0.0)), exemplars.get(own, NO_EXEMPLARS))
        for own, found in buckets.items()
    }


def _histogram(buckets: Mapping[float, float], total: float) -> HistogramValue:
    counts = dict(sorted(buckets.items()))
    values = list(counts.values())
    if not (math.inf in counts and values == sorted(values) and values[0] >= 0 and math.isfinite(values[-1])):
        raise ValueError("this is no histogram")
    return HistogramValue(counts[math.inf], total, counts)


def _summaries(metric: Any, service: Mapping[str, str]) -> Points:
    counts: dict[Labels, float] = {}
    sums: dict[Labels, float] = {}
    quantiles: dict[Labels, dict[float, float]] = {}
    for sample in metric.samples:
        if sample.name == f"{metric.name}_count":
            counts[_own(sample.labels)] = float(sample.value)
        elif sample.name == f"{metric.name}_sum":
            sums[_own(sample.labels)] = float(sample.value)
        elif sample.name == metric.name:
            of = quantiles.setdefault(_own(sample.labels, "quantile"), {})
            of[float(sample.labels["quantile"])] = float(sample.value)
    keys = dict.fromkeys([*counts, *quantiles])
    found: Points = {}
    for own in keys:
        count = counts.get(own, 0.0)
        if not (math.isfinite(count) and count >= 0):
            raise ValueError("this is no summary")
        value = SummaryValue(count, sums.get(own, 0.0), quantiles.get(own, {}))
        found[own] = Point(merged(dict(own), service), value)
    return found


def _own(labels: Mapping[str, object], without: str = "") -> Labels:
    """The labels of a sample, in an order that tells series apart."""
    return tuple(sorted((text(name), text(value)) for name, value in labels.items() if value and name != without))


def _exemplar(sample: Any) -> Exemplar | None:
    theirs = sample.exemplar
    if not theirs:
        return None
    return Exemplar(dict(theirs.labels), float(theirs.value), float(theirs.timestamp or 0.0))
