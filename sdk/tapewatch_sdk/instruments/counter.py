"""Counters: what only goes up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments._instrument import Dropped, Instrument, Series
from tapewatch_sdk.instruments._numbers import number

__all__ = ["Counter", "CounterSeries"]


class CounterSeries(Series):
    """One series of a counter. Its cell is exact under threads without a lock, see `_cells`."""

    __slots__ = ("value",)

    _instrument: Counter

    def __init__(self, instrument: Counter, label_values: tuple[str, ...]) -> None:
        super().__init__(instrument, label_values)
        self.value = 0.0

    def inc(self, amount: float = 1.0) -> None:
        """Count up.

        Parameters:
            amount: how much; what is negative, NaN or no number is dropped and counted.
        """
        # Each branch knows its type, so that the interpreter specialises it.
        try:
            if type(amount) is float:
                if amount >= 0.0:
                    self.value += amount
                    return
            elif type(amount) is int and amount >= 0:
                self.value += amount
                return
        except OverflowError:
            pass
        self._inc_other(amount)

    def get(self) -> float:
        """The count."""
        return self.value

    def values(self) -> list[float]:
        """The count."""
        return [self.get()]

    def reset(self) -> None:
        """Begin anew at zero."""
        self.value = 0.0

    def _inc_other(self, amount: object) -> None:
        """Count up by what is neither float nor int, or must be dropped."""
        value = number(amount)
        if value is not None and value >= 0.0:
            self.inc(value)
        else:
            self._instrument.refuse(amount)


class LostCounterSeries(CounterSeries):
    """Stands for a series that is not kept: it counts each update as dropped."""

    __slots__ = ("_dropped",)

    def __init__(self, instrument: Counter, dropped: Dropped) -> None:
        super().__init__(instrument, ("",) * len(instrument.label_names))
        self._dropped = dropped

    def inc(self, amount: float = 1.0) -> None:
        """Drop it."""
        self._instrument.drop(self._dropped)


class Counter(Instrument[CounterSeries]):
    """Counts events or amounts. It only goes up, and begins at zero with the process.

    orders = registry.counter("orders_total", "Orders sent.", ["symbol"])
    orders.inc(labels={"symbol": "BTC-USD"})
    btc = orders.labels(symbol="BTC-USD")   # for hot paths
    btc.inc()
    """

    __slots__ = ()

    kind = MetricType.COUNTER
    series_type: ClassVar[type[CounterSeries]] = CounterSeries

    def inc(self, amount: float = 1.0, labels: Mapping[str, object] | None = None) -> None:
        """Count up.

        Parameters:
            amount: how much; what is negative, NaN or no number is dropped and counted.
            labels: a value for each label; text is the quickest. With others, or beyond the budget, the update is
                dropped and counted.

        Raises:
            InstrumentError: in strict mode, instead of dropping.
        """
        try:
            if type(amount) is float:
                if amount >= 0.0:
                    if labels is None:
                        self._only.value += amount
                        return
                    if len(labels) == self._width:
                        self._series[self._key(labels)].value += amount
                        return
            elif type(amount) is int and amount >= 0 and labels is None:
                self._only.value += amount
                return
        except Exception:  # noqa: BLE001, S110 - nothing of a caller's labels may reach the caller
            pass
        self._at(labels).inc(amount)

    def get(self, labels: Mapping[str, object] | None = None) -> float:
        """The count of a series; 0.0 for one that was never used, which is not made by this."""
        found = self._find(labels)
        return found.get() if found else 0.0

    def refuse(self, amount: object) -> None:
        """Drop an amount that cannot be counted."""
        self.drop(self._bad_value(amount, must="a number that is not negative"))

    def _make(self, label_values: tuple[str, ...]) -> CounterSeries:
        return self.series_type(self, label_values)

    def _lost(self, dropped: Dropped) -> CounterSeries:
        return LostCounterSeries(self, dropped)
