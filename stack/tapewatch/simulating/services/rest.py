"""Families of which nobody here knows what they mean: steady rates, calm gauges, quick histograms."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import product
from random import Random

from tapewatch.simulating.scene import Actor, Scene
from tapewatch_sdk.families import Family, MetricType

__all__ = ["Rest"]

RATE = 1.0
"""Events a second of a counter, observations a second of a histogram or a summary."""

_SILENT = ("error", "fail", "reject", "break", "trip", "gap", "reconnect", "trigger", "cancel")
"""Words of a counter's name by which it counts what does not happen at rest; it is there, at 0."""

_ONE = ("connected", "capacity", "limit", "remaining", "ratio", "rate", "timestamp")
"""Words of a gauge's name by which it stands at 1; any other stands at 0, where no limit is."""


class Rest(Actor):
    """Measures families by their type alone, so that a service of any catalogue shows all that it declares.

    Parameters:
        scene: what it stands in.
        families: those of them that nobody else measures.
    """

    def __init__(self, scene: Scene, families: Iterable[Family]) -> None:
        super().__init__(scene)
        self._families = [(family, list(_labels(family))) for family in families]
        self._random = Random(f"{scene.seed}/{scene.service}/rest")  # noqa: S311 -- simulated, no secret
        self._until = 0.0

    def begin(self, now: float) -> None:
        """Every series is there from the first moment."""
        self._until = now
        for family, combinations in self._families:
            for labels in combinations:
                if family.type is MetricType.GAUGE:
                    self.meters[family.name].set(float(_has(family, _ONE)), *labels)
                else:
                    self.meters[family.name].appear(*labels)

    def advance(self, now: float) -> None:
        """Count whole events up to a moment."""
        events = math.floor(RATE * now) - math.floor(RATE * self._until)
        self._until = now
        for family, combinations in self._families if events else ():
            for labels in combinations:
                self._measure(family, labels, events)

    def _measure(self, family: Family, labels: tuple[str, ...], events: int) -> None:
        meter = self.meters[family.name]
        if family.type is MetricType.COUNTER and not _has(family, _SILENT):
            meter.inc(events, *labels)
        elif family.type in (MetricType.HISTOGRAM, MetricType.SUMMARY):
            middle = family.buckets[len(family.buckets) // 4] if family.buckets else 1.0
            for _ in range(events):
                meter.observe(middle * min(self._random.lognormvariate(0, 0.25), 1.6), *labels)


def _labels(family: Family) -> Iterable[tuple[str, ...]]:
    return product(*((f"{label}-1", f"{label}-2") for label in family.labels))


def _has(family: Family, words: Iterable[str]) -> bool:
    return any(word in family.name for word in words)
