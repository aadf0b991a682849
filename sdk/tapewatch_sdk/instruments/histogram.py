"""Histograms: how observations are spread."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar

from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments._instrument import Dropped, Instrument, Series
from tapewatch_sdk.instruments._names import check_buckets
from tapewatch_sdk.instruments._numbers import go_float, number
from tapewatch_sdk.instruments.errors import InstrumentError, instrument_error
from tapewatch_sdk.instruments.exemplar import CURRENT, checked
from tapewatch_sdk.instruments.samples import Exemplar, HistogramValue
from tapewatch_sdk.instruments.timer import Timer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapewatch_sdk.instruments.registry import MetricsRegistry

__all__ = ["DEFAULT_BUCKETS", "Histogram", "HistogramSeries"]

DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, math.inf)
"""Upper bounds in seconds; they are Prometheus's."""


class HistogramSeries(Series):
    """One series of a histogram. Its cells are exact under threads without a lock, see `_cells`."""

    __slots__ = ("_exemplars", "bounds", "counts", "total")

    _instrument: Histogram

    def __init__(self, instrument: Histogram, label_values: tuple[str, ...]) -> None:
        super().__init__(instrument, label_values)
        self.bounds = instrument.buckets
        self._exemplars: list[Exemplar | None] | None = None
        self.reset()

    def observe(self, value: float, exemplar: Mapping[str, str] | None = None) -> None:
        """Count one observation.

        Parameters:
            value: what was observed. NaN makes the sum NaN and falls into no bucket, as with prometheus-client. What
                is no number is dropped and counted.
            exemplar: its trace, `{"trace_id": ...}`; by default what the exemplar source gives.
        """
        if exemplar is None and CURRENT.source is None:
            try:
                # Each branch knows its type, so that the interpreter specialises it.
                if type(value) is float:
                    if value == value:
                        self.total += value
                        self.counts[bisect_left(self.bounds, value)] += 1.0
                        return
                elif type(value) is int:
                    self.total += value
                    self.counts[bisect_left(self.bounds, value)] += 1.0
                    return
            except OverflowError:
                pass
        self._observe_other(value, exemplar)

    def time(self) -> Timer:
        """Observe how long a block or a function takes, in seconds; see `Timer`."""
        return Timer(self.observe)

    def get(self) -> HistogramValue:
        """Count, sum and cumulative buckets."""
        counts, total = self.read()
        buckets = dict(zip(self.bounds, accumulate(counts), strict=True))
        return HistogramValue(buckets[math.inf], total, buckets)

    def read(self) -> tuple[list[float], float]:
        """The count of each bucket, not cumulative, and the sum."""
        return self.counts.copy(), self.total

    def values(self) -> list[float]:
        """The cumulative buckets, the count and, where no bucket is for negative values, the sum."""
        counts, total = self.read()
        found = list(accumulate(counts))
        found.append(found[-1])
        if self._instrument.has_sum:
            found.append(total)
        return found

    def exemplars(self) -> list[Exemplar | None] | None:
        """The last exemplar of each bucket, filled up with None to the length of `values`."""
        found = self._exemplars
        return found and [*found, None, None]

    def reset(self) -> None:
        """Begin anew at zero."""
        self.total = 0.0
        self.counts = [0.0] * len(self.bounds)
        self._exemplars = None

    def add(self, value: float) -> None:
        """Count one observation that is a number."""
        self.total += value
        if not math.isnan(value):
            self.counts[bisect_left(self.bounds, value)] += 1.0

    def _observe_other(self, value: object, exemplar: Mapping[str, str] | None) -> None:
        """Observe what is no float or has an exemplar, or drop it."""
        converted = number(value)
        if converted is None:
            self._instrument.refuse(value)
            return
        self.add(converted)
        try:
            if exemplar is None and CURRENT.source is not None:
                exemplar = CURRENT.source()
            if exemplar and not math.isnan(converted):
                self._keep(Exemplar(checked(exemplar), converted, time.time()))
        except Exception:  # noqa: BLE001 - the source and what it gives are not ours
            self._instrument.refuse_exemplar(exemplar)

    def _keep(self, exemplar: Exemplar) -> None:
        kept = self._exemplars
        if kept is None:  # two threads may both make the list; then one exemplar of many is lost
            kept = self._exemplars = [None] * len(self.bounds)
        kept[bisect_left(self.bounds, exemplar.value)] = exemplar


class LostHistogramSeries(HistogramSeries):
    """Stands for a series that is not kept: it counts each update as dropped."""

    __slots__ = ("_dropped",)

    def __init__(self, instrument: Histogram, dropped: Dropped) -> None:
        super().__init__(instrument, ("",) * len(instrument.label_names))
        self._dropped = dropped

    def observe(self, value: float, exemplar: Mapping[str, str] | None = None) -> None:
        """Drop it."""
        self._instrument.drop(self._dropped)


class Histogram(Instrument[HistogramSeries]):
    """How observations such as durations are spread over buckets.

        latency = registry.histogram("order_latency_seconds", "From signal to order.", ["venue"])
        latency.observe(0.012, {"venue": "kraken"})
        with latency.time({"venue": "kraken"}):
            ...

    Parameters:
        buckets: finite upper bounds, ascending; +Inf is added.

    Raises:
        InstrumentError: the buckets are no ascending numbers; or what every instrument refuses.
    """

    __slots__ = ("_lines", "buckets", "has_sum")

    kind = MetricType.HISTOGRAM
    series_type: ClassVar[type[HistogramSeries]] = HistogramSeries

    def __init__(
        self,
        registry: MetricsRegistry,
        name: str,
        description: str,
        labels: tuple[str, ...],
        budget: float,
        buckets: Sequence[float] = DEFAULT_BUCKETS,
    ) -> None:
        self.buckets = check_buckets(buckets, name)
        self.has_sum = self.buckets[0] >= 0
        """Whether a sum is exposed: with negative observations it would not be a counter."""
        self._lines: list[tuple[str, Mapping[str, str]]] = [
            *(("_bucket", {"le": go_float(bound)}) for bound in self.buckets),
            ("_count", {}),
            *([("_sum", {})] if self.has_sum else []),
        ]
        super().__init__(registry, name, description, labels, budget)

    def observe(
        self, value: float, labels: Mapping[str, object] | None = None, exemplar: Mapping[str, str] | None = None
    ) -> None:
        """Count one observation.

        Parameters:
            value: what was observed, in the unit that the name ends with. NaN makes the sum NaN and falls into no
                bucket, as with prometheus-client. What is no number is dropped and counted.
            labels: a value for each label. With others, or beyond the budget, it is dropped and counted.
            exemplar: its trace, `{"trace_id": ...}`; by default what the exemplar source gives.

        Raises:
            InstrumentError: in strict mode, instead of dropping.
        """
        try:  # as in `_at`, without the call
            if labels is None:
                series = self._only
            elif len(labels) == self._width:
                series = self._series[self._key(labels)]
            else:
                series = self._at(labels)
        except Exception:  # noqa: BLE001 - nothing of a caller's labels may reach the caller
            series = self._at(labels)
        series.observe(value, exemplar)

    def time(self, labels: Mapping[str, object] | None = None) -> Timer:
        """Observe how long a block or a function takes, in seconds; see `Timer`."""
        return self._at(labels).time()

    def get(self, labels: Mapping[str, object] | None = None) -> HistogramValue:
        """Count, sum and cumulative buckets of a series; zeros for one that was never used."""
        found = self._find(labels)
        return found.get() if found else HistogramValue(0.0, 0.0, dict.fromkeys(self.buckets, 0.0))

    def lines(self) -> list[tuple[str, Mapping[str, str]]]:
        """The suffix and `le` of each value of a series."""
        return self._lines

    def refuse(self, value: object) -> None:
        """Drop what is no number."""
        self.drop(self._bad_value(value, must="a number"))

    def refuse_exemplar(self, exemplar: object) -> None:
        """Drop an exemplar; the observation itself is kept."""
        self.drop(Dropped("exemplar", lambda: self._bad_exemplar(exemplar)))

    def _bad_exemplar(self, exemplar: object) -> InstrumentError:
        return instrument_error(
            "bad-exemplar",
            f"`{self.name}` was given the exemplar {exemplar!r}, or its source failed",
            must="label names of letters, digits and `_` with printable texts, 128 characters together",
            fix="give the trace id and the span id alone",
            name=self.name,
        )

    def _make(self, label_values: tuple[str, ...]) -> HistogramSeries:
        return self.series_type(self, label_values)

    def _lost(self, dropped: Dropped) -> HistogramSeries:
        return LostHistogramSeries(self, dropped)
