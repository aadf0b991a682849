"""The suite of event sinks."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

from tapewatch_sdk.events import Event, EventBus, EventSeverity, EventType
from tapewatch_sdk.testing._saying import hold, skip
from tapewatch_sdk.testing._waiting import PATIENCE, becomes, within
from tapewatch_sdk.testing.suite import Suite

__all__ = ["EventSinkSuite"]

MANY = 250
"""Events that are published at once: more than a batch, which has 100."""

ARRIVAL = 10.0
"""Seconds that an event may take to the sink's place."""


class EventSinkSuite(Suite):
    """What holds for an event sink: what a bus hands it arrives, in order and once, and no other is harmed.

    The tests need `received`, and those of an outage `outage`.
    """

    group: ClassVar[str] = "tapewatch.event_sinks"

    def received(self) -> Sequence[Event]:
        """The events that have arrived at the sink's place, in their order; to be overridden."""
        raise NotImplementedError("override `received(self)`: it gives the events at the sink's place")

    def outage(self) -> AbstractContextManager[object]:
        """A block in which the sink's place takes nothing: its folder, its server is gone; to be overridden.

        It comes and goes in one step: the sink tries again and again meanwhile.
        """
        skip("override `outage` to see what becomes of events while the sink's place takes none")

    # Tests.

    def test_events_arrive_in_order(self) -> None:
        events = [Event(EventType.TRADE_FILLED, data={"number": number}) for number in range(MANY)]
        with self._attached() as bus:
            self._publish(bus, events)
            self._arrive(events)

    def test_every_kind_of_event_arrives(self) -> None:
        self._works()
        events = [Event(kind, severity=severity, source="suite") for kind in EventType for severity in EventSeverity]
        with self._attached() as bus:
            self._publish(bus, events)
            self._arrive(events)

    def test_whatever_an_event_holds_arrives(self) -> None:
        self._works()
        events = [Event(EventType.ERROR, data={"held": held}, source="süd\n日") for held in _odd_things()]
        with self._attached() as bus:
            self._publish(bus, events)
            self._arrive(events)

    def test_what_arrives_is_what_was_sent(self) -> None:
        self._works()
        sent = Event(
            EventType.TRADE_REJECTED, datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), {"reason": "limit", "price": 1.5},
            "risk", EventSeverity.WARNING,
        )  # fmt: skip
        before = sent.to_dict()
        with self._attached() as bus:
            self._publish(bus, [sent])
            self._arrive([sent])
            found = next(event.to_dict() for event in self.received() if event.id == sent.id)
        hold(
            found == before,
            f"{before} arrived as {found}",
            "nothing of an event is lost: id, type, time to the microsecond, severity, source and data",
            "write `event.to_dict()`, and read it with `Event.from_dict`",
        )

    def test_it_leaves_the_events_as_they_are(self) -> None:
        self._works()
        events = [Event(EventType.TRADE_FILLED, data={"price": 1.5, "legs": [{"side": "buy"}]}) for _ in range(3)]
        before = copy.deepcopy([event.data for event in events])
        with self._attached() as bus:
            self._publish(bus, events)
        hold(
            [event.data for event in events] == before,
            f"the data of an event is {events[0].data} afterwards, and was {before[0]}",
            "every subscriber is given the same event, so that nobody may change it",
            "copy what you change: `dict(event.data)`",
        )

    def test_a_batch_of_no_events_is_no_error(self) -> None:
        self._works()
        try:
            self._ready().send([])
        except Exception as error:
            raise AssertionError(
                f"`send([])` raised {type(error).__name__}: {error}\n"
                "  must hold: a batch may be empty, and then there is nothing to do\n"
                "  fix: return at once"
            ) from error

    def test_nothing_is_lost_or_doubled_by_an_outage(self) -> None:
        self._works()
        events = [Event(EventType.DECISION_MADE, data={"number": number}) for number in range(30)]
        with self._attached() as bus:
            with self.outage():
                self._publish(bus, events[:20], flush=False)
                becomes(lambda: _tried(bus), 2.0)
            self._publish(bus, events[20:], flush=False)
            hold(
                bus.flush(PATIENCE) and not bus.stats().subscribers[0].failed,
                f"after the outage `stats` is {bus.stats().subscribers[0]}",
                "what cannot be taken now is an OSError, so that the bus sends it again; anything else counts as a bug",
                "let the OSError of the file or the connection through, or turn the library's own error into one",
            )
            self._arrive(events)

    def test_what_has_arrived_is_there_when_it_is_closed(self) -> None:
        self._works()
        events = [Event(EventType.ENGINE_STOP, data={"number": number}) for number in range(3)]
        bus = EventBus()
        bus.attach(self._ready())
        self._publish(bus, events)
        done, whole = within(PATIENCE, lambda: bus.close(10.0))
        hold(
            done and whole,
            "the bus could not be closed within its 10 s",
            "`close` returns, since the end of a program waits for it",
            "wait for nobody in `close` for more than a second or two",
        )
        self._arrive(events)

    def test_closing_it_unused_is_no_error(self) -> None:
        close = getattr(self._ready(), "close", None)
        if close is None:
            skip("it has no `close`")
        try:
            close()
        except Exception as error:
            raise AssertionError(
                f"`close` of a sink that got no event raised {type(error).__name__}: {error}\n"
                "  must hold: a program may end before anything has happened\n"
                "  fix: close only what has been opened"
            ) from error

    # For the tests.

    def _ready(self) -> Any:
        return self.made()

    @contextmanager
    def _attached(self) -> Iterator[EventBus]:
        bus = EventBus()
        bus.attach(self._ready())
        try:
            yield bus
        finally:
            bus.close(5.0)

    def _publish(self, bus: EventBus, events: Sequence[Event], flush: bool = True) -> None:
        for event in events:
            bus.publish(event)
        if flush:
            bus.flush(PATIENCE)

    def _works(self) -> None:
        """Skips a test where not even plain events arrive."""
        events = [Event(EventType.TRADE_FILLED, data={"number": number}) for number in range(2)]
        with self._attached() as bus:
            self._publish(bus, events)
            if not becomes(lambda: self._ours(events) == [event.id for event in events], ARRIVAL):
                skip("events do not arrive, see test_events_arrive_in_order")

    def _ours(self, events: Sequence[Event]) -> list[str]:
        wanted = {event.id for event in events}
        return [event.id for event in self.received() if event.id in wanted]

    def _arrive(self, events: Sequence[Event]) -> None:
        wanted = [event.id for event in events]
        if becomes(lambda: self._ours(events) == wanted, ARRIVAL):
            return
        found = self._ours(events)
        lost, doubled = len(set(wanted) - set(found)), len(found) - len(set(found))
        hold(
            False,
            f"of {len(wanted)} events {lost} are missing, {doubled} came twice"
            + ("" if lost or doubled else ", and their order is another"),
            "each event arrives once, in the order of publishing; a batch arrives whole or not at all",
            "write a batch in one piece (one transaction, one write), and take back what a failed one left",
        )


def _tried(bus: EventBus) -> bool:
    stats = bus.stats().subscribers[0]
    return bool(stats.retried or stats.failed or stats.delivered)


def _odd_things() -> list[object]:
    return [
        None, float("nan"), float("inf"), 10**400, Decimal("1.10"), datetime(2026, 1, 2, tzinfo=UTC), b"\xff", "\ud800",
        {"nested": [{1, 2}]}, {3: "number as key"}, object(), EventType.ERROR, "x" * 10_000, _Unsayable(),
    ]  # fmt: skip


class _Unsayable:
    """Cannot be turned into text."""

    def __repr__(self) -> str:
        raise RuntimeError("no")
