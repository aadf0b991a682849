"""Event sinks on a bus: their contract, and what becomes of events that one does not take."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Event as Flag
from time import monotonic
from typing import Any

import pytest

from sdk.events.script import run
from support.waiting import wait_for
from tapewatch_sdk.errors import PluginError
from tapewatch_sdk.events import API_VERSION, AUDIT_TYPES, Event, EventBus, EventSink, EventsRefusedError, EventType


class Journal:
    """A sink that keeps what it is given, after doing what it is told to."""

    name = "journal"
    api_version = API_VERSION

    def __init__(self, before: Callable[[Sequence[Event]], object] = lambda events: None) -> None:
        self.events: list[Event] = []
        self.batches: list[int] = []
        self.closed = 0
        self._before = before

    def send(self, events: Sequence[Event]) -> None:
        self._before(events)
        self.batches.append(len(events))
        self.events += events

    def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between two tries that a test can wait for."""
    monkeypatch.setattr("tapewatch_sdk.events._backoff.FIRST_PAUSE", 0.001)
    monkeypatch.setattr("tapewatch_sdk.events._backoff.LONGEST_PAUSE", 0.01)


def publish_all(bus: EventBus) -> list[Event]:
    events = [Event(kind) for kind in EventType]
    for event in events:
        bus.publish(event)
    return events


def test_a_sink_keeps_the_contract() -> None:
    assert isinstance(Journal(), EventSink)


def test_a_sink_gets_every_event_in_order(bus: EventBus) -> None:
    journal = Journal()
    bus.attach(journal)

    events = publish_all(bus)

    assert bus.flush()
    assert journal.events == events


def test_a_sink_gets_the_types_that_it_is_attached_for(bus: EventBus) -> None:
    journal = Journal()
    bus.attach(journal, types=AUDIT_TYPES)

    events = publish_all(bus)

    assert bus.flush()
    assert journal.events == [event for event in events if event.event_type in AUDIT_TYPES]


def test_what_waits_for_a_sink_comes_in_batches(bus: EventBus) -> None:
    gate = Flag()
    journal = Journal(lambda events: gate.wait())
    handle = bus.attach(journal)
    bus.publish(Event(EventType.ERROR))
    wait_for("the first one is in its hands", lambda: not handle.stats().queued)
    for _ in range(250):
        bus.publish(Event(EventType.ERROR))
    gate.set()

    assert bus.flush()
    assert journal.batches == [1, 100, 100, 50]
    assert handle.stats().delivered == 251


def test_a_sink_that_is_gone_for_a_while_gets_everything_once_and_in_order(
    bus: EventBus, caplog: pytest.LogCaptureFixture
) -> None:
    refusals = iter([OSError("disk full"), ConnectionError("gone"), TimeoutError("slow")])

    def fail(events: Sequence[Event]) -> None:
        if error := next(refusals, None):
            raise error

    journal = Journal(fail)
    handle = bus.attach(journal)
    with caplog.at_level(logging.WARNING, logger="tapewatch_sdk.events"):
        events = publish_all(bus)
        assert bus.flush()

    assert journal.events == events
    assert (handle.stats().retried, handle.stats().delivered, handle.stats().failed) == (3, len(events), 0)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("error", [EventsRefusedError("never"), ValueError("a bug"), SystemExit()])
def test_a_batch_that_a_sink_will_never_take_is_counted_and_left(
    bus: EventBus, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def refuse(events: Sequence[Event]) -> None:
        if any(event.event_type == EventType.ERROR for event in events):
            raise error

    journal = Journal(refuse)
    handle = bus.attach(journal)
    with caplog.at_level(logging.WARNING, logger="tapewatch_sdk.events"):
        for kind in (EventType.CYCLE_START, EventType.ERROR, EventType.ERROR, EventType.CYCLE_END):
            bus.publish(Event(kind))
            assert bus.flush()

    assert [event.event_type for event in journal.events] == [EventType.CYCLE_START, EventType.CYCLE_END]
    assert (handle.stats().failed, handle.stats().delivered, handle.stats().retried) == (2, 2, 0)
    assert len(caplog.records) == 1


def test_a_sink_that_is_gone_holds_up_nobody_and_its_queue_stays_bounded(bus: EventBus) -> None:
    def gone(events: Sequence[Event]) -> None:
        raise ConnectionError

    got: list[Event] = []
    handle = bus.attach(Journal(gone), queue_size=10)
    bus.subscribe(None, got.append)
    bus.publish(Event(EventType.ERROR))
    wait_for("the first one is being tried", lambda: handle.stats().retried)

    for _ in range(100):
        bus.publish(Event(EventType.ERROR))

    wait_for("the other subscriber has every event", lambda: len(got) == 101)
    assert (handle.stats().queued, handle.stats().dropped) == (10, 90)


def test_closing_the_bus_delivers_and_then_closes_the_sinks(bus: EventBus) -> None:
    used, unused = Journal(), Journal()
    bus.attach(used, types=[EventType.ERROR])
    bus.attach(unused, types=[EventType.CYCLE_END])
    bus.publish(Event(EventType.ERROR))

    assert bus.close()
    assert (len(used.events), used.closed, unused.closed) == (1, 1, 1)


def test_unsubscribing_a_sink_leaves_it_open(bus: EventBus) -> None:
    journal = Journal()
    handle = bus.attach(journal)
    publish_all(bus)
    assert bus.flush()

    assert bus.unsubscribe(handle)
    assert bus.close()
    assert journal.closed == 0


def test_closing_gives_up_a_sink_that_is_gone(bus: EventBus) -> None:
    def gone(events: Sequence[Event]) -> None:
        raise ConnectionError

    handle = bus.attach(Journal(gone))
    bus.publish(Event(EventType.ERROR))
    begin = monotonic()

    bus.close(timeout=0.2)

    assert monotonic() - begin < 10
    wait_for("what it held is counted as lost", lambda: handle.stats().dropped == 1)


def test_a_sink_that_fails_to_close_is_named(bus: EventBus, caplog: pytest.LogCaptureFixture) -> None:
    class Stuck(Journal):
        def close(self) -> None:
            raise RuntimeError("stuck")

    bus.attach(Stuck())
    with caplog.at_level(logging.WARNING, logger="tapewatch_sdk.events"):
        assert bus.close()

    assert "event sink journal failed to close" in caplog.text


class Old(Journal):
    api_version = 0


class Mute:
    name = "mute"
    api_version = API_VERSION


@pytest.mark.parametrize(("sink", "reason"), [(Old(), "version 0"), (Mute(), "lacks a part"), (None, "version None")])
def test_what_does_not_keep_the_contract_is_refused_at_once(bus: EventBus, sink: Any, reason: str) -> None:
    with pytest.raises(PluginError) as caught:
        bus.attach(sink)

    (problem,) = caught.value.problems
    assert problem.code == "plugins/contract"
    assert reason in problem.summary
    assert bus.stats().subscribers == ()


def test_a_sink_is_fed_and_closed_when_the_program_ends() -> None:
    printed = run("""
        class Printer:
            name, api_version = "printer", API_VERSION
            def send(self, events):
                time.sleep(0.1)
                os.write(1, b"".join(event.event_type.encode() + b"\\n" for event in events))
            def close(self):
                os.write(1, b"closed\\n")

        blocked = [EventBus() for _ in range(4)]
        for bus in blocked:
            bus.subscribe(None, lambda event: time.sleep(1000))
            bus.emit(EventType.ERROR)
        DEFAULT_BUS.attach(Printer())
        DEFAULT_BUS.emit(EventType.ENGINE_START)
        DEFAULT_BUS.emit(EventType.ENGINE_STOP)
    """)

    assert printed == "ENGINE_START\nENGINE_STOP\nclosed\n"


def test_a_program_that_ends_where_no_thread_can_be_started_delivers_nevertheless() -> None:
    printed = run("""
        def start(thread):
            raise RuntimeError("can't create new thread at interpreter shutdown")

        class Printer:
            name, api_version = "printer", API_VERSION
            def send(self, events):
                os.write(1, b"".join(event.event_type.encode() + b"\\n" for event in events))
            def close(self):
                os.write(1, b"closed\\n")

        threading.Thread.start = start
        DEFAULT_BUS.attach(Printer())
        DEFAULT_BUS.emit(EventType.ENGINE_STOP)
    """)

    assert printed == "ENGINE_STOP\nclosed\n"
