"""What exists: the metrics, labels and services against which an expression is held."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from tapewatch.promql import _server_metrics
from tapewatch_sdk.families import Family, MetricType

__all__ = ["ANY_LABELS", "SERVER_METRICS", "Kind", "Labels", "RecordedSeries", "Series", "Universe"]

_ALWAYS_SET = frozenset(("environment", "service", "team"))
"""Target labels that every sample of a service carries, pushed or scraped."""


class Kind(StrEnum):
    """What the values of a series or of an expression are."""

    COUNTER = "counter"
    GAUGE = "gauge"
    BUCKET = "cumulative histogram bucket"
    BUCKET_RATE = "rate of a histogram bucket"
    SCALAR = "scalar"
    STRING = "string"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Labels:
    """Which labels the series of a result carry.

    Parameters:
        known: labels that they can carry.
        sure: those of `known` that every one of them carries.
        open: whether they may carry others besides, because a metric is not declared here.
    """

    known: frozenset[str] = frozenset()
    sure: frozenset[str] = frozenset()
    open: bool = False

    @classmethod
    def of(cls, *names: str) -> Labels:
        """Exactly these labels, on every series."""
        return cls(frozenset(names), frozenset(names))

    def may_have(self, label: str) -> bool:
        """Whether a series can carry the label."""
        return self.open or label in self.known

    def keep(self, names: Iterable[str]) -> Labels:
        """These labels alone, as far as they can be there."""
        names = frozenset(names)
        return Labels(names if self.open else self.known & names, self.sure & names)

    def without(self, names: Iterable[str]) -> Labels:
        """All labels but these."""
        names = frozenset(names)
        return Labels(self.known - names, self.sure - names, self.open)

    def plus(self, names: Iterable[str], *, sure: bool = False) -> Labels:
        """These labels besides; `sure` when every series gets them."""
        names = frozenset(names)
        return Labels(self.known | names, self.sure | names if sure else self.sure, self.open)

    def union(self, other: Labels) -> Labels:
        """The labels of series that come from either side."""
        return Labels(self.known | other.known, self.sure & other.sure, self.open or other.open)


ANY_LABELS = Labels(open=True)


@dataclass(frozen=True, slots=True)
class RecordedSeries:
    """What a recording rule yields; `lineage.recorded` derives one from the rule's expression.

    Parameters:
        labels: the labels of the result; `ANY_LABELS` (open) where they are not known.
        kind: what the values are: `BUCKET` where sums of raw buckets are recorded, `BUCKET_RATE` where their rates are.
        upper_bound: a value that the series cannot exceed, such as the highest finite bound of the histogram from
            which a quantile is recorded; for buckets, that highest finite bound itself; None when there is none.
    """

    labels: Labels = ANY_LABELS
    kind: Kind = Kind.UNKNOWN
    upper_bound: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """The samples that are stored under one name.

    Parameters:
        name: the name.
        kind, labels, upper_bound: as for `RecordedSeries`.
        domain: the catalogue's domain that declares it; empty for what no service of the catalogue emits.
    """

    name: str
    kind: Kind
    labels: Labels
    upper_bound: float | None = None
    domain: str = ""


def _server_metrics_by_name() -> dict[str, Series]:
    series = {name: Series(name, Kind.GAUGE, ANY_LABELS) for name in _server_metrics.GAUGES}
    for name in _server_metrics.HISTOGRAMS:
        bucket = Labels(frozenset(("le",)), frozenset(("le",)), open=True)
        series[f"{name}_bucket"] = Series(f"{name}_bucket", Kind.BUCKET, bucket)
        for suffix in ("_sum", "_count"):
            series[name + suffix] = Series(name + suffix, Kind.COUNTER, ANY_LABELS)
    return series


SERVER_METRICS: Mapping[str, Series] = _server_metrics_by_name()
"""The servers' own metrics whose type is known; their labels are open. Others are known by their prefix."""


@dataclass(frozen=True)
class Universe:
    """Everything that an expression may refer to.

    Parameters:
        families: the declared metric families, by name.
        emits: for each service the domains that it emits.
        target_labels: labels that come from the target (environment, service, team, job, instance and a service's own).
        records: what recording rules yield, by the name that they record.
    """

    families: Mapping[str, Family] = field(default_factory=dict)
    emits: Mapping[str, frozenset[str]] = field(default_factory=dict)
    target_labels: frozenset[str] = frozenset(("environment", "service", "team", "job", "instance"))
    records: Mapping[str, RecordedSeries] = field(default_factory=dict)

    def series(self, name: str) -> Series | None:
        """What is stored under a name; None when nothing that we know of is."""
        found = self._declared.get(name) or SERVER_METRICS.get(name)
        if found is None and name.startswith(_server_metrics.PREFIXES):
            return Series(name, _kind_by_suffix(name), ANY_LABELS)
        return found

    def nearest(self, name: str) -> str | None:
        """The known name that a misspelt one most likely means; None when none is close."""
        family = self.families.get(name)
        if family is not None:
            return family.series_names[0]
        names = self._names
        close = difflib.get_close_matches(
            name, [known for known in names if abs(len(known) - len(name)) < 12], n=1, cutoff=0.7
        )
        return close[0] if close else None

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return (*self._declared, *SERVER_METRICS)

    @cached_property
    def _declared(self) -> dict[str, Series]:
        targets = Labels(self.target_labels)
        found = {name: Series(name, Kind.GAUGE, targets) for name in _server_metrics.TARGET_METRICS}
        for family in self.families.values():
            found.update((series.name, series) for series in self._of_family(family))
        for name, record in self.records.items():
            found[name] = Series(name, record.kind, record.labels, record.upper_bound)
        return found

    def _of_family(self, family: Family) -> Iterable[Series]:
        labels = Labels(self.target_labels, self.target_labels & _ALWAYS_SET).plus(family.labels, sure=True)
        bound = family.buckets[-1] if family.buckets else None
        for name in family.series_names:
            kind, own, upper_bound = _KINDS[family.type], labels, None
            if name != family.name:
                kind = Kind.COUNTER
            elif family.type is MetricType.SUMMARY:
                own = labels.plus(("quantile",), sure=True)
            if family.type is MetricType.HISTOGRAM and name.endswith("_bucket"):
                kind, own, upper_bound = Kind.BUCKET, labels.plus(("le",), sure=True), bound
            yield Series(name, kind, own, upper_bound, family.domain)


_KINDS = {
    MetricType.COUNTER: Kind.COUNTER,
    MetricType.GAUGE: Kind.GAUGE,
    MetricType.HISTOGRAM: Kind.BUCKET,
    MetricType.SUMMARY: Kind.GAUGE,
}


def _kind_by_suffix(name: str) -> Kind:
    if name.endswith("_total"):
        return Kind.COUNTER
    return Kind.BUCKET if name.endswith("_bucket") else Kind.UNKNOWN
