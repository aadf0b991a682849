"""What counters, gauges and histograms have in common: a name, labels, and a series for each set of label values."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments._locking import LOCK
from tapewatch_sdk.instruments._names import check_labels, check_name, family_name
from tapewatch_sdk.instruments.errors import InstrumentError, instrument_error
from tapewatch_sdk.instruments.samples import Exemplar, Sample

if TYPE_CHECKING:
    from tapewatch_sdk.instruments.registry import MetricsRegistry

__all__ = ["Dropped", "Instrument", "Series"]


class Series:
    """One series of an instrument: its values for one set of label values."""

    __slots__ = ("_instrument", "label_values", "template")

    def __init__(self, instrument: Instrument[Any], label_values: tuple[str, ...]) -> None:
        self._instrument = instrument
        self.label_values = label_values
        self.template = ""
        """Its lines in an exposition with `%s` for each value; made at the first one."""

    @property
    def labels(self) -> dict[str, str]:
        """Its labels, name -> value."""
        return dict(zip(self._instrument.label_names, self.label_values, strict=True))

    def values(self) -> list[float]:
        """Its values in the order in which they are exposed."""
        raise NotImplementedError

    def exemplars(self) -> list[Exemplar | None] | None:
        """An exemplar or None for each value; None where the series has none at all."""
        return None

    def reset(self) -> None:
        """Begin anew, in a child process."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._instrument.name} {self.labels}>"


class Dropped(Exception):  # noqa: N818 - it never leaves the instruments
    """An update cannot be kept.

    Parameters:
        reason: why, in a word; the label `reason` of the self-metric.
        failure: makes what strict mode raises instead.
    """

    def __init__(self, reason: str, failure: Callable[[], InstrumentError]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.failure = failure


S = TypeVar("S", bound=Series)


class Instrument(Generic[S]):
    """A metric family with its series. It is made by a `MetricsRegistry`.

    Parameters:
        registry: the registry that it belongs to.
        name: as the caller gave it, with the registry's prefix.
        description: one line for people; the `HELP` of the exposition.
        labels: the names of its labels.
        budget: how many series it keeps.

    Raises:
        InstrumentError: the name or a label is not valid.
    """

    __slots__ = (
        "__weakref__", "_budget", "_drops", "_key", "_only", "_registry", "_series", "_width", "description", "family",
        "label_names", "name",
    )  # fmt: skip

    kind: ClassVar[MetricType]
    """Counter, gauge or histogram."""

    def __init__(
        self, registry: MetricsRegistry, name: str, description: str, labels: tuple[str, ...], budget: float
    ) -> None:
        self.family = family_name(name, self.kind)
        check_name(self.family)
        self.name = f"{self.family}_total" if self.kind is MetricType.COUNTER else self.family
        self.description = _text(description)
        self.label_names = check_labels(labels, self.kind, self.name)
        """In the order of the alphabet, as the exposition has them."""
        self._registry = registry
        self._budget = budget
        self._series: dict[Any, S] = {}
        self._drops: dict[str, S] = {}
        """What stands for series that are not kept, by the reason."""
        # The key of a series is what itemgetter gives: a text for one label, a tuple of texts for more.
        self._width = len(self.label_names) or -1
        self._key: Callable[[Any], Any] = itemgetter(*self.label_names) if self.label_names else _no_key
        self._only: S
        """The series of an instrument without labels; where there are labels the attribute is not set."""
        if not self.label_names:
            self._only = self._series[()] = self._make(())

    def _make(self, label_values: tuple[str, ...]) -> S:
        """A new series."""
        raise NotImplementedError

    def _lost(self, dropped: Dropped) -> S:
        """A series that keeps nothing and counts each update as dropped."""
        raise NotImplementedError

    def labels(self, /, **labels: object) -> S:
        """The series with these labels, to be kept and used on hot paths.

        Labels that do not fit, or one series more than the budget allows, give a series that counts each update as
        dropped; strict mode raises.
        """
        return self._at(labels)

    def remove(self, labels: Mapping[str, object]) -> None:
        """Forget a series, such as that of a symbol that is traded no more; nothing happens if there is none.

        What still holds the series may go on updating it, unseen.
        """
        try:
            key = self._checked_key(labels)
        except Dropped as dropped:
            self.drop(dropped)
            return
        if self.label_names:
            with LOCK:
                self._series.pop(key, None)

    def series(self) -> list[S]:
        """All series, in the order in which they were first used."""
        return list(self._series.values())

    def collect(self) -> list[Sample]:
        """All values as they are now, with labels and time."""
        now = time.time()
        found = []
        for series in self.series():
            labels, exemplars = series.labels, series.exemplars()
            for position, ((suffix, more), value) in enumerate(zip(self.lines(), series.values(), strict=True)):
                exemplar = exemplars[position] if exemplars else None
                found.append(Sample(self.family + suffix, {**labels, **more}, value, now, exemplar))
        return found

    def lines(self) -> list[tuple[str, Mapping[str, str]]]:
        """What each value of a series adds to the family's name and to its labels."""
        return [(self.name[len(self.family) :], {})]

    def drop(self, dropped: Dropped) -> None:
        """Count an update that is not kept; in strict mode raise."""
        self._registry.drop(self, dropped)

    def after_fork(self) -> None:
        """Begin anew, in a child process."""
        for series in self.series():
            series.reset()

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} {self.label_names}>"

    def _resolve(self, labels: Mapping[str, object] | None) -> S:
        """The series with these labels, made if there is none.

        Raises:
            Dropped: the labels do not fit, or the budget is used up.
        """
        key = self._checked_key(labels)
        found = self._series.get(key)
        return self._add(key) if found is None else found

    def _find(self, labels: Mapping[str, object] | None) -> S | None:
        """The series with these labels, if there is one; it is not made."""
        try:
            return self._series.get(self._checked_key(labels))
        except Dropped as dropped:
            self._registry.complain(dropped)
            return None

    def _at(self, labels: Mapping[str, object] | None) -> S:
        """The series with these labels, made if there is none, or one that drops."""
        try:
            if labels is None:
                return self._only
            if len(labels) == self._width:
                return self._series[self._key(labels)]
        except Exception:  # noqa: BLE001, S110 - nothing of a caller's labels may reach the caller
            pass
        try:
            return self._resolve(labels)
        except Dropped as dropped:
            self._registry.complain(dropped)
            dropped.__traceback__ = None  # it would keep the caller's frames alive, and all that they hold
            return self._drops.get(dropped.reason) or self._drops.setdefault(dropped.reason, self._lost(dropped))

    def _checked_key(self, labels: Mapping[str, object] | None) -> Any:
        try:
            given = {} if labels is None else labels
            fits = len(given) == len(self.label_names)
            key = tuple([_text(given[name]) for name in self.label_names]) if fits else ()
        except Exception:  # noqa: BLE001 - the labels are the caller's, and so is their `__str__`
            fits, key = False, ()
        if not fits:
            raise Dropped("labels", lambda: self._bad_labels(labels))
        return key[0] if len(key) == 1 else key

    def _add(self, key: Any) -> S:
        with LOCK:
            if (found := self._series.get(key)) is not None:
                return found
            if len(self._series) < self._budget:
                return self._series.setdefault(key, self._make((key,) if isinstance(key, str) else key))
        raise Dropped("series_budget", self._over_budget)

    def _bad_labels(self, labels: Mapping[str, object] | None) -> InstrumentError:
        return instrument_error(
            "bad-labels",
            f"`{self.name}` was given the labels {labels!r}",
            must=f"a value for each of the labels {list(self.label_names)}, and no others",
            fix="name the labels as they are declared",
            name=self.name,
        )

    def _over_budget(self) -> InstrumentError:
        return instrument_error(
            "series-budget",
            f"`{self.name}` has {self._budget:g} series already",
            must="no more series than its budget allows",
            fix="leave out the label that takes so many values, or raise `series_budget`",
            name=self.name,
        )

    def _bad_value(self, value: object, must: str) -> Dropped:
        """A value that the instrument does not take."""
        return Dropped(
            "value",
            lambda: instrument_error(
                "bad-value",
                f"`{self.name}` was given {value!r}",
                must=must,
                fix="look for where the value comes from",
                name=self.name,
            ),
        )


def _no_key(_: object) -> Any:
    raise KeyError


def _text(value: object) -> str:
    """A label's value as text that can be encoded; of an Enum that is a text, its characters."""
    if type(value) is str and value.isascii():
        return value
    text = str.__str__(value) if isinstance(value, str) else str(value)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate would spoil the exposition of everything else
        text = text.encode(errors="replace").decode()
    return text
