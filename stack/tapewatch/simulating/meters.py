"""What a service measures with: one instrument for each family that it declares, and no way to name another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import Summary

from tapewatch_sdk.families import Family, MetricType
from tapewatch_sdk.instruments import (
    CONTENT_TYPE_OPENMETRICS,
    CONTENT_TYPE_TEXT,
    HistogramSeries,
    HistogramValue,
    MetricsRegistry,
    generate_openmetrics,
    generate_text,
)

__all__ = ["SIMULATED", "Meter", "Meters", "Series"]

SIMULATED = "tapewatch_sdk_simulated"
"""Says of all others that they come from a simulation; whoever keeps or shows them can tell."""

_OPENMETRICS = "application/openmetrics-text"


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a family at one moment.

    Parameters:
        labels: label values, in the order of `Family.labels`.
        value: of a counter or a gauge; of a histogram or a summary the sum of all observations.
        counts: observations up to and including each bound of a histogram, the last being all of them; of a summary
            the number of observations alone.
    """

    labels: tuple[str, ...]
    value: float
    counts: tuple[int, ...] = ()


class Meter:
    """One family. Values of its labels are given in the order in which it declares them.

    Parameters:
        instrument: measures; None for a family that the service does not declare, which is measured by nobody.
        labels: its labels.
    """

    def __init__(self, instrument: Any = None, labels: tuple[str, ...] = ()) -> None:
        self._instrument = instrument
        self._labels = labels
        self._series: dict[tuple[str, ...], Any] = {}

    def appear(self, *labels: str) -> None:
        """Let a series be there before anything happened: a counter that appears with 1 is easily missed."""
        self._bound(labels)

    def inc(self, amount: float, *labels: str) -> None:
        """Count."""
        if (series := self._bound(labels)) is not None:
            series.inc(amount)

    def set(self, value: float, *labels: str) -> None:
        """Set a gauge."""
        if (series := self._bound(labels)) is not None:
            series.set(value)

    def observe(self, value: float, *labels: str) -> None:
        """Take one observation into a histogram or a summary."""
        if (series := self._bound(labels)) is not None:
            series.observe(value)

    def _bound(self, labels: tuple[str, ...]) -> Any:
        series = self._series.get(labels)
        if series is None and self._instrument is not None and len(labels) == len(self._labels):
            named = dict(zip(self._labels, labels, strict=True))
            plain = isinstance(self._instrument, Summary) and not named
            series = self._series[labels] = self._instrument if plain else self._instrument.labels(**named)
        return series


class Meters:
    """The instruments of a service.

    Parameters:
        families: what it declares. A catalogue of one's own may lack some that the platform knows, or label them
            otherwise; what does not fit is measured by nobody.

    Attributes:
        registry: has all of them, for scrapes and pushes.
    """

    def __init__(self, families: Iterable[Family]) -> None:
        self.families = {family.name: family for family in families}
        self.registry = MetricsRegistry()
        self.registry.gauge(SIMULATED, "The numbers of this service are made up (1).").set(1)
        self._instruments = {name: self._made(family) for name, family in self.families.items()}
        self._meters = {name: Meter(each, self.families[name].labels) for name, each in self._instruments.items()}

    def __getitem__(self, name: str) -> Meter:
        return self._meters.get(name) or Meter()

    def exposed(self, accept: str) -> tuple[bytes, str]:
        """All series as a scrape gets them, and their content type.

        Parameters:
            accept: what the client takes, as in its header.
        """
        if _OPENMETRICS in accept:
            return generate_openmetrics(self.registry), CONTENT_TYPE_OPENMETRICS
        return generate_text(self.registry), CONTENT_TYPE_TEXT

    def collected(self) -> Mapping[str, tuple[Series, ...]]:
        """All series by family."""
        return {name: tuple(_read(each, self.families[name])) for name, each in self._instruments.items()}

    def value(self, name: str, *labels: str) -> float:
        """The value of a counter or a gauge, the sum of a histogram; 0 for a series that is not there."""
        return next((each.value for each in self.collected()[name] if each.labels == labels), 0.0)

    def total(self, name: str) -> float:
        """The sum over all series of a family."""
        return sum(each.value for each in self.collected()[name])

    def _made(self, family: Family) -> Any:
        text = family.help or family.name
        match family.type:
            case MetricType.COUNTER:
                return self.registry.counter(family.name, text, family.labels)
            case MetricType.GAUGE:
                return self.registry.gauge(family.name, text, family.labels)
            case MetricType.HISTOGRAM:
                return self.registry.histogram(family.name, text, family.labels, buckets=family.buckets)
            case MetricType.SUMMARY:
                summary = Summary(family.name, text, family.labels, registry=None)
                self.registry.register(summary)
                return summary


def _read(instrument: Any, family: Family) -> Iterable[Series]:
    if isinstance(instrument, Summary):
        yield from _summaries(instrument, family)
        return
    for each in instrument.series():
        named = each.labels
        labels = tuple(named[label] for label in family.labels)
        if isinstance(each, HistogramSeries):
            value: HistogramValue = each.get()
            yield Series(labels, value.sum, tuple(int(count) for count in value.buckets.values()))
        else:
            yield Series(labels, float(each.get()))


def _summaries(summary: Summary, family: Family) -> Iterable[Series]:
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for metric in summary.collect():
        for sample in metric.samples:
            labels = tuple(sample.labels[label] for label in family.labels)
            found.setdefault(labels, {})[sample.name.removeprefix(family.name)] = sample.value
    for labels, values in found.items():
        yield Series(labels, values["_sum"], (int(values["_count"]),))
