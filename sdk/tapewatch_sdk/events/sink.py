"""The contract of an event sink: what a package implements to take events to a place of its own.

A sink is an object (or a class without parameters) that an entry point names; `EventBus.attach("its name")` makes it
take events.
It is called from a thread of its own, never by the code that publishes. See `Plugin` in `tapewatch_sdk.plugins` for the
two attributes that every plugin has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from tapewatch_sdk.contract import API_VERSION, Plugin
from tapewatch_sdk.errors import TapewatchError
from tapewatch_sdk.events.event import Event

__all__ = ["API_VERSION", "EventSink", "EventsRefusedError"]


class EventsRefusedError(TapewatchError):
    """A sink raises it for events that it will never take, however often they are sent: it need not be asked again."""


@runtime_checkable
class EventSink(Plugin, Protocol):
    """Takes events to a file, a database, a chat, a web service.

    A sink may also have a method `close()`, which is called once, after the last `send`, when the bus is closed.
    """

    def send(self, events: Sequence[Event]) -> None:
        """Take these events, in this order, all or none; called by one thread at a time, and may take its time.

        Raises:
            EventsRefusedError: it will never take them; they are counted and left.
            OSError: it could not take them now; they are sent again, with growing pauses. Every error of a file or a
                connection is one.
            Exception: anything else is a bug; the events are counted and left, as for `EventsRefusedError`.
        """
