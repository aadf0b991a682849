"""The two kinds of subscribers: a function that is called for each event, and a sink that takes them in batches."""

from __future__ import annotations

from collections.abc import Callable

from tapewatch_sdk.events._backoff import Backoff
from tapewatch_sdk.events._worker import Worker
from tapewatch_sdk.events.event import Event
from tapewatch_sdk.events.sink import EventSink, EventsRefusedError

__all__ = ["Caller", "Feeder"]

BATCH = 100
"""Events that a sink is handed at once."""


class Caller(Worker):
    """Calls a function for each event."""

    def __init__(self, name: str, limit: int, callback: Callable[[Event], object]) -> None:
        super().__init__(name, limit)
        self._callback = callback

    def deliver(self, events: list[Event]) -> None:
        for event in events:
            try:
                self._callback(event)
            except BaseException as error:  # noqa: BLE001 -- whatever it raises, the next event is its own
                self.failed += 1
                self.say_once("failed", "subscriber %s failed on %s", self.name, event.event_type, error=error)
            else:
                self.delivered += 1


class Feeder(Worker):
    """Feeds a sink, and feeds it again what it could not take."""

    has_end = True

    def __init__(self, limit: int, sink: EventSink) -> None:
        super().__init__(sink.name, limit, BATCH)
        self._sink = sink

    def deliver(self, events: list[Event]) -> None:
        backoff = Backoff()
        while not self.given_up:
            try:
                self._sink.send(events)
            except EventsRefusedError as error:
                return self._failed(events, error)
            except OSError as error:
                self.retried += 1
                self.say_once("retried", "event sink %s takes nothing now (%s); trying again", self.name, error)
            except BaseException as error:  # noqa: BLE001 -- a bug of the sink is no reason to stop feeding it
                return self._failed(events, error)
            else:
                self.delivered += len(events)
                return None
            self.pause(backoff.next())
        self.dropped += len(events)
        return None

    def _failed(self, events: list[Event], error: BaseException) -> None:
        self.failed += len(events)
        self.say_once("failed", "event sink %s did not take %d events", self.name, len(events), error=error)

    def ended(self) -> None:
        close = getattr(self._sink, "close", None)
        if callable(close):
            try:
                close()
            except BaseException as error:  # noqa: BLE001 -- there is nothing left that this may spoil
                self.say_once("close", "event sink %s failed to close", self.name, error=error)
