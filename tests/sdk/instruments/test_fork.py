"""A forked child begins to count at zero, knows all instruments, and inherits no lock that is held."""

from __future__ import annotations

from threading import Event, Thread
from typing import Any

import pytest

from sdk.instruments.forking import in_child
from sdk.instruments.reading import value
from tapewatch_sdk.instruments import DROPPED_UPDATES, MetricsRegistry
from tapewatch_sdk.instruments._locking import LOCK

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")


def test_the_child_does_not_report_what_the_parent_counted(registry: MetricsRegistry) -> None:
    counter, by_venue = registry.counter("c"), registry.counter("by_venue", labels=["venue"])
    latency = registry.histogram("h", buckets=[1])
    bound = by_venue.labels(venue="x")
    counter.inc(5)
    bound.inc(6)
    latency.observe(0.5, exemplar={"trace_id": "abc"})
    counter.inc(-1)

    def child() -> Any:
        before = (counter.get(), bound.get(), latency.get().count, latency.get().sum)
        exemplars = [sample.exemplar for sample in latency.collect()]
        lost = value(registry, DROPPED_UPDATES, {"family": "live_c_total", "reason": "value"})
        counter.inc()
        bound.inc(2)
        latency.observe(0.25)
        return before, exemplars, lost, (counter.get(), by_venue.get({"venue": "x"}), latency.get().sum)

    before, exemplars, lost, after = in_child(child)

    assert before == (0.0, 0.0, 0.0, 0.0)
    assert exemplars == [None] * 4
    assert lost == 0.0
    assert after == (1.0, 2.0, 0.25)
    assert (counter.get(), bound.get(), latency.get().sum) == (5.0, 6.0, 0.5)


def test_a_gauge_keeps_its_value_because_it_is_a_state(registry: MetricsRegistry) -> None:
    position = registry.gauge("g").labels()
    position.set(4)
    other = Thread(target=position.inc, args=(2,))
    other.start()
    other.join()
    position.inc(1)

    def child() -> Any:
        before = position.get()
        position.dec()
        return before, position.get()

    assert in_child(child) == (7.0, 6.0)
    assert position.get() == 7.0


def test_the_child_goes_on_while_a_thread_of_the_parent_held_the_lock(registry: MetricsRegistry) -> None:
    held, fork_begins = Event(), Event()

    def hold() -> None:
        with LOCK:
            held.set()
            fork_begins.wait(0.5)

    holder = Thread(target=hold)
    holder.start()
    held.wait()

    def child() -> Any:
        registry.counter("new", labels=["a"]).inc(labels={"a": "x"})
        made = Thread(target=registry.counter("new", labels=["a"]).inc, args=(1.0, {"a": "y"}))
        made.start()
        made.join()
        return value(registry, "live_new_total", {"a": "y"})

    assert in_child(child) == 1.0
    holder.join()
    registry.counter("after_the_fork")


def test_forks_amid_busy_threads_lose_and_double_nothing(registry: MetricsRegistry, hasty_threads: None) -> None:
    counter, latency = registry.counter("c", labels=["n"]), registry.histogram("h", labels=["n"])
    done, steps = Event(), [0] * 4

    def work(number: int) -> None:
        while not done.is_set():
            counter.inc(labels={"n": str(steps[number] % 900)})
            latency.observe(0.5, {"n": str(number)})
            steps[number] += 1

    threads = [Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()

    def child() -> Any:
        start = sum(sample.value for sample in registry.collect_all())
        for number in range(950):
            counter.inc(labels={"n": str(number)})
        latency.observe(0.5, {"n": "1"})
        return start, sum(sample.value for sample in counter.collect()), latency.get({"n": "1"}).count

    answers = [in_child(child) for _ in range(10)]
    done.set()
    for thread in threads:
        thread.join()

    assert answers == [(0.0, 950.0, 1.0)] * 10
    assert sum(sample.value for sample in counter.collect()) == sum(steps)
    assert [latency.get({"n": str(number)}).count for number in range(4)] == steps
