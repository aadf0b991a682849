"""An event bus that keeps what is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from tapewatch_sdk.events import Event, EventBus, EventType

__all__ = ["CapturedEvents"]


class CapturedEvents(EventBus):
    """A bus that keeps every event from the moment in which it is published: there is nothing to wait for.

    It is a bus like any other, with subscribers and sinks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Event] = []
        """Every event, in the order of publishing."""

    def publish(self, event: Event) -> None:
        """Hand an event to everybody who wants it, and keep it."""
        self._keep(event)
        super().publish(event)

    def of(self, event_type: EventType) -> list[Event]:
        """The events of one type."""
        return [event for event in self.all if event.event_type == event_type]

    def only(self, event_type: EventType) -> Event:
        """The one event of a type.

        Raises:
            AssertionError: there is none, or more than one.
        """
        found = self.of(event_type)
        listed = ", ".join(str(event.event_type) for event in self.all) or "nothing"
        assert len(found) == 1, f"{len(found)} events of the type {event_type}, not 1; published were: {listed}"
        return found[0]

    def clear(self) -> None:
        """Forget what was published so far."""
        self.all.clear()

    @contextmanager
    def listening_to(self, bus: EventBus) -> Iterator[None]:
        """In this block what is published on another bus is kept here too; it goes its usual way as well."""
        usual = bus.publish

        def publish(event: Event) -> None:
            self._keep(event)
            usual(event)

        with patch.object(bus, "publish", publish):
            yield

    def _keep(self, event: Event) -> None:
        if isinstance(event, Event):
            self.all.append(event)
