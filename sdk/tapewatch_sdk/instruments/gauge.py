"""Gauges: what goes up and down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments._instrument import Dropped, Instrument, Series
from tapewatch_sdk.instruments._numbers import number

__all__ = ["Gauge", "GaugeSeries"]


class GaugeSeries(Series):
    """One series of a gauge. Its cell is exact under threads without a lock, see `_cells`."""

    __slots__ = ("value",)

    _instrument: Gauge

    def __init__(self, instrument: Gauge, label_values: tuple[str, ...]) -> None:
        super().__init__(instrument, label_values)
        self.value = 0.0

    def set(self, value: float) -> None:
        """Say what the value is; NaN and infinities are values too. What is no number is dropped and counted."""
        try:
            if type(value) is float:
                self.value = value
                return
            if type(value) is int:
                self.value = value + 0.0
                return
        except OverflowError:
            pass
        self._other(self.set, value)

    def inc(self, amount: float = 1.0) -> None:
        """Go up by an amount, which may be negative. What is no number is dropped and counted."""
        if type(amount) is float:
            self.value += amount
        else:
            self._other(self.inc, amount)

    def dec(self, amount: float = 1.0) -> None:
        """Go down by an amount. What is no number is dropped and counted."""
        if type(amount) is float:
            self.value -= amount
        else:
            self._other(self.dec, amount)

    def get(self) -> float:
        """The value."""
        return self.value

    def values(self) -> list[float]:
        """The value."""
        return [self.get()]

    def _other(self, update: Callable[[float], None], value: object) -> None:
        """Update by what is no float, or drop it."""
        converted = number(value)
        if converted is None:
            self._instrument.refuse(value)
        else:
            update(converted)


class LostGaugeSeries(GaugeSeries):
    """Stands for a series that is not kept: it counts each update as dropped."""

    __slots__ = ("_dropped",)

    def __init__(self, instrument: Gauge, dropped: Dropped) -> None:
        super().__init__(instrument, ("",) * len(instrument.label_names))
        self._dropped = dropped

    def set(self, value: float) -> None:
        """Drop it."""
        self._instrument.drop(self._dropped)

    def inc(self, amount: float = 1.0) -> None:
        """Drop it."""
        self._instrument.drop(self._dropped)

    def dec(self, amount: float = 1.0) -> None:
        """Drop it."""
        self._instrument.drop(self._dropped)


class Gauge(Instrument[GaugeSeries]):
    """A value that goes up and down: a position, a price, how many requests are under way.

        position = registry.gauge("position_usd", "Value of the position.", ["symbol"])
        position.set(125_000.0, {"symbol": "BTC-USD"})

    In the methods, `labels` gives each label a value. With other labels, beyond the budget, or with what is no number,
    the update is dropped and counted; in strict mode `InstrumentError` is raised.
    """

    __slots__ = ()

    kind = MetricType.GAUGE
    series_type: ClassVar[type[GaugeSeries]] = GaugeSeries

    def set(self, value: float, labels: Mapping[str, object] | None = None) -> None:
        """Say what the value is; NaN and infinities are values too."""
        if type(value) is float:
            try:
                if labels is None:
                    self._only.value = value
                    return
                if len(labels) == self._width:
                    self._series[self._key(labels)].value = value
                    return
            except Exception:  # noqa: BLE001, S110 - nothing of a caller's labels may reach the caller
                pass
        self._at(labels).set(value)

    def inc(self, amount: float = 1.0, labels: Mapping[str, object] | None = None) -> None:
        """Go up by an amount, which may be negative."""
        self._at(labels).inc(amount)

    def dec(self, amount: float = 1.0, labels: Mapping[str, object] | None = None) -> None:
        """Go down by an amount."""
        self._at(labels).dec(amount)

    def get(self, labels: Mapping[str, object] | None = None) -> float:
        """The value of a series; 0.0 for one that was never used, which is not made by this."""
        found = self._find(labels)
        return found.get() if found else 0.0

    def refuse(self, value: object) -> None:
        """Drop what is no number."""
        self.drop(self._bad_value(value, must="a number"))

    def _make(self, label_values: tuple[str, ...]) -> GaugeSeries:
        return self.series_type(self, label_values)

    def _lost(self, dropped: Dropped) -> GaugeSeries:
        return LostGaugeSeries(self, dropped)
