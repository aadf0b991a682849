"""Updates from many threads: not one is lost, and a reader never sees a counter go down."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from time import sleep

import pytest

from tapewatch_sdk.instruments import MetricsRegistry, generate_text

pytestmark = pytest.mark.usefixtures("hasty_threads")

THREADS = 8
TIMES = 200_000


def run_in_threads(work: Callable[[int], None], threads: int = THREADS) -> None:
    """Run the work in so many threads, each with its number, until all have ended."""
    running = [Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def test_no_update_of_eight_threads_is_lost_on_any_path(registry: MetricsRegistry) -> None:
    counter, by_venue = registry.counter("c"), registry.counter("by_venue", labels=["venue"])
    latency = registry.histogram("h", buckets=[1.0, 2.0])
    bound, observe = by_venue.labels(venue="bound").inc, latency.labels().observe

    def work(number: int) -> None:
        labels = {"venue": "x"}
        for _ in range(TIMES):
            counter.inc()
            bound(2)
            by_venue.inc(labels=labels)
            observe(1.5)

    run_in_threads(work)

    total = float(THREADS * TIMES)
    assert counter.get() == total
    assert by_venue.get({"venue": "bound"}) == 2 * total
    assert by_venue.get({"venue": "x"}) == total
    assert (latency.get().count, latency.get().sum) == (total, 1.5 * total)
    assert latency.get().buckets[1.0] == 0.0


def test_no_step_of_a_gauge_is_lost(registry: MetricsRegistry) -> None:
    position = registry.gauge("g", labels=["symbol"])
    bound = position.labels(symbol="x")
    bound.set(100)

    def work(number: int) -> None:
        for _ in range(TIMES // 4):
            bound.inc(3.0)
            position.dec(2, {"symbol": "x"})
            bound.dec()
        bound.inc(number)

    run_in_threads(work)

    assert bound.get() == 100 + sum(range(THREADS))


def test_a_gauge_that_is_set_while_others_step_ends_with_what_was_set_last_and_later_steps(
    registry: MetricsRegistry,
) -> None:
    position = registry.gauge("g").labels()
    done = Event()

    def step(number: int) -> None:
        while not done.is_set():
            position.inc(1.0)
            position.dec(1.0)

    steppers = [Thread(target=step, args=(number,)) for number in range(4)]
    for stepper in steppers:
        stepper.start()
    read = []
    for value in range(500):
        position.set(1000.0 + value)
        sleep(0)  # lets the others run
        read.append(position.get() - value)
    done.set()
    for stepper in steppers:
        stepper.join()

    # A step up before a setting and its step down after it may remain, or the other way round, one in each thread.
    assert 1000 - 4 <= min(read) <= max(read) <= 1000 + 4
    assert 1000 - 4 <= position.get() - 499 <= 1000 + 4


def test_threads_that_end_leave_their_counts_and_no_cells(registry: MetricsRegistry) -> None:
    counter, position = registry.counter("c").labels(), registry.gauge("g").labels()
    latency = registry.histogram("h").labels()
    position.set(7.0)

    def work(number: int) -> None:
        for _ in range(100):
            counter.inc()
            position.inc()
            latency.observe(0.5)

    seen = []
    for _ in range(100):
        run_in_threads(work, threads=4)
        seen.append(counter.get())

    assert seen == [400.0 * wave for wave in range(1, 101)]
    assert position.get() == 7.0 + 40_000
    assert latency.get().count == 40_000.0
    for series in (counter, latency):
        if cells := getattr(series, "cells", None):
            assert cells.lists <= 5
            assert len(cells.of) == 0
    assert len(getattr(position, "_parts", {None: 0.0})) == 1


def test_a_reader_never_sees_a_counter_go_down(registry: MetricsRegistry) -> None:
    counter, latency = registry.counter("c", labels=["thread"]), registry.histogram("h", buckets=[1.0])
    total = registry.counter("total")
    done = Event()
    seen: list[tuple[float, float, float]] = []

    def read() -> None:
        while not done.is_set():
            generate_text(registry)
            seen.append((total.get(), latency.get().count, sum(sample.value for sample in counter.collect())))

    def work(number: int) -> None:
        for step in range(2_000):
            total.inc()
            latency.observe(0.5)
            counter.inc(labels={"thread": f"{number}-{step % 100}"})

    reader = Thread(target=read)
    reader.start()
    for _ in range(3):  # threads end and new ones begin while it is read
        run_in_threads(work)
    done.set()
    reader.join()

    columns = list(zip(*seen, strict=True))
    assert all(list(column) == sorted(column) for column in columns)
    assert total.get() == 3 * 8 * 2_000
    assert sum(sample.value for sample in counter.collect()) == 3 * 8 * 2_000


def test_threads_that_make_series_at_once_share_the_budget(cell_per_thread: bool) -> None:
    registry = MetricsRegistry(series_budget=50, cell_per_thread=cell_per_thread)
    counter = registry.counter("c", labels=["order"])

    def work(number: int) -> None:
        for order in range(200):
            counter.inc(labels={"order": str(order)})

    run_in_threads(work)

    lost = sum(sample.value for sample in registry.collect_all() if sample.name.startswith("tapewatch_sdk"))
    assert len(counter.series()) == 50
    assert sum(sample.value for sample in counter.collect()) + lost == THREADS * 200
