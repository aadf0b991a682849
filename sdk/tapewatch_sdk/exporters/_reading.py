"""Reads a registry into batches: our instruments, and collectors of prometheus-client."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from tapewatch_sdk.exporters._foreign import families_of
from tapewatch_sdk.exporters._labels import merged
from tapewatch_sdk.exporters.contract import NO_EXEMPLARS, Batch, Collects, FamilyPoints, Point
from tapewatch_sdk.families import Family, MetricType
from tapewatch_sdk.instruments import Counter, Exemplar, Gauge, Histogram, MetricsRegistry

__all__ = ["Reader"]

Points = dict[Hashable, Point]
"""The points of a family by what tells its series apart."""


class _Started:
    """Since when this process counts: since it loaded this module, or was forked."""

    def __init__(self) -> None:
        self.at = time.time()


_STARTED = _Started()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_STARTED.__init__)  # type: ignore[misc]


class Reader:
    """What an exporter reads: each has its own, which remembers what it read before.

    Parameters:
        registry: what is read.
        labels: the service's own labels, which every point gets. Where an instrument has a label of that name, its own
            becomes `exported_NAME`, as in a scrape by Prometheus.
        interval: seconds from one batch to the next.
        buffer: how many batches are kept while the backend takes none.
    """

    def __init__(self, registry: Collects, labels: Mapping[str, str], interval: float = 15.0, buffer: int = 40) -> None:
        self.registry = registry
        self.interval = interval
        self.buffer = buffer
        self._labels = {name: value for name, value in labels.items() if value}
        self._lock = threading.Lock()
        self._before: dict[tuple[str, MetricType], Points] = {}
        self._last = 0.0

    def read(self) -> Batch:
        """Every series now, with the service's own labels."""
        with self._lock:
            before, found, described = self._before, dict[tuple[str, MetricType], Points](), dict[str, str]()
            taken: set[str] = set()
            for name, kind, description, points in self._read():
                names = set(Family(name, kind, "").series_names)
                if (name, kind) in found:  # prometheus-client's collectors may bring a family in parts
                    found[name, kind] = {**points, **found[name, kind]}
                elif taken.isdisjoint(names) and points:
                    taken |= names  # a name that came twice would spoil the whole batch for some backends
                    found[name, kind], described[name] = points, description
            self._before = found
            return Batch(self._now(), _STARTED.at, _families(found, described), _gone(before, found))

    def _now(self) -> float:
        """The time, later than at the last call even if the clock was set back by a little."""
        now = time.time()
        if self._last - self.interval < now < self._last + 0.001:
            now = self._last + 0.001
        self._last = now
        return now

    def _read(self) -> Iterator[tuple[str, MetricType, str, Points]]:
        if not isinstance(self.registry, MetricsRegistry):
            yield from families_of(_collected(self.registry), self._labels, lambda: None)
            return
        registry = self.registry
        for member in registry.gathered():
            if isinstance(member, Counter | Gauge | Histogram):
                yield member.name, member.kind, member.description, self._own(member)
            else:
                yield from families_of(registry.read(member), self._labels, _count_error(registry, member))

    def _own(self, instrument: Counter | Gauge | Histogram) -> Points:
        """The points of one of our instruments; the labels of a series are put together once."""
        before = self._before.get((instrument.name, instrument.kind), {})
        found: Points = {}
        for series in instrument.series():
            key = (instrument.label_names, series.label_values)
            known = before.get(key)
            labels = merged(series.labels, self._labels) if known is None else known.labels
            exemplars = series.exemplars()
            found[key] = Point(labels, series.get(), _exemplars(instrument, exemplars) if exemplars else NO_EXEMPLARS)
        return found


def _collected(registry: Collects) -> Iterator[Any]:
    """Its families; it is asked when the first is taken, where what it raises is caught."""
    yield from registry.collect()


def _count_error(registry: MetricsRegistry, member: object) -> Any:
    return lambda: registry.count_error(member)


def _exemplars(instrument: Any, found: Iterable[Exemplar | None]) -> Mapping[float, Exemplar]:
    return {bound: each for bound, each in zip(instrument.buckets, found, strict=False) if each is not None}


def _families(found: Mapping[tuple[str, MetricType], Points], described: Mapping[str, str]) -> tuple[FamilyPoints, ...]:
    return tuple(
        FamilyPoints(name, kind, described[name], tuple(points.values())) for (name, kind), points in found.items()
    )


def _gone(
    before: Mapping[tuple[str, MetricType], Points], found: Mapping[tuple[str, MetricType], Points]
) -> tuple[FamilyPoints, ...]:
    """What was there before and is no more."""
    gone = []
    for (name, kind), points in before.items():
        here = found.get((name, kind), {})
        left = tuple(points[key] for key in points.keys() - here.keys())
        if left:
            gone.append(FamilyPoints(name, kind, "", left))
    return tuple(gone)
