"""The event bus: a service publishes, and whoever wants to know is called from a thread of its own."""

from __future__ import annotations

import atexit
import os
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from threading import RLock
from time import monotonic
from typing import Final, NamedTuple

from tapewatch_sdk.events._emitting import Emitter
from tapewatch_sdk.events._plain import text_of
from tapewatch_sdk.events._rounds import ROUNDS
from tapewatch_sdk.events._subscribers import Caller, Feeder
from tapewatch_sdk.events._worker import Worker, wait_until
from tapewatch_sdk.events.event import Event, EventType
from tapewatch_sdk.events.sink import EventSink
from tapewatch_sdk.loading import checked, load

__all__ = ["DEFAULT_BUS", "BusStats", "EventBus", "SubscriberStats", "Subscription"]

EXIT_SECONDS = 2.0
"""Seconds that the buses of a process have to deliver what still waits when the interpreter ends."""

_SINKS = "tapewatch.event_sinks"

_Routes = tuple[Worker, ...]


class SubscriberStats(NamedTuple):
    """What became of the events for one subscriber. Whatever is published is in one of these numbers in the end.

    Parameters:
        name: the subscriber's name.
        queued: events that wait for it.
        delivered: events that it took.
        dropped: events that it was too slow for, the oldest first.
        failed: events on which it raised.
        retried: how often a sink could not take events at once.
    """

    name: str
    queued: int
    delivered: int
    dropped: int
    failed: int
    retried: int


class BusStats(NamedTuple):
    """What a bus has done, since it was made or since its process was forked.

    Parameters:
        published: events that were published.
        invalid: what was published and is no event.
        subscribers: the same for each subscriber, in the order in which they came.
    """

    published: int
    invalid: int
    subscribers: tuple[SubscriberStats, ...]


class Subscription:
    """What `subscribe` and `attach` give, for `unsubscribe` and for a look at the subscriber's own figures."""

    def __init__(self, worker: Worker, types: frozenset[EventType] | None) -> None:
        self._worker: Final = worker
        self.types: Final = types

    @property
    def name(self) -> str:
        """The subscriber's name."""
        return self._worker.name

    def stats(self) -> SubscriberStats:
        """What became of the events for this subscriber."""
        worker = self._worker
        return SubscriberStats(
            worker.name, len(worker.queue), worker.delivered, worker.dropped, worker.failed, worker.retried
        )


class EventBus(Emitter):
    """Takes events from the code that trades and hands them to whoever wants them, without ever holding that code up.

    `publish` appends to the queue of each subscriber and returns. Every subscriber has a queue and a daemon thread of
    its own, started by the first event for it: one that blocks or raises harms neither the publisher nor the others. A
    queue that is full loses its oldest event, and counts it. An event is handed over within milliseconds. All methods
    may be called from any thread, and `publish` from a signal handler as well. In a forked child the bus has the same
    subscribers with empty queues: what was waiting is delivered by the parent.

    When the interpreter ends, what still waits is delivered for at most two seconds; a program that ends in another
    way, or wants to know, calls `close`.

    Parameters:
        buffer_size: how many of the newest events are kept for `get_recent`, and how many may wait for a subscriber.
        source: the source of events that are made by the `emit` methods.

    Raises:
        ValueError: `buffer_size` is below 1.
    """

    def __init__(self, buffer_size: int = 1000, source: str = "") -> None:
        self.source = source
        self._size = _size(buffer_size)
        self._recent: deque[Event] = deque(maxlen=buffer_size)
        self._routes: dict[str, _Routes] = {}
        self._everybody: _Routes = ()
        self._subscriptions: tuple[Subscription, ...] = ()
        self._closed = False
        self._reset()
        _buses.add(self)

    def _reset(self) -> None:
        """Makes all that belongs to one process."""
        self._lock = RLock()
        self._published, self._published_looks = count(), 0
        self._invalid, self._invalid_looks = count(), 0

    def publish(self, event: Event) -> None:
        """Hand an event to everybody who wants it. Never raises, never waits for a subscriber.

        Parameters:
            event: the event; anything else is counted as invalid and left.
        """
        try:
            workers = self._routes.get(event.event_type, self._everybody)
            self._recent.append(event)
            next(self._published)
            for worker in workers:
                queue = worker.queue
                queue.append(event)
                if len(queue) > worker.limit:
                    worker.overflow()
            if ROUNDS.asleep:
                ROUNDS.wake()
        except Exception:  # noqa: BLE001 -- the code that trades goes on
            next(self._invalid)

    def subscribe(
        self,
        event_type: EventType | None,
        callback: Callable[[Event], object],
        *,
        name: str = "",
        queue_size: int | None = None,
    ) -> Subscription:
        """Have a function called for each event, in the order of publishing, from a thread of its own.

        Parameters:
            event_type: the events that it wants; None for all.
            callback: the function; what it returns is not looked at, what it raises is counted and logged once.
            name: for logs and figures; the function's own unless given.
            queue_size: how many events may wait for it; the bus's `buffer_size` unless given.

        Raises:
            ValueError: the event type is unknown, or `queue_size` is below 1.
        """
        name = name or text_of(getattr(callback, "__qualname__", type(callback).__name__))
        worker = Caller(name, _size(queue_size, self._size), callback)
        return self._add(worker, None if event_type is None else [event_type])

    def attach(
        self, sink: EventSink | str, types: Iterable[EventType] | None = None, *, queue_size: int | None = None
    ) -> Subscription:
        """Have a sink take events, in batches and in the order of publishing, from a thread of its own.

        Parameters:
            sink: the sink; `close` closes it too. A text is the name of one that is installed, as
                `tapewatch plugins list` shows it.
            types: the events that it takes; None for all.
            queue_size: how many events may wait for it; the bus's `buffer_size` unless given.

        Raises:
            PluginError: the sink does not keep its contract, or none of this name can be loaded.
            ValueError: an event type is unknown, or `queue_size` is below 1.
        """
        kept = load(_SINKS, sink) if isinstance(sink, str) else checked(_SINKS, sink)
        return self._add(Feeder(_size(queue_size, self._size), kept), types)

    def _add(self, worker: Worker, types: Iterable[EventType] | None) -> Subscription:
        wanted = None if types is None else frozenset(map(EventType, types))
        subscription = Subscription(worker, wanted)
        ROUNDS.add(worker)
        with self._lock:
            self._route((*self._subscriptions, subscription))
        if self._closed:
            worker.abandon()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> bool:
        """Send a subscriber no more events; those that wait for it are not delivered either.

        Returns:
            Whether it was subscribed.
        """
        with self._lock:
            left = tuple(each for each in self._subscriptions if each is not subscription)
            found = len(left) < len(self._subscriptions)
            self._route(left)
        if found:
            subscription._worker.abandon()
        return found

    def _route(self, subscriptions: tuple[Subscription, ...]) -> None:
        """Works out once who wants what, so that `publish` need not."""
        self._subscriptions = subscriptions
        if self._closed:
            subscriptions = ()
        self._everybody = tuple(each._worker for each in subscriptions if each.types is None)
        self._routes = {
            kind: tuple(each._worker for each in subscriptions if each.types is None or kind in each.types)
            for kind in EventType
        }

    def get_recent(self, n: int = 100) -> list[Event]:
        """The newest events, the newest last.

        Parameters:
            n: at most so many; there are never more than `buffer_size`.
        """
        return self._copied()[-n:] if n > 0 else []

    def get_by_type(self, event_type: EventType, n: int = 100) -> list[Event]:
        """The newest events of one type among the `buffer_size` newest of all, the newest last.

        Parameters:
            event_type: the type.
            n: at most so many.
        """
        return [event for event in self._copied() if event.event_type == event_type][-n:] if n > 0 else []

    def _copied(self) -> list[Event]:
        while True:
            try:
                return list(self._recent)
            except RuntimeError:  # another thread published just then; only possible without the interpreter's lock
                continue

    def stats(self) -> BusStats:
        """What the bus has done so far, and what became of the events for each subscriber."""
        with self._lock:
            # A counter is read by counting once more, and knows by itself how often that was.
            published = next(self._published) - self._published_looks
            invalid = next(self._invalid) - self._invalid_looks
            self._published_looks += 1
            self._invalid_looks += 1
            return BusStats(published, invalid, tuple(each.stats() for each in self._subscriptions))

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything that was published is delivered. For tests, and for what must be out before going on.

        Parameters:
            timeout: seconds to wait at most.

        Returns:
            Whether it was delivered in time.
        """
        workers = [each._worker for each in self._subscriptions]
        ROUNDS.wake()
        return wait_until(lambda: all(worker.quiet for worker in workers), timeout)

    def close(self, timeout: float = 5.0) -> bool:
        """Deliver what waits, close the sinks and end the threads; events that are published later reach nobody.

        Parameters:
            timeout: seconds that all subscribers have together; what is not delivered by then is given up.

        Returns:
            Whether everything was delivered in time.
        """
        until = monotonic() + timeout
        delivered = [worker.end_close(until) for worker in self._begin_close()]
        return all(delivered)

    def _begin_close(self) -> list[Worker]:
        with self._lock:
            self._closed = True
            self._route(self._subscriptions)
        workers = [each._worker for each in self._subscriptions]
        for worker in workers:
            worker.begin_close()
        return workers

    def __del__(self) -> None:
        # Threads hold their worker and never the bus. A bus that nobody has any more lets them end in their own time.
        for each in getattr(self, "_subscriptions", ()):
            each._worker.begin_close()


def _size(size: int | None, default: int = 1) -> int:
    if size is not None and size < 1:
        raise ValueError(f"room for at least one event is needed, not for {size}")
    return default if size is None else size


_buses: weakref.WeakSet[EventBus] = weakref.WeakSet()


def _after_fork() -> None:
    for bus in list(_buses):
        bus._reset()


def _at_exit() -> None:
    until = monotonic() + EXIT_SECONDS
    for bus in list(_buses):
        bus._begin_close()
    for bus in list(_buses):
        bus.close(max(until - monotonic(), 0.0))


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)

DEFAULT_BUS = EventBus()
"""The bus of this process, for whoever needs no other."""
