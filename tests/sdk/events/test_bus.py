"""The event bus: who gets which events, what it remembers, and the calls that make events."""

from __future__ import annotations

from typing import Any

import pytest

from tapewatch_sdk.events import DEFAULT_BUS, Event, EventBus, EventSeverity, EventType


def an_event(kind: EventType = EventType.CYCLE_START, n: int = 0) -> Event:
    return Event(kind, data={"n": n})


def test_a_subscriber_of_one_type_gets_those_events_in_their_order(bus: EventBus) -> None:
    got: list[Event] = []
    bus.subscribe(EventType.CYCLE_START, got.append)
    published = [an_event(EventType.CYCLE_START if n % 2 else EventType.CYCLE_END, n) for n in range(100)]

    for event in published:
        bus.publish(event)

    assert bus.flush()
    assert got == [event for event in published if event.data["n"] % 2]


def test_a_subscriber_of_all_types_gets_every_event(bus: EventBus) -> None:
    got: list[Event] = []
    bus.subscribe(None, got.append)
    published = [an_event(kind) for kind in EventType]

    for event in published:
        bus.publish(event)

    assert bus.flush()
    assert got == published


def test_a_type_that_this_version_does_not_know_reaches_the_subscribers_of_all(bus: EventBus) -> None:
    all_of_them: list[Event] = []
    errors: list[Event] = []
    bus.subscribe(None, all_of_them.append)
    bus.subscribe(EventType.ERROR, errors.append)

    bus.publish(Event("MOON_LANDING"))  # type: ignore[arg-type]

    assert bus.flush()
    assert (len(all_of_them), len(errors)) == (1, 0)


def test_a_function_subscribed_twice_is_called_twice(bus: EventBus) -> None:
    got: list[Event] = []
    bus.subscribe(None, got.append)
    bus.subscribe(EventType.ERROR, got.append)

    bus.publish(an_event(EventType.ERROR))

    assert bus.flush()
    assert len(got) == 2


def test_nothing_is_delivered_after_unsubscribing(bus: EventBus) -> None:
    got: list[Event] = []
    handle = bus.subscribe(None, got.append)
    bus.publish(an_event())
    assert bus.flush()

    assert bus.unsubscribe(handle)
    assert not bus.unsubscribe(handle)
    bus.publish(an_event())

    assert bus.flush()
    assert len(got) == 1
    assert bus.stats().subscribers == ()


def test_a_subscriber_may_unsubscribe_itself(bus: EventBus) -> None:
    got: list[Event] = []

    def once(event: Event) -> None:
        got.append(event)
        bus.unsubscribe(handle)

    handle = bus.subscribe(None, once)
    for n in range(10):
        bus.publish(an_event(n=n))

    assert bus.flush()
    assert [event.data["n"] for event in got] == [0]


def test_a_subscriber_may_publish(bus: EventBus) -> None:
    got: list[Event] = []
    bus.subscribe(EventType.CYCLE_START, lambda event: bus.publish(an_event(EventType.CYCLE_END)))
    bus.subscribe(EventType.CYCLE_END, got.append)

    bus.publish(an_event(EventType.CYCLE_START))

    assert bus.flush()
    assert bus.flush()  # what the first subscriber published
    assert len(got) == 1


def test_an_unknown_type_cannot_be_subscribed_to(bus: EventBus) -> None:
    with pytest.raises(ValueError, match="MOON_LANDING"):
        bus.subscribe("MOON_LANDING", print)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, -1])
def test_a_bus_has_room_for_one_event_at_least(size: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        EventBus(buffer_size=size)


@pytest.mark.parametrize("size", [0, -1])
def test_a_queue_has_room_for_one_event_at_least(bus: EventBus, size: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        bus.subscribe(None, print, queue_size=size)


def test_the_newest_events_are_kept() -> None:
    bus = EventBus(buffer_size=5)
    for n in range(8):
        bus.publish(an_event(n=n))

    assert [event.data["n"] for event in bus.get_recent(3)] == [5, 6, 7]
    assert [event.data["n"] for event in bus.get_recent(100)] == [3, 4, 5, 6, 7]
    assert bus.get_recent(0) == bus.get_recent(-1) == []


def test_the_newest_events_of_a_type_are_found(bus: EventBus) -> None:
    for n in range(10):
        bus.publish(an_event(EventType.CYCLE_START if n % 3 else EventType.ERROR, n))

    assert [event.data["n"] for event in bus.get_by_type(EventType.ERROR, 3)] == [3, 6, 9]
    assert [event.data["n"] for event in bus.get_by_type(EventType.ERROR, 100)] == [0, 3, 6, 9]
    assert bus.get_by_type(EventType.ERROR, 0) == bus.get_by_type(EventType.QUOTE_STALE, 5) == []


@pytest.mark.parametrize("wrong", [None, 5, "ERROR", {}, object()])
def test_what_is_no_event_is_counted_and_left(bus: EventBus, wrong: Any) -> None:
    got: list[Event] = []
    bus.subscribe(None, got.append)

    bus.publish(wrong)

    assert bus.flush()
    assert (got, bus.get_recent(5)) == ([], [])
    assert (bus.stats().published, bus.stats().invalid) == (0, 1)


def test_looking_at_the_figures_does_not_change_them(bus: EventBus) -> None:
    for _ in range(3):
        bus.publish(an_event())
    bus.publish(None)  # type: ignore[arg-type]

    seen = [bus.stats() for _ in range(5)]

    assert {(stats.published, stats.invalid) for stats in seen} == {(3, 1)}


def test_a_subscriber_goes_by_its_function_or_by_the_name_that_it_is_given(bus: EventBus) -> None:
    def record(event: Event) -> None:
        pass

    own, given = bus.subscribe(None, record), bus.subscribe(None, record, name="journal")

    assert own.name.endswith("record")
    assert given.name == "journal"
    assert bus.stats().subscribers == (own.stats(), given.stats())


def test_a_trade_has_the_keys_that_the_history_keeps() -> None:
    bus = EventBus(source="execution-engine")

    bus.emit_trade("BTC-USD", "buy", 0.5, 50_000.0, trade_id="t1", strategy="momentum")
    bus.emit_trade("BTC-USD", "sell", 1, 50_000.0, event_type=EventType.TRADE_REJECTED, source="risk-manager")

    filled, rejected = bus.get_recent(2)
    assert (filled.event_type, filled.severity, filled.source) == ("TRADE_FILLED", "info", "execution-engine")
    assert filled.data == {
        "symbol": "BTC-USD",
        "side": "buy",
        "quantity": 0.5,
        "price": 50_000.0,
        "trade_id": "t1",
        "strategy": "momentum",
    }
    assert (rejected.event_type, rejected.severity, rejected.source) == ("TRADE_REJECTED", "warning", "risk-manager")


def test_kill_switch_and_breaker_are_told_apart_by_their_data(bus: EventBus) -> None:
    bus.emit_kill_switch("daily_loss", -12_000.0, -10_000.0)
    bus.emit_breaker_trip("volatility", 9.1, 5, venue="coinbase")

    switch, breaker = bus.get_by_type(EventType.KILL_SWITCH_TRIGGERED, 2)
    assert switch.data == {"switch": "kill_switch", "reason": "daily_loss", "value": -12_000.0, "limit": -10_000.0}
    assert breaker.data == {
        "switch": "circuit_breaker", "reason": "volatility", "value": 9.1, "limit": 5, "venue": "coinbase",
    }  # fmt: skip
    assert switch.severity == breaker.severity == EventSeverity.CRITICAL


def test_an_error_says_what_it_was_and_where(bus: EventBus) -> None:
    def divide(by: int) -> float:
        return 1 / by

    try:
        divide(0)
    except ZeroDivisionError as error:
        bus.emit_error(error, {"symbol": "BTC-USD"})
    bus.emit_error("no answer", "asking for the balance")

    raised, said = bus.get_by_type(EventType.ERROR)
    assert raised.severity == EventSeverity.ERROR
    assert raised.data["error"] == "ZeroDivisionError"
    assert raised.data["message"] == "division by zero"
    assert raised.data["context"] == {"symbol": "BTC-USD"}
    assert raised.data["at"].startswith(f"{__name__}:")
    assert raised.data["at"].endswith(" in divide")
    assert said.data == {"error": "", "message": "no answer", "context": "asking for the balance"}


class Unspeakable(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise RuntimeError


def test_making_events_never_raises_whatever_is_given(bus: EventBus) -> None:
    wrong: Any = Unspeakable()

    bus.emit_trade(wrong, wrong, wrong, wrong, event_type=wrong, source=wrong)
    bus.emit_kill_switch(wrong, wrong, wrong, source=wrong)
    bus.emit_error(wrong, wrong, source=wrong)
    bus.emit(wrong, wrong, severity=wrong)

    assert len([event.to_dict() for event in bus.get_recent()]) == 4


def test_there_is_a_bus_for_whoever_needs_no_other() -> None:
    got: list[Event] = []
    handle = DEFAULT_BUS.subscribe(EventType.CYCLE_END, got.append)
    event = an_event(EventType.CYCLE_END)

    DEFAULT_BUS.publish(event)

    assert DEFAULT_BUS.flush()
    DEFAULT_BUS.unsubscribe(handle)
    assert got == [event]
