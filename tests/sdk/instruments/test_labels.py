"""Labels: what fits, what does not, and how many series there may be."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from enum import Enum
from typing import Any

import pytest

from sdk.instruments.reading import dropped
from tapewatch_sdk.instruments import InstrumentError, MetricsRegistry


class Side(str, Enum):  # noqa: UP042 - its `str` is `Side.BUY`, unlike that of a StrEnum
    BUY = "buy"


class Nameless:
    def __str__(self) -> str:
        raise RuntimeError("no name")


NO_FIT: list[Any] = [
    None, {}, {"venue": "x"}, {"venue": "x", "side": "buy", "more": "1"}, {"venue": "x", "sides": "buy"}, {1: 2, 3: 4},
    ["venue", "side"], "venue", 5, {"venue": Nameless(), "side": "buy"},
]  # fmt: skip


def every_update(registry: MetricsRegistry, labels: Any) -> None:
    """One update of each kind of instrument with these labels."""
    registry.counter("c", labels=["venue", "side"]).inc(labels=labels)
    registry.gauge("g", labels=["venue", "side"]).set(1.0, labels)
    registry.gauge("g", labels=["venue", "side"]).inc(1.0, labels)
    registry.gauge("g", labels=["venue", "side"]).dec(1.0, labels)
    registry.histogram("h", labels=["venue", "side"]).observe(1.0, labels)
    with registry.histogram("h", labels=["venue", "side"]).time(labels):
        pass


def kept(registry: MetricsRegistry) -> list[tuple[str, object, float]]:
    """All values but those of our own series."""
    samples = [sample for sample in registry.collect_all() if not sample.name.startswith("tapewatch_sdk")]
    return [(sample.name, sample.labels, sample.value) for sample in samples]


@pytest.mark.parametrize("labels", NO_FIT, ids=range(len(NO_FIT)))
def test_labels_that_do_not_fit_never_raise_and_are_counted(registry: MetricsRegistry, labels: Any) -> None:
    every_update(registry, {"venue": "x", "side": "buy"})
    before = kept(registry)
    every_update(registry, labels)

    assert kept(registry) == before
    counts = [dropped(registry, name, "labels") for name in ("live_c_total", "live_g", "live_h")]
    assert counts == [1.0, 3.0, 2.0]


@pytest.mark.parametrize("labels", NO_FIT, ids=range(len(NO_FIT)))
def test_labels_that_do_not_fit_raise_in_strict_mode(strict: MetricsRegistry, labels: Any) -> None:
    counter, gauge = strict.counter("c", labels=["venue", "side"]), strict.gauge("g", labels=["venue", "side"])
    histogram = strict.histogram("h", labels=["venue", "side"])
    updates: list[Callable[[], object]] = [
        lambda: counter.inc(labels=labels), lambda: gauge.set(1, labels), lambda: gauge.inc(1, labels),
        lambda: gauge.dec(1, labels), lambda: histogram.observe(1, labels), lambda: histogram.time(labels),
        lambda: counter.get(labels), lambda: gauge.remove(labels),
    ]  # fmt: skip
    for update in updates:
        with pytest.raises(InstrumentError) as raised:
            update()
        assert raised.value.problems[0].code == "instruments/bad-labels"


def test_an_instrument_without_labels_takes_none_and_empty_ones(registry: MetricsRegistry) -> None:
    counter = registry.counter("c")
    counter.inc()
    counter.inc(labels={})
    counter.labels().inc()
    counter.inc(labels={"venue": "x"})

    assert counter.get() == counter.get({}) == 3.0
    assert dropped(registry, "live_c_total", "labels") == 1.0


def test_a_series_bound_to_labels_that_do_not_fit_counts_each_update_as_dropped(registry: MetricsRegistry) -> None:
    counter = registry.counter("c", labels=["venue"]).labels(market="x")
    gauge = registry.gauge("g", labels=["venue"]).labels()
    histogram = registry.histogram("h", labels=["venue"]).labels(venue="x", side="y")
    counter.inc()
    counter.inc(-1)
    for update in (gauge.set, gauge.inc, gauge.dec):
        update(1)
    histogram.observe(1)
    with histogram.time():
        pass

    counts = [dropped(registry, name, "labels") for name in ("live_c_total", "live_g", "live_h")]
    assert counts == [2.0, 3.0, 2.0]


def test_binding_labels_that_do_not_fit_raises_in_strict_mode(strict: MetricsRegistry) -> None:
    with pytest.raises(InstrumentError):
        strict.counter("c", labels=["venue"]).labels(market="x")


def test_a_dropped_update_keeps_nothing_of_its_caller_alive(registry: MetricsRegistry) -> None:
    counter = registry.counter("c", labels=["venue"])
    bound = []
    callers = []

    class Local:
        """Something large that only the caller holds."""

    def call() -> None:
        large = Local()
        callers.append(weakref.ref(large))
        counter.inc(labels={"market": "x"})
        bound.append(counter.labels(market="x"))

    call()
    gc.collect()

    assert [caller() for caller in callers] == [None]


def test_the_order_of_labels_does_not_matter(registry: MetricsRegistry) -> None:
    counter = registry.counter("c", labels=["venue", "side"])
    counter.inc(labels={"side": "buy", "venue": "x"})
    counter.inc(labels={"venue": "x", "side": "buy"})
    bound = counter.labels(side="buy", venue="x")

    assert bound is counter.labels(venue="x", side="buy")
    assert bound.get() == 2.0
    assert bound.labels == {"side": "buy", "venue": "x"}


@pytest.mark.parametrize("labels", [["a"], ["a", "b"]])
def test_values_are_told_apart_by_their_text(registry: MetricsRegistry, labels: list[str]) -> None:
    """1, 1.0 and True are equal keys of a dict, and must not be one series."""
    counter = registry.counter("c", labels=labels)
    for value in (1, 1.0, True, "1", None, "None", b"x", ["x"]):
        counter.inc(labels=dict.fromkeys(labels, value))

    series = {sample.labels["a"]: sample.value for sample in counter.collect()}
    assert series == {"1": 2.0, "1.0": 1.0, "True": 1.0, "None": 2.0, "b'x'": 1.0, "['x']": 1.0}


def test_a_member_of_a_text_enum_is_its_text_whether_the_series_is_there_or_not(registry: MetricsRegistry) -> None:
    counter = registry.counter("c", labels=["side"])
    counter.inc(labels={"side": Side.BUY})
    counter.inc(labels={"side": "buy"})
    counter.inc(labels={"side": Side.BUY})

    assert [(sample.labels, sample.value) for sample in counter.collect()] == [({"side": "buy"}, 3.0)]
    assert type(counter.collect()[0].labels["side"]) is str


def test_what_cannot_be_encoded_is_replaced(registry: MetricsRegistry) -> None:
    counter = registry.counter("c", labels=["symbol"])
    counter.inc(labels={"symbol": "BTC\ud800"})
    counter.inc(labels={"symbol": "BTC\ud800"})

    assert [(sample.labels, sample.value) for sample in counter.collect()] == [({"symbol": "BTC?"}, 2.0)]


def test_series_beyond_the_budget_are_counted_and_not_kept(cell_per_thread: bool) -> None:
    registry = MetricsRegistry(series_budget=3, cell_per_thread=cell_per_thread)
    counter = registry.counter("c", labels=["order"])
    gauge = registry.gauge("g", labels=["order"], series_budget=1)
    histogram = registry.histogram("h", labels=["order"])
    for _ in range(2):
        for number in range(10):
            labels = {"order": str(number)}
            counter.inc(labels=labels)
            counter.labels(**labels).inc()
            gauge.set(1.0, labels)
            histogram.observe(1.0, labels)

    assert [len(instrument.series()) for instrument in (counter, gauge, histogram)] == [3, 1, 3]
    assert [sample.value for sample in counter.collect()] == [4.0, 4.0, 4.0]
    counts = [dropped(registry, name, "series_budget") for name in ("c_total", "g", "h")]
    assert counts == [28.0, 18.0, 14.0]


def test_strict_mode_raises_at_the_end_of_the_budget() -> None:
    counter = MetricsRegistry(strict=True, series_budget=1).counter("c", labels=["order"])
    counter.inc(labels={"order": "1"})
    with pytest.raises(InstrumentError) as raised:
        counter.inc(labels={"order": "2"})

    assert raised.value.problems[0].code == "instruments/series-budget"


def test_a_removed_series_makes_room(cell_per_thread: bool) -> None:
    registry = MetricsRegistry(series_budget=1, cell_per_thread=cell_per_thread)
    price = registry.gauge("price", labels=["symbol"])
    price.set(1.0, {"symbol": "OLD"})
    price.set(2.0, {"symbol": "NEW"})
    price.remove({"symbol": "OLD"})
    price.remove({"symbol": "OLD"})
    price.set(3.0, {"symbol": "NEW"})

    assert [(sample.labels["symbol"], sample.value) for sample in price.collect()] == [("NEW", 3.0)]


def test_the_only_series_of_an_instrument_without_labels_stays(registry: MetricsRegistry) -> None:
    counter = registry.counter("c")
    counter.remove({})
    counter.inc()

    assert [sample.value for sample in counter.collect()] == [1.0]


def test_removing_with_labels_that_do_not_fit_is_counted(registry: MetricsRegistry) -> None:
    registry.counter("c", labels=["venue"]).remove({"market": "x"})

    assert dropped(registry, "live_c_total", "labels") == 1.0
