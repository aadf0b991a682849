"""Registries: they make instruments, keep them, and are read as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tapewatch_sdk.instruments import _interop
from tapewatch_sdk.instruments._cells import ONE_CELL
from tapewatch_sdk.instruments._instrument import Dropped, Instrument
from tapewatch_sdk.instruments._locking import LOCK, reset_after_fork
from tapewatch_sdk.instruments._names import check_buckets, claimed, family_name
from tapewatch_sdk.instruments._numbers import go_float
from tapewatch_sdk.instruments.counter import Counter
from tapewatch_sdk.instruments.errors import instrument_error
from tapewatch_sdk.instruments.gauge import Gauge
from tapewatch_sdk.instruments.histogram import DEFAULT_BUCKETS, Histogram
from tapewatch_sdk.instruments.samples import Sample

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.registry import Collector

__all__ = ["COLLECTION_ERRORS", "DROPPED_UPDATES", "REGISTRY", "MetricsRegistry", "default_registry"]

DROPPED_UPDATES = "tapewatch_sdk_dropped_updates_total"
"""Counts updates that were not kept, by `family` and `reason`: `value`, `labels`, `series_budget`, `exemplar`."""

COLLECTION_ERRORS = "tapewatch_sdk_collection_errors_total"
"""Counts callbacks and foreign collectors that raised, by `source`."""

Callback = Callable[[], object]
C = TypeVar("C", bound=Callback)
Made = TypeVar("Made", bound=Instrument[Any])


class MetricsRegistry:
    """Makes instruments and reads them. All methods may be called from any thread.

    The same name gives the same instrument. It follows prometheus-client's protocol of registries and of collectors:
    its collectors can be registered here, and this one there.

    Parameters:
        prefix: stands before each name, with `_`.
        strict: raise where an update would be dropped; for tests.
        series_budget: how many series each instrument keeps. Updates of one more are dropped and counted in
            `tapewatch_sdk_dropped_updates_total`.
        cell_per_thread: how values are kept, see `_cells`; by default as this Python needs it.
    """

    def __init__(
        self,
        prefix: str = "",
        *,
        strict: bool = False,
        series_budget: int = 1000,
        cell_per_thread: bool = not ONE_CELL,
    ) -> None:
        self.prefix = prefix
        self.strict = strict
        self.series_budget = series_budget
        self._kinds = _kinds(cell_per_thread)
        self._members: dict[Any, tuple[str, ...]] = {}
        """Instruments and foreign collectors in the order of registration, with the names that they claim."""
        self._callbacks: list[Callback] = []
        self._names: dict[str, Any] = {}
        """Who claims a name."""
        counter = self._kinds[0]
        self._dropped = counter(self, DROPPED_UPDATES, "Updates that were not kept.", ("family", "reason"), math.inf)
        self._errors = counter(self, COLLECTION_ERRORS, "Callbacks and collectors that raised.", ("source",), math.inf)
        for own in (self._dropped, self._errors):
            self._names.update(dict.fromkeys(claimed(own.family, own.kind), own))
        reset_after_fork(self)

    def counter(
        self, name: str, description: str = "", labels: Iterable[str] = (), *, series_budget: int | None = None
    ) -> Counter:
        """The counter of this name, made if there is none. It is exposed with `_total`, given or not.

        Parameters:
            name: the name without the registry's prefix.
            description: one line for people; the first one given stays.
            labels: the names of its labels.
            series_budget: another budget than the registry's.

        Raises:
            InstrumentError: the name or a label is not valid, or it stands for something else already.
        """
        return self._get_or_make(self._kinds[0], name, description, labels, series_budget)

    def gauge(
        self, name: str, description: str = "", labels: Iterable[str] = (), *, series_budget: int | None = None
    ) -> Gauge:
        """The gauge of this name, made if there is none; the parameters are those of `counter`."""
        return self._get_or_make(self._kinds[1], name, description, labels, series_budget)

    def histogram(
        self,
        name: str,
        description: str = "",
        labels: Iterable[str] = (),
        *,
        buckets: Sequence[float] = DEFAULT_BUCKETS,
        series_budget: int | None = None,
    ) -> Histogram:
        """The histogram of this name, made if there is none; the other parameters are those of `counter`.

        Parameters:
            buckets: finite upper bounds, ascending, in the unit of the values; Prometheus's by default.
        """
        return self._get_or_make(self._kinds[2], name, description, labels, series_budget, buckets=buckets)

    def instruments(self) -> list[Counter | Gauge | Histogram]:
        """The instruments in the order in which they were made, and after them our own that have something to tell."""
        made = [each for each in self._members.copy() if isinstance(each, Counter | Gauge | Histogram)]
        return [*made, *self._own()]

    def register(self, collector: Collector) -> None:
        """Add a collector of prometheus-client: a metric, a custom collector, a whole registry; or another of ours.

        Raises:
            InstrumentError: a name of it is taken, or it holds this registry itself.
        """
        if isinstance(collector, MetricsRegistry) and self in collector.registries():
            raise instrument_error(
                "circle",
                "a registry was registered in itself, directly or through others",
                must="a registry that does not hold the one it is registered in",
                fix="register the two the other way round, or neither",
                name=repr(collector),
            )
        self._claim(collector, _interop.claimed_by(collector))

    def registries(self) -> list[MetricsRegistry]:
        """This registry, and those that are registered in it."""
        inner = [each for each in self._members.copy() if isinstance(each, MetricsRegistry)]
        return [self, *(one for each in inner for one in each.registries())]

    def unregister(self, collector: object) -> None:
        """Take out a collector or an instrument; nothing happens if it is not there."""
        with LOCK:
            for name in self._members.pop(collector, ()):
                self._names.pop(name, None)

    def register_callback(self, callback: C) -> C:
        """Have a function called before each collection, for values that are looked up; also as a decorator.

        It runs in the thread that collects. What it raises is counted in `tapewatch_sdk_collection_errors_total`, and
        the others go on.
        """
        with LOCK:
            self._callbacks.append(callback)
        return callback

    def unregister_callback(self, callback: Callback) -> None:
        """Call a function no more."""
        with LOCK:
            self._callbacks = [each for each in self._callbacks if each != callback]

    def collect_all(self) -> list[Sample]:
        """Every value of every instrument and collector, as it is now."""
        return [sample for _, samples in self._collected() for sample in samples]

    def to_dict(self) -> dict[str, Any]:
        """Every family by its name, as plain data that JSON can hold: NaN and infinities are texts."""
        return {
            family.name: {
                "type": str(family.kind),
                "description": family.description,
                "samples": [_as_data(sample) for sample in samples],
            }
            for family, samples in self._collected()
        }

    def collect(self) -> Iterator[Metric]:
        """Every family as prometheus-client's `Metric`; this makes the registry a collector."""
        for member in self.gathered():
            if isinstance(member, Instrument):
                yield _interop.to_metric(member)
            else:
                yield from self.read(member)

    def describe(self) -> list[Metric]:
        """The families, from which a `CollectorRegistry` takes the names when this one is registered in it."""
        return [metric for member in self._members.copy() for metric in _interop.described(member)]

    def restricted_registry(self, names: Iterable[str]) -> _interop.Restricted:
        """A collector of the series with these names alone, for `/metrics?name[]=...`."""
        return _interop.Restricted(self, frozenset(names))

    def gathered(self) -> list[Any]:
        """Runs the callbacks; then the instruments and collectors in their order, for an exposition."""
        for callback in tuple(self._callbacks):
            try:
                callback()
            except Exception:  # noqa: BLE001 - one that fails must not keep the values of the others from being seen
                self.count_error(callback)
        found: list[Any] = []
        for member in self._members.copy():
            found += member.gathered() if isinstance(member, MetricsRegistry) else [member]
        return [*found, *self._own()]

    def read(self, collector: Collector) -> list[Metric]:
        """What a foreign collector has; nothing, and one error more, if it raises."""
        try:
            return list(collector.collect())
        except Exception:  # noqa: BLE001 - as above
            self.count_error(collector)
            return []

    def count_error(self, source: object) -> None:
        """Count a callback or a collector that raised."""
        name = getattr(source, "__qualname__", None) or type(source).__qualname__
        self._errors.inc(labels={"source": name})

    def drop(self, instrument: Instrument[Any], dropped: Dropped) -> None:
        """Count an update that is not kept; in strict mode raise."""
        self.complain(dropped)
        self._dropped.inc(labels={"family": instrument.name, "reason": dropped.reason})

    def complain(self, dropped: Dropped) -> None:
        """Raise, in strict mode."""
        if self.strict:
            raise dropped.failure()

    def after_fork(self) -> None:
        """Begin anew, in a child process."""
        for each in (*self.instruments(), self._dropped, self._errors):
            each.after_fork()

    def _collected(self) -> Iterator[tuple[_interop.Described, list[Sample]]]:
        for member in self.gathered():
            if isinstance(member, Instrument):
                yield _interop.Described(member.name, str(member.kind), member.description), member.collect()
            else:
                yield from self._foreign(member)

    def _foreign(self, collector: Collector) -> list[tuple[_interop.Described, list[Sample]]]:
        """The families of a foreign collector; none if it raises, or has a value that is no number."""
        try:
            return [_interop.from_metric(metric) for metric in self.read(collector)]
        except Exception:  # noqa: BLE001 - as above
            self.count_error(collector)
            return []

    def _get_or_make(
        self, kind: type[Made], name: str, description: str, labels: Iterable[str], budget: int | None, **more: Any
    ) -> Made:
        whole = f"{self.prefix}_{name}" if self.prefix and name else name
        names = (labels,) if isinstance(labels, str) else tuple(labels)
        family = family_name(whole, kind.kind)
        with LOCK:
            found = self._names.get(family)
            if found is not None and _is_same(found, kind, family, names, **more):
                return cast("Made", found)
            limit = self.series_budget if budget is None else budget
            made = kind(self, whole, description, names, limit, **more)
            self._claim(made, claimed(family, kind.kind))
        return made

    def _claim(self, member: Any, names: Iterable[str]) -> None:
        """Add a member under the names that it claims."""
        with LOCK:
            taken = sorted(self._names.keys() & set(names))
            if taken or member in self._members:
                name = taken[0] if taken else str(member)
                raise instrument_error(
                    "conflict",
                    f"`{name}` stands for something else in this registry already",
                    must="one type, one set of labels and, for a histogram, one list of buckets for each name",
                    fix="rename one of the two, or declare them alike",
                    name=name,
                )
            self._members[member] = tuple(names)
            self._names.update(dict.fromkeys(names, member))

    def _own(self) -> list[Counter]:
        """Our own instruments, once they have something to tell."""
        return [each for each in (self._dropped, self._errors) if each.series()]


def _is_same(found: Any, kind: type[Instrument[Any]], family: str, labels: tuple[str, ...], **more: Any) -> bool:
    """Whether what has the name already is what is wanted now."""
    if not isinstance(found, kind) or found.family != family or list(found.label_names) != sorted(labels):
        return False
    return not isinstance(found, Histogram) or found.buckets == check_buckets(more["buckets"], family)


def _kinds(cell_per_thread: bool) -> tuple[type[Counter], type[Gauge], type[Histogram]]:
    """The classes of instruments; those with a cell for each thread are loaded where they are used."""
    if not cell_per_thread:
        return Counter, Gauge, Histogram
    from tapewatch_sdk.instruments._per_thread import ThreadCounter, ThreadGauge, ThreadHistogram

    return ThreadCounter, ThreadGauge, ThreadHistogram


def _as_data(sample: Sample) -> dict[str, Any]:
    value: float | str = sample.value if math.isfinite(sample.value) else go_float(sample.value)
    data = {"name": sample.name, "labels": dict(sample.labels), "value": value, "timestamp": sample.timestamp}
    if sample.exemplar:
        data["exemplar"] = sample.exemplar._asdict()
    return data


REGISTRY = MetricsRegistry()
"""The registry of those who want no other."""


def default_registry() -> MetricsRegistry:
    """The registry of those who want no other."""
    return REGISTRY
