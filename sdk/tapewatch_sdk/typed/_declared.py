"""A family as the generated module declares it: an attribute of a domain's class."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments import CounterSeries, GaugeSeries, HistogramSeries, MetricsRegistry
from tapewatch_sdk.instruments.errors import instrument_error
from tapewatch_sdk.typed._labelled import Keeps, Labelled
from tapewatch_sdk.typed._summary import SummarySeries, summary_of

__all__ = ["Declared", "counter", "gauge", "histogram", "summary"]

P = ParamSpec("P")
T = TypeVar("T")
Values = Callable[P, dict[str, str]]
"""Its keywords are the labels; it gives their values by the labels' true names (`class_` -> `class`)."""


class Declared(Generic[T]):
    """A family of the catalogue. On an instance of its class stands what it is used by: a `T`.

    Parameters:
        kind: its type.
        name: the name that is exposed, byte for byte.
        description: one line for people; the `HELP` of the exposition.
        values: the function of its labels; None where it has none.
        unit: what it is measured in; empty for a plain count.
        buckets: upper bounds of a histogram, in `unit`.
    """

    __slots__ = ("_values", "buckets", "description", "kind", "labels", "name", "unit")

    def __init__(
        self,
        kind: MetricType,
        name: str,
        description: str,
        values: Callable[..., dict[str, str]] | None,
        unit: str,
        buckets: tuple[float, ...] = (),
    ) -> None:
        self.kind = kind
        self.name = name
        self.description = description
        self.labels = _names(values)
        """The names of its labels, as the catalogue has them."""
        self.unit = unit
        self.buckets = buckets
        self._values = values

    @overload
    def __get__(self, domain: None, owner: type[object]) -> Declared[T]: ...

    @overload
    def __get__(self, domain: object, owner: type[object]) -> T: ...

    def __get__(self, domain: object | None, owner: type[object]) -> Declared[T] | T:
        # On an instance its own attribute of this name is found first.
        return self

    def bind(self, registry: MetricsRegistry, series_budget: int) -> T:
        """What the family is used by, its instrument made in a registry or found there.

        Raises:
            InstrumentError: the name stands for something else there, or would become another one.
        """
        instrument = self._instrument(registry, _within(registry, self.name), series_budget)
        return cast(T, instrument.labels() if self._values is None else Labelled(instrument, self._values))

    def _instrument(self, registry: MetricsRegistry, name: str, budget: int) -> Keeps[Any]:
        match self.kind:
            case MetricType.COUNTER:
                return registry.counter(name, self.description, self.labels, series_budget=budget)
            case MetricType.GAUGE:
                return registry.gauge(name, self.description, self.labels, series_budget=budget)
            case MetricType.HISTOGRAM:
                return registry.histogram(
                    name, self.description, self.labels, buckets=self.buckets, series_budget=budget
                )
        return summary_of(registry, self.name, self.description, self.labels, budget)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} {self.labels}>"


@overload
def counter(name: str, description: str, /, *, unit: str = "") -> Declared[CounterSeries]: ...
@overload
def counter(
    name: str, description: str, values: Values[P], /, *, unit: str = ""
) -> Declared[Labelled[P, CounterSeries]]: ...
def counter(
    name: str, description: str, values: Callable[..., dict[str, str]] | None = None, /, *, unit: str = ""
) -> Declared[Any]:
    """A counter; the parameters are those of `Declared`."""
    return Declared(MetricType.COUNTER, name, description, values, unit)


@overload
def gauge(name: str, description: str, /, *, unit: str = "") -> Declared[GaugeSeries]: ...
@overload
def gauge(
    name: str, description: str, values: Values[P], /, *, unit: str = ""
) -> Declared[Labelled[P, GaugeSeries]]: ...
def gauge(
    name: str, description: str, values: Callable[..., dict[str, str]] | None = None, /, *, unit: str = ""
) -> Declared[Any]:
    """A gauge; the parameters are those of `Declared`."""
    return Declared(MetricType.GAUGE, name, description, values, unit)


@overload
def histogram(
    name: str, description: str, /, *, buckets: tuple[float, ...], unit: str = ""
) -> Declared[HistogramSeries]: ...
@overload
def histogram(
    name: str, description: str, values: Values[P], /, *, buckets: tuple[float, ...], unit: str = ""
) -> Declared[Labelled[P, HistogramSeries]]: ...
def histogram(
    name: str,
    description: str,
    values: Callable[..., dict[str, str]] | None = None,
    /,
    *,
    buckets: tuple[float, ...],
    unit: str = "",
) -> Declared[Any]:
    """A histogram; the parameters are those of `Declared`."""
    return Declared(MetricType.HISTOGRAM, name, description, values, unit, buckets)


@overload
def summary(name: str, description: str, /, *, unit: str = "") -> Declared[SummarySeries]: ...
@overload
def summary(
    name: str, description: str, values: Values[P], /, *, unit: str = ""
) -> Declared[Labelled[P, SummarySeries]]: ...
def summary(
    name: str, description: str, values: Callable[..., dict[str, str]] | None = None, /, *, unit: str = ""
) -> Declared[Any]:
    """A summary; the parameters are those of `Declared`."""
    return Declared(MetricType.SUMMARY, name, description, values, unit)


def _names(values: Callable[..., dict[str, str]] | None) -> tuple[str, ...]:
    """The labels' names: what the function gives when it is called with its own keywords."""
    if values is None:
        return ()
    code = cast(FunctionType, values).__code__
    return tuple(values(**dict.fromkeys(code.co_varnames[: code.co_kwonlyargcount], "")))


def _within(registry: MetricsRegistry, name: str) -> str:
    """The name that a registry makes into this one by its prefix."""
    prefix = f"{registry.prefix}_" if registry.prefix else ""
    if not name.startswith(prefix) or name == prefix:
        raise instrument_error(
            "prefix",
            f"a registry with the prefix `{registry.prefix}` would not expose `{name}` under its own name",
            must="a family is exposed under the name that the catalogue declares",
            fix="give a registry without a prefix; two registries can share one `/metrics`",
            name=name,
        )
    return name.removeprefix(prefix)
