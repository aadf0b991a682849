"""What was not pushed, as a metric of the registry itself: it shows up where the rest arrives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from threading import Lock
from typing import Any, cast
from weakref import WeakKeyDictionary

from tapewatch_sdk.exporters.contract import Collects, Export
from tapewatch_sdk.instruments import MetricsRegistry

__all__ = ["DROPPED_BATCHES", "Losses", "losses_of"]

DROPPED_BATCHES = "tapewatch_sdk_dropped_batches_total"
"""Counts what never arrived, by `exporter` and `reason`: `buffer` (it was full, or the program ended), `refused`."""


class Losses:
    """Counts the losses of all exports of one registry. There is no series as long as there is nothing to tell."""

    def __init__(self) -> None:
        self.registry = MetricsRegistry()
        self.registry.register_callback(self.look)
        self._exports: list[tuple[str, Export, dict[str, float]]] = []
        self._looking = Lock()

    def add(self, exporter: str, export: Export) -> None:
        """Count for this export too."""
        self._exports.append((exporter, export, {"buffer": 0.0, "refused": 0.0}))

    def remove(self, exports: Iterable[Export]) -> None:
        """Forget exports that have ended; what they lost stays."""
        self.look()
        ended = list(exports)
        self._exports = [each for each in self._exports if each[1] not in ended]

    def look(self) -> None:
        """Bring the counts up to date, unless another thread does it just now."""
        if not self._looking.acquire(blocking=False):
            return
        try:
            self._look()
        finally:
            self._looking.release()

    def _look(self) -> None:
        for exporter, export, told in list(self._exports):
            with suppress(Exception):  # it may be a plugin's, and others have something to tell too
                counts = export.counts
                self._count(exporter, told, {"buffer": float(counts.dropped), "refused": float(counts.refused)})

    def _count(self, exporter: str, told: dict[str, float], now: Mapping[str, float]) -> None:
        for reason, number in now.items():
            more, told[reason] = number - told[reason], number
            if more > 0:
                counter = self.registry.counter(
                    DROPPED_BATCHES, "Batches of values that were not pushed.", ["exporter", "reason"]
                )
                counter.inc(more, {"exporter": exporter, "reason": reason})


_ALL: WeakKeyDictionary[Any, Losses] = WeakKeyDictionary()


def losses_of(registry: Collects) -> Losses:
    """The losses of a registry, which shows them from now on, if anything can be registered in it."""
    if not (hasattr(registry, "register") and hasattr(registry, "unregister")):
        return Losses()
    found: Losses | None = _ALL.get(registry)
    if found is None:
        found = _ALL[registry] = Losses()
        cast(Any, registry).register(found.registry)
    return found
