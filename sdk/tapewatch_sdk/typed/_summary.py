"""Summaries: prometheus-client's, held to the promises of our instruments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tapewatch_sdk.instruments import MetricsRegistry, Timer
from tapewatch_sdk.instruments._instrument import Dropped, Instrument
from tapewatch_sdk.instruments._locking import LOCK
from tapewatch_sdk.instruments._numbers import number
from tapewatch_sdk.instruments.errors import InstrumentError, instrument_error

if TYPE_CHECKING:
    import prometheus_client

__all__ = ["Summary", "SummarySeries", "SummaryValue", "summary_of"]


@dataclass(frozen=True, slots=True)
class SummaryValue:
    """All of one summary.

    Parameters:
        count: how many observations there were.
        sum: what they add up to.
    """

    count: float
    sum: float


class SummarySeries:
    """One series of a summary.

    Parameters:
        summary: what it belongs to.
        child: keeps the values; None for one that keeps nothing.
        reason: why it keeps nothing; each of its updates is dropped and counted under this word.
    """

    __slots__ = ("_child", "_reason", "_summary")

    def __init__(self, summary: Summary, child: prometheus_client.Summary | None, reason: str = "") -> None:
        self._summary = summary
        self._child = child
        self._reason = reason

    def observe(self, value: float) -> None:
        """Count one observation; what is no number is dropped and counted."""
        converted = number(value)
        if self._child is None:
            self._summary.drop(self._reason, value)
        elif converted is None:
            self._summary.drop("value", value)
        else:
            self._child.observe(converted)

    def time(self) -> Timer:
        """Observe how long a block or a function takes, in seconds; see `Timer`."""
        return Timer(self.observe)

    def get(self) -> SummaryValue:
        """Count and sum."""
        if self._child is None:
            return SummaryValue(0.0, 0.0)
        found = {sample.name: sample.value for metric in self._child.collect() for sample in metric.samples}
        return SummaryValue(found[f"{self._summary.name}_count"], found[f"{self._summary.name}_sum"])


class Summary:
    """A family of type summary; a collector for its registry.

    Parameters:
        registry: counts what is dropped.
        name: the name that is exposed.
        description: one line for people.
        labels: the names of its labels.
        budget: how many series it keeps.
    """

    def __init__(
        self, registry: MetricsRegistry, name: str, description: str, labels: tuple[str, ...], budget: int
    ) -> None:
        from prometheus_client import Summary as Theirs

        self.name = name
        self.label_names = labels
        self._registry = registry
        self._budget = budget
        self._theirs = Theirs(name, description, labels, registry=None)
        self._series: dict[tuple[str, ...], SummarySeries] = {}
        if not labels:
            self._series[()] = SummarySeries(self, self._theirs)

    def labels(self, /, **labels: object) -> SummarySeries:
        """The series with these labels, made if there is none; beyond the budget one that drops."""
        try:
            values = self._values(labels)
        except Exception:  # noqa: BLE001 - the labels are the caller's, and so is their `__str__`
            return self._lost("labels", labels)
        found = self._series.get(values) or self._add(values)
        return found or self._lost("series_budget", labels)

    def remove(self, labels: Mapping[str, object]) -> None:
        """Forget a series; nothing happens if there is none."""
        try:
            values = self._values(labels)
        except Exception:  # noqa: BLE001 - as above
            self.drop("labels", labels)
            return
        with LOCK:
            if values and self._series.pop(values, None) is not None:
                self._theirs.remove(*values)

    def collect(self) -> Iterable[prometheus_client.Metric]:
        """The family with its values, without the time of creation, which our instruments do not write either."""
        for metric in self._theirs.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric

    def describe(self) -> Iterable[prometheus_client.Metric]:
        """The family without its values, for the names that it takes."""
        return self._theirs.describe()

    def drop(self, reason: str, given: object) -> None:
        """Count an update that is not kept; in strict mode raise."""
        # Of what drops, a registry wants to know the name alone.
        self._registry.drop(cast("Instrument[Any]", self), self._dropped(reason, given))

    def _values(self, labels: Mapping[str, object]) -> tuple[str, ...]:
        return tuple(_text(labels[name]) for name in self.label_names)

    def _add(self, values: tuple[str, ...]) -> SummarySeries | None:
        """A new series, or one that another thread has made by now; None beyond the budget."""
        with LOCK:
            if values not in self._series and len(self._series) < self._budget:
                self._series[values] = SummarySeries(self, self._theirs.labels(*values))
            return self._series.get(values)

    def _lost(self, reason: str, given: object) -> SummarySeries:
        self._registry.complain(self._dropped(reason, given))
        return SummarySeries(self, None, reason)

    def _dropped(self, reason: str, given: object) -> Dropped:
        match reason:
            case "value":
                return Dropped(reason, lambda: self._error("bad-value", given, "a number", "look where it comes from"))
            case "labels":
                return Dropped(reason, lambda: self._error("bad-labels", given, "texts", "look where they come from"))
        must, fix = "no more series than its budget allows", "leave a label out, or raise `series_budget`"
        return Dropped(reason, lambda: self._error("series-budget", given, must, fix))

    def _error(self, code: str, given: object, must: str, fix: str) -> InstrumentError:
        return instrument_error(code, f"`{self.name}` was given {given!r}", must=must, fix=fix, name=self.name)


def summary_of(registry: MetricsRegistry, name: str, description: str, labels: tuple[str, ...], budget: int) -> Summary:
    """The summary of this name, made if there is none; the parameters are those of `Summary`.

    Raises:
        InstrumentError: the name stands for something else in the registry.
    """
    with LOCK:
        for member in registry._members:
            if isinstance(member, Summary) and (member.name, member.label_names) == (name, labels):
                return member
        made = Summary(registry, name, description, labels, budget)
        registry.register(made)
    return made


def _text(value: object) -> str:
    """A label's value as text that can be encoded; of an Enum that is a text, its characters."""
    text = str.__str__(value) if isinstance(value, str) else str(value)
    return text.encode(errors="replace").decode()
