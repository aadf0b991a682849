"""Registries: get or create, names, reading everything at once, callbacks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest

from sdk.instruments.reading import errors, value
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.instruments import (
    DROPPED_UPDATES,
    REGISTRY,
    Counter,
    Exemplar,
    InstrumentError,
    MetricsRegistry,
    default_registry,
)

Make = Callable[[MetricsRegistry], object]


def test_the_same_name_gives_the_same_instrument(registry: MetricsRegistry) -> None:
    assert registry.counter("c", "One.", ["a", "b"]) is registry.counter("c", "Other.", ("b", "a"))
    assert registry.gauge("g") is registry.gauge("g")
    assert registry.histogram("h", buckets=[1, 2]) is registry.histogram("h", buckets=(1.0, 2.0, math.inf))
    assert registry.counter("c", labels=["a", "b"]).description == "One."


CONFLICTS: dict[str, tuple[Make, Make]] = {
    "type": (lambda r: r.counter("x"), lambda r: r.gauge("x")),
    "labels": (lambda r: r.counter("x", labels=["a"]), lambda r: r.counter("x", labels=["b"])),
    "buckets": (lambda r: r.histogram("x", buckets=[1]), lambda r: r.histogram("x", buckets=[2])),
    "series of a histogram": (lambda r: r.histogram("x"), lambda r: r.gauge("x_count")),
    "series of a counter": (lambda r: r.gauge("x_total"), lambda r: r.counter("x")),
    "our own": (lambda r: None, lambda r: MetricsRegistry().counter(DROPPED_UPDATES, labels=["other"])),
}


@pytest.mark.parametrize(("first", "second"), CONFLICTS.values(), ids=CONFLICTS)
def test_a_name_that_stands_for_something_else_is_refused(registry: MetricsRegistry, first: Make, second: Make) -> None:
    first(registry)
    before = registry.instruments()
    with pytest.raises(InstrumentError) as raised:
        second(registry)

    assert raised.value.problems[0].code == "instruments/conflict"
    assert registry.instruments() == before


def test_what_is_wrong_at_the_start_is_a_problem_and_a_value_error(registry: MetricsRegistry) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a metric") as raised:
        MetricsRegistry().counter("")

    assert isinstance(raised.value, ProblemsError)
    assert raised.value.problems[0].fix


def test_a_registry_without_prefix_takes_names_as_they_are() -> None:
    assert MetricsRegistry().counter("orders").name == "orders_total"


def test_registries_know_nothing_of_each_other(registry: MetricsRegistry) -> None:
    other = MetricsRegistry("live")
    registry.counter("c").inc()
    other.gauge("c").set(5)

    assert (value(registry, "live_c_total"), value(other, "live_c")) == (1.0, 5.0)


def test_there_is_one_registry_for_those_who_want_no_other() -> None:
    assert default_registry() is REGISTRY


def test_threads_that_ask_for_the_same_name_at_once_get_the_same_instrument(
    registry: MetricsRegistry, hasty_threads: None
) -> None:
    start, made = Barrier(8), set()

    def ask() -> None:
        for number in range(200):
            start.wait(60)
            counter = registry.counter(f"c{number}", labels=["a"], series_budget=1)
            counter.inc(labels={"a": "x"})
            made.add(counter)

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(made) == len(registry.instruments()) == 200
    assert {counter.get({"a": "x"}) for counter in made} == {8.0}


def test_everything_is_collected_in_the_order_in_which_it_was_made(registry: MetricsRegistry) -> None:
    registry.gauge("b").set(1)
    registry.counter("a").inc()
    registry.histogram("c", buckets=[1])

    names = [sample.name for sample in registry.collect_all()]
    assert names == ["live_b", "live_a_total", "live_c_bucket", "live_c_bucket", "live_c_count", "live_c_sum"]


def test_a_registry_as_a_dict_is_plain_json(registry: MetricsRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1700.5)
    registry.gauge("price", "In USD.", ["symbol"]).set(math.nan, {"symbol": 'a"b\n'})
    registry.counter("orders").inc(math.inf)
    registry.histogram("wait", buckets=[1]).observe(2.0, exemplar={"trace_id": "abc"})

    data = json.loads(json.dumps(registry.to_dict(), allow_nan=False))
    assert data["live_price"] == {
        "type": "gauge",
        "description": "In USD.",
        "samples": [{"name": "live_price", "labels": {"symbol": 'a"b\n'}, "value": "NaN", "timestamp": 1700.5}],
    }
    assert data["live_orders_total"]["samples"][0]["value"] == "+Inf"
    assert data["live_wait"]["samples"][1] == {
        "name": "live_wait_bucket",
        "labels": {"le": "+Inf"},
        "value": 1.0,
        "timestamp": 1700.5,
        "exemplar": Exemplar({"trace_id": "abc"}, 2.0, 1700.5)._asdict(),
    }


def test_callbacks_run_before_each_collection(registry: MetricsRegistry) -> None:
    depth = registry.gauge("queue_depth")
    queue = ["a"]

    @registry.register_callback
    def look() -> None:
        depth.set(len(queue))

    assert value(registry, "live_queue_depth") == 1.0
    queue.append("b")
    assert registry.to_dict()["live_queue_depth"]["samples"][0]["value"] == 2.0

    registry.unregister_callback(look)
    queue.append("c")
    assert value(registry, "live_queue_depth") == 2.0


def test_a_callback_that_raises_is_counted_and_the_rest_goes_on(registry: MetricsRegistry) -> None:
    seen = registry.counter("seen")

    def broken() -> None:
        raise RuntimeError("no database")

    for callback in (seen.inc, broken, seen.inc):
        registry.register_callback(callback)

    assert value(registry, "live_seen_total") == 2.0
    assert errors(registry) == {f"{broken.__qualname__}": 2.0}


def test_a_callback_may_make_and_update_instruments(registry: MetricsRegistry) -> None:
    registry.register_callback(lambda: registry.gauge("late", labels=["a"]).set(3.0, {"a": "x"}))

    assert value(registry, "live_late", {"a": "x"}) == 3.0


def test_our_own_instruments_are_seen_once_they_have_something_to_tell(registry: MetricsRegistry) -> None:
    counter: Any = registry.counter("c")
    assert [instrument.name for instrument in registry.instruments()] == ["live_c_total"]

    counter.inc("much")
    assert [instrument.name for instrument in registry.instruments()] == ["live_c_total", DROPPED_UPDATES]


def test_an_instrument_can_be_taken_out(registry: MetricsRegistry) -> None:
    counter = registry.counter("c")
    registry.unregister(counter)
    registry.unregister(counter)

    assert registry.instruments() == []
    assert registry.counter("c") is not counter


def test_a_registry_in_another_is_read_with_it(registry: MetricsRegistry) -> None:
    inner = MetricsRegistry("inner")
    inner.counter("c").inc()
    inner.register_callback(lambda: inner.gauge("looked_up").set(4))
    registry.register(inner)

    assert value(registry, "inner_c_total") == 1.0
    assert value(registry, "inner_looked_up") == 4.0


def test_registries_cannot_go_round_in_a_circle(registry: MetricsRegistry) -> None:
    outer, outermost = MetricsRegistry(), MetricsRegistry()
    outer.register(registry)
    outermost.register(outer)
    for inside in (registry, outer, outermost):
        with pytest.raises(InstrumentError) as raised:
            inside.register(outermost)
        assert raised.value.problems[0].code == "instruments/circle"


def test_a_description_may_be_any_text(registry: MetricsRegistry) -> None:
    counter = registry.counter("c", 'say "no"\\\n\ud800')

    assert isinstance(counter, Counter)
    assert counter.description == 'say "no"\\\n?'


def test_instruments_and_series_say_what_they_are(registry: MetricsRegistry) -> None:
    counter = registry.counter("c", labels=["a"])

    assert "counter live_c_total ('a',)" in repr(counter)
    assert "live_c_total {'a': 'x'}" in repr(counter.labels(a="x"))
