"""What the tests read from a registry."""

from __future__ import annotations

from collections.abc import Mapping

from tapewatch_sdk.instruments import COLLECTION_ERRORS, DROPPED_UPDATES, MetricsRegistry

__all__ = ["dropped", "errors", "value"]


def value(registry: MetricsRegistry, name: str, labels: Mapping[str, str] | None = None) -> float | None:
    """The value of one series, None if there is no such series."""
    found = [sample.value for sample in registry.collect_all() if (sample.name, sample.labels) == (name, labels or {})]
    assert len(found) <= 1, f"{name}{labels} is there {len(found)} times"
    return found[0] if found else None


def dropped(registry: MetricsRegistry, family: str, reason: str) -> float:
    """How many updates of a family were dropped for a reason."""
    return value(registry, DROPPED_UPDATES, {"family": family, "reason": reason}) or 0.0


def errors(registry: MetricsRegistry) -> dict[str, float]:
    """How often each source raised in a collection."""
    return {s.labels["source"]: s.value for s in registry.collect_all() if s.name == COLLECTION_ERRORS}
