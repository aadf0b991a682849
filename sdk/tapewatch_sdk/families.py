"""A metric family as the catalogue declares it: name, type, labels, buckets, unit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Family", "MetricType"]


class MetricType(StrEnum):
    """The metric types of the Prometheus exposition format that a catalogue may declare."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family.

    Parameters:
        name: the name that is exposed; for a counter it ends in `_total`.
        type: counter, gauge, histogram or summary.
        domain: the domain of the catalogue in which it is declared.
        labels: the labels that the service itself sets (target labels and `le` are not among them).
        buckets: finite upper bounds of a histogram, ascending, in `unit`; empty otherwise.
        unit: what the value is measured in; empty for a plain count.
        help: one line for people.
    """

    name: str
    type: MetricType
    domain: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    unit: str = ""
    help: str = ""

    @property
    def series_names(self) -> tuple[str, ...]:
        """The names under which samples of this family are stored (`_bucket`, `_sum`, `_count` for a histogram)."""
        if self.type is MetricType.HISTOGRAM:
            return (f"{self.name}_bucket", f"{self.name}_sum", f"{self.name}_count")
        if self.type is MetricType.SUMMARY:
            return (self.name, f"{self.name}_sum", f"{self.name}_count")
        return (self.name,)
