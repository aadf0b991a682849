"""The instruments with a cell for each thread; `_cells` says where they are used, and why they are exact."""

from __future__ import annotations

from _thread import get_ident
from bisect import bisect_left
from collections.abc import Mapping
from math import isnan

from tapewatch_sdk.instruments._cells import ThreadCells, tell_at_end_of_thread
from tapewatch_sdk.instruments._locking import LOCK
from tapewatch_sdk.instruments._numbers import number
from tapewatch_sdk.instruments.counter import Counter, CounterSeries
from tapewatch_sdk.instruments.exemplar import CURRENT
from tapewatch_sdk.instruments.gauge import Gauge, GaugeSeries
from tapewatch_sdk.instruments.histogram import Histogram, HistogramSeries

__all__ = ["ThreadCounter", "ThreadGauge", "ThreadHistogram"]


class ThreadCounterSeries(CounterSeries):
    """A count in a cell for each thread."""

    __slots__ = ("cells",)

    def __init__(self, instrument: Counter, label_values: tuple[str, ...]) -> None:
        super().__init__(instrument, label_values)
        self.cells = ThreadCells(1)

    def inc(self, amount: float = 1.0) -> None:
        """Count up."""
        if type(amount) is float and amount >= 0.0:
            try:
                self.cells.of[get_ident()][0] += amount
            except KeyError:
                self.cells.take()[0] += amount
        else:
            self._inc_other(amount)

    def get(self) -> float:
        """The count."""
        return self.cells.sums()[0]

    def reset(self) -> None:
        """Begin anew at zero."""
        self.cells = ThreadCells(1)


class ThreadHistogramSeries(HistogramSeries):
    """Sum and buckets in a list for each thread."""

    __slots__ = ("cells",)

    def observe(self, value: float, exemplar: Mapping[str, str] | None = None) -> None:
        """Count one observation."""
        if type(value) is float and value == value and exemplar is None and CURRENT.source is None:
            self.add(value)
        else:
            self._observe_other(value, exemplar)

    def add(self, value: float) -> None:
        """Count one observation that is a number."""
        try:
            cell = self.cells.of[get_ident()]
        except KeyError:
            cell = self.cells.take()
        cell[0] += value
        if not isnan(value):
            cell[1 + bisect_left(self.bounds, value)] += 1.0

    def read(self) -> tuple[list[float], float]:
        """The count of each bucket, not cumulative, and the sum."""
        total, *counts = self.cells.sums()
        return counts, total

    def reset(self) -> None:
        """Begin anew at zero."""
        self.cells = ThreadCells(1 + len(self.bounds))
        self._exemplars = None


class ThreadGaugeSeries(GaugeSeries):
    """A value in parts: what was set, and what each thread has added since.

    To set a value is to begin with a new dict. An update that still goes to the old one came before the setting. The
    key None holds what was set; the first thread that adds to it makes that part its own, so that one thread alone
    adds in the order in which it is called, and rounds as an ordinary sum does. What moves from one key to another is
    under two keys for a moment, never under none, and under the lock.
    """

    __slots__ = ("__weakref__", "_parts")

    def __init__(self, instrument: Gauge, label_values: tuple[str, ...]) -> None:
        super().__init__(instrument, label_values)
        self._parts: dict[int | None, float] = {None: 0.0}

    def set(self, value: float) -> None:
        """Say what the value is."""
        converted = number(value)
        if converted is None:
            self._instrument.refuse(value)
        else:
            self._parts = {None: converted}

    def inc(self, amount: float = 1.0) -> None:
        """Go up by an amount."""
        converted = number(amount)
        if converted is None:
            self._instrument.refuse(amount)
            return
        parts = self._parts
        try:
            parts[get_ident()] += converted
        except KeyError:
            self._take(parts, converted)

    def dec(self, amount: float = 1.0) -> None:
        """Go down by an amount."""
        converted = number(amount)
        if converted is None:
            self._instrument.refuse(amount)
        else:
            self.inc(-converted)

    def get(self) -> float:
        """The value."""
        parts = self._parts.copy()
        if len(parts) == 1:
            return next(iter(parts.values()))
        with LOCK:
            return sum(self._parts.copy().values())

    def leave(self, thread: int) -> None:
        """Move what an ended thread has added to what was set."""
        with LOCK:
            parts = self._parts
            if thread in parts:
                parts[None] = parts.get(None, 0.0) + parts[thread]
                del parts[thread]

    def _take(self, parts: dict[int | None, float], amount: float) -> None:
        """The first addition of this thread since the value was set."""
        with LOCK:
            parts[get_ident()] = parts.get(None, 0.0) + amount
            parts.pop(None, None)
            tell_at_end_of_thread(self)


class ThreadCounter(Counter):
    """A counter with a cell for each thread."""

    __slots__ = ()

    series_type = ThreadCounterSeries

    def inc(self, amount: float = 1.0, labels: Mapping[str, object] | None = None) -> None:
        """Count up."""
        self._at(labels).inc(amount)


class ThreadGauge(Gauge):
    """A gauge with a cell for each thread."""

    __slots__ = ()

    series_type = ThreadGaugeSeries

    def set(self, value: float, labels: Mapping[str, object] | None = None) -> None:
        """Say what the value is."""
        self._at(labels).set(value)


class ThreadHistogram(Histogram):
    """A histogram with a cell for each thread."""

    __slots__ = ()

    series_type = ThreadHistogramSeries
