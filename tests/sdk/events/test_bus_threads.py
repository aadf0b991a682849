"""The event bus under load: slow and raising subscribers, many publishers, overflow, and closing it."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from collections import defaultdict
from queue import SimpleQueue
from threading import Barrier, Thread
from threading import Event as Flag
from time import monotonic, sleep

import pytest

from support.waiting import wait_for
from tapewatch_sdk.events import Event, EventBus, EventType
from tapewatch_sdk.events._rounds import Rounds


def publish_many(bus: EventBus, count: int, publisher: int = 0) -> None:
    for n in range(count):
        bus.publish(Event(EventType.DECISION_MADE, data={"publisher": publisher, "n": n}))


def in_threads(count: int, bus: EventBus, events: int) -> None:
    """Publishes from several threads that begin at once."""
    together = Barrier(count)

    def work(publisher: int) -> None:
        together.wait()
        publish_many(bus, events, publisher)

    threads = [Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture
def blocked() -> Flag:
    """Lets a subscriber go on when it is set; set in the end, so that no thread stays behind."""
    return Flag()


def test_a_blocked_subscriber_holds_up_neither_the_publisher_nor_the_others(bus: EventBus, blocked: Flag) -> None:
    got: list[Event] = []
    bus.subscribe(None, lambda event: blocked.wait(), name="blocked")
    bus.subscribe(None, got.append, name="quick")

    publish_many(bus, 500)

    wait_for("the other subscriber has every event", lambda: len(got) == 500)
    assert not bus.flush(timeout=0.01)
    blocked.set()
    assert bus.flush()


def test_what_a_full_queue_loses_is_the_oldest_and_is_counted_to_the_event(bus: EventBus, blocked: Flag) -> None:
    got: list[int] = []

    def slow(event: Event) -> None:
        blocked.wait()
        got.append(event.data["n"])

    handle = bus.subscribe(None, slow, queue_size=10)
    bus.publish(Event(EventType.DECISION_MADE, data={"n": -1}))
    wait_for("the first event is in the subscriber's hands", lambda: not handle.stats().queued)

    publish_many(bus, 100)

    assert (handle.stats().queued, handle.stats().dropped) == (10, 90)
    blocked.set()
    assert bus.flush()
    assert got == [-1, *range(90, 100)]
    assert handle.stats().delivered == 11


def test_each_subscriber_has_its_own_count_of_what_it_lost(bus: EventBus, blocked: Flag) -> None:
    slow = bus.subscribe(None, lambda event: blocked.wait(), queue_size=5)
    quick = bus.subscribe(None, lambda event: None, queue_size=1000)

    publish_many(bus, 200)

    wait_for("the quick one is done", lambda: quick.stats().delivered == 200)
    assert quick.stats().dropped == 0
    assert slow.stats().dropped in (194, 195)  # one may be in its hands
    blocked.set()


@pytest.mark.usefixtures("hasty_threads")
def test_many_publishers_and_a_full_queue_lose_no_count(bus: EventBus) -> None:
    got: list[Event] = []
    handles = [bus.subscribe(None, got.append, queue_size=size) for size in (1, 7, 100)]

    in_threads(8, bus, 5_000)

    assert bus.flush()
    assert bus.stats().published == 40_000
    for handle in handles:
        stats = handle.stats()
        assert (stats.delivered + stats.dropped, stats.queued, stats.failed) == (40_000, 0, 0)
    assert len(got) == sum(handle.stats().delivered for handle in handles)


@pytest.mark.usefixtures("hasty_threads")
def test_the_events_of_each_publisher_arrive_in_its_order() -> None:
    bus = EventBus(buffer_size=20_000)
    got: defaultdict[int, list[int]] = defaultdict(list)
    bus.subscribe(None, lambda event: got[event.data["publisher"]].append(event.data["n"]))

    in_threads(4, bus, 5_000)

    assert bus.close(timeout=30)
    assert got == {publisher: list(range(5_000)) for publisher in range(4)}


@pytest.mark.usefixtures("hasty_threads")
def test_subscribing_while_others_publish_is_safe(bus: EventBus) -> None:
    done = Flag()

    def change() -> None:
        while not done.is_set():
            bus.unsubscribe(bus.subscribe(None, lambda event: None))

    changing = Thread(target=change)
    changing.start()
    steady = bus.subscribe(None, lambda event: None, queue_size=100_000)
    in_threads(4, bus, 3_000)
    done.set()
    changing.join()

    assert bus.flush()
    assert (bus.stats().published, bus.stats().invalid, steady.stats().delivered) == (12_000, 0, 12_000)


@pytest.mark.usefixtures("hasty_threads")
def test_reading_the_newest_while_others_publish_is_safe(bus: EventBus) -> None:
    done = Flag()
    problems: list[Exception] = []

    def look() -> None:
        try:
            while not done.is_set():
                bus.get_recent(1000)
                bus.get_by_type(EventType.DECISION_MADE, 10)
                bus.stats()
        except Exception as error:  # noqa: BLE001 -- whatever it is, the test fails
            problems.append(error)

    looking = Thread(target=look)
    looking.start()
    in_threads(4, bus, 3_000)
    done.set()
    looking.join()

    assert problems == []
    assert bus.stats().published == 12_000


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()])
def test_a_subscriber_that_raises_is_counted_and_logged_once(
    bus: EventBus, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def bad(event: Event) -> None:
        raise error

    got: list[Event] = []
    handle = bus.subscribe(None, bad, name="bad")
    bus.subscribe(None, got.append)

    with caplog.at_level(logging.WARNING, logger="tapewatch_sdk.events"):
        publish_many(bus, 50)
        assert bus.flush()

    assert (handle.stats().failed, handle.stats().delivered, len(got)) == (50, 0, 50)
    assert ["bad" in record.getMessage() for record in caplog.records] == [True]


def test_a_subscriber_that_is_too_slow_is_named_once(bus: EventBus, caplog: pytest.LogCaptureFixture) -> None:
    bus.subscribe(None, lambda event: None, name="snail", queue_size=1)

    with caplog.at_level(logging.WARNING, logger="tapewatch_sdk.events"):
        publish_many(bus, 500)
        assert bus.flush()
        publish_many(bus, 500)
        assert bus.flush()

    assert [record.getMessage().startswith("snail is too slow") for record in caplog.records] == [True]


def test_a_quiet_bus_wakes_up_again(bus: EventBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch_sdk.events._rounds.QUIET_ROUNDS", 1)
    monkeypatch.setattr("tapewatch_sdk.events._rounds.IDLE_SECONDS", 1000.0)
    monkeypatch.setattr("tapewatch_sdk.events._worker.IDLE_SECONDS", 1000.0)
    got: SimpleQueue[Event] = SimpleQueue()
    bus.subscribe(None, got.put)

    for n in range(300):
        publish_many(bus, 1, publisher=n)
        assert got.get(timeout=30).data["publisher"] == n
        sleep((n % 20) / 2000)  # it is met at every moment of falling asleep


def test_an_event_that_comes_in_the_moment_of_falling_asleep_is_not_forgotten(
    bus: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tapewatch_sdk.events._rounds.QUIET_ROUNDS", 1)
    monkeypatch.setattr("tapewatch_sdk.events._rounds.IDLE_SECONDS", 1000.0)
    got: SimpleQueue[Event] = SimpleQueue()
    worker = bus.subscribe(None, got.put)._worker

    class Sly(Rounds):
        """Has an event from a publisher that looked at the flag just before it was set."""

        def __setattr__(self, name: str, value: object) -> None:
            if name == "asleep" and value and getattr(self, "ready", False):
                worker.queue.append(Event(EventType.ERROR))
            super().__setattr__(name, value)

    rounds = Sly()
    rounds.add(worker)
    rounds.wake()
    sleep(0.2)  # until it has nothing to do
    rounds.ready = True
    rounds.wake()

    assert got.get(timeout=30).event_type == EventType.ERROR
    rounds.reset()  # its thread ends


def test_closing_delivers_what_waits(blocked: Flag) -> None:
    bus = EventBus()
    got: list[Event] = []

    def slow(event: Event) -> None:
        blocked.wait(0.001)
        got.append(event)

    bus.subscribe(None, slow)
    publish_many(bus, 50)

    assert bus.close(timeout=30)
    assert len(got) == 50


def test_closing_waits_no_longer_than_it_is_told(blocked: Flag) -> None:
    bus = EventBus()
    handles = [bus.subscribe(None, lambda event: blocked.wait(), name=str(n)) for n in range(3)]
    publish_many(bus, 10)
    wait_for("all are in their subscribers' hands", lambda: all(each.stats().queued == 9 for each in handles))
    begin = monotonic()

    closed = bus.close(timeout=0.3)

    assert not closed
    assert 0.25 < monotonic() - begin < 10  # three blocked subscribers share the time
    blocked.set()
    assert all(each.stats().queued == 9 for each in handles)


def test_after_closing_nothing_is_delivered_and_nothing_raises(bus: EventBus) -> None:
    got: list[Event] = []
    bus.subscribe(None, got.append)
    assert bus.close()

    bus.publish(Event(EventType.ERROR))
    late = bus.subscribe(None, got.append)
    bus.publish(Event(EventType.ERROR))

    assert bus.close()
    assert got == []
    assert bus.stats().published == 2
    assert late.stats().queued == 0


def test_a_subscriber_may_close_the_bus(bus: EventBus) -> None:
    closed = Flag()

    def close(event: Event) -> None:
        bus.close(timeout=1)
        closed.set()

    bus.subscribe(None, close)
    publish_many(bus, 1)

    assert closed.wait(30)


def test_a_bus_that_nobody_has_any_more_leaves_no_thread() -> None:
    bus = EventBus()
    bus.subscribe(None, lambda event: None, name="forgotten")
    publish_many(bus, 5)
    assert bus.flush()
    gone = weakref.ref(bus)

    del bus
    gc.collect()

    assert gone() is None
    wait_for("its thread has ended", lambda: "events-forgotten" not in {each.name for each in threading.enumerate()})
