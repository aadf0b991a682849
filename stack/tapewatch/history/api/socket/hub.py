"""Hands the same bytes to every client, and never lets them queue up for one that is slow."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from tapewatch.history.api.live.messages import events_message
from tapewatch.history.api.socket.frames import frame

__all__ = ["CLIENTS", "NEWEST", "Client", "Hub"]

CLIENTS = 2_000
"""Clients at a time; a thousand take some tenth of a second of processor time a second."""

NEWEST = 50
"""Events that a client is told of when it comes."""

REMEMBERED = 4 << 20
"""Bytes of messages with events that a slow client may be behind; what it misses it finds at `GET /api/events`."""

MESSAGE = 256 << 10
"""Bytes of one message with events, if it is not one event alone: many a client takes no message above 1 MiB."""

PATIENCE = 30.0
"""Seconds that a client may take nothing at all before its connection is ended."""


class Client(Protocol):
    """A connection."""

    def write(self, data: bytes) -> None:
        """Send."""

    def waiting(self) -> int:
        """Bytes that it was sent and has not taken; grows no further while it is above 0."""

    def abort(self) -> None:
        """End it at once."""


class _Progress:
    """How far a client is."""

    __slots__ = ("event", "since", "version")

    def __init__(self, event: int) -> None:
        self.version = -1
        self.event = event
        self.since = 0.0


class Hub:
    """The clients. It is used from one event loop.

    Parameters:
        limit: of clients.
        clock: seconds.
    """

    def __init__(self, limit: int = CLIENTS, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._clients: dict[Client, _Progress] = {}
        self._events: deque[bytes] = deque()
        self._bytes = 0
        self._told = 0
        self._newest: deque[bytes] = deque(maxlen=NEWEST)
        self._version = -1
        self._series = b""
        self._snapshot = b""
        self.series = b""
        self.snapshot = b""
        self.sent = 0
        self.skipped = 0

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def full(self) -> bool:
        """Whether one more client is not taken."""
        return len(self._clients) >= self.limit

    def join(self, client: Client) -> None:
        """A client comes: it is told everything there is to know, and from then on what is new."""
        progress = self._clients[client] = _Progress(self._told)
        for part in _parts(self._newest):
            client.write(frame(events_message(part)))
        if self._snapshot:
            self._tell(client, progress)

    def leave(self, client: Client) -> None:
        """A client goes; it may be gone already."""
        self._clients.pop(client, None)

    def show(self, version: int, series: bytes, snapshot: bytes) -> None:
        """Send a snapshot to everyone who has taken the one before.

        Parameters:
            version: of the series that it belongs to.
            series: the message that tells of them; goes to those who have another version.
            snapshot: the message.
        """
        if version != self._version:
            self._version, self.series, self._series = version, series, frame(series)
        self.snapshot, self._snapshot = snapshot, frame(snapshot)
        for client, progress in list(self._clients.items()):
            if client.waiting():
                self._held_up(client, progress)
            else:
                self._tell(client, progress)

    def publish(self, events: Iterable[bytes]) -> None:
        """Tell of events, each as JSON, in the order of time."""
        found = list(events)
        if not found:
            return
        self._newest.extend(found)
        for part in _parts(found):
            self._keep(frame(events_message(part)))
        for client, progress in list(self._clients.items()):
            if not client.waiting():
                self._tell_events(client, progress)

    def _keep(self, message: bytes) -> None:
        self._events.append(message)
        self._bytes += len(message)
        self._told += 1
        while self._bytes > REMEMBERED and len(self._events) > 1:
            self._bytes -= len(self._events.popleft())

    def remember(self, events: Iterable[bytes]) -> None:
        """Events of before, for clients that are to come."""
        self._newest.extend(events)

    def _tell(self, client: Client, progress: _Progress) -> None:
        progress.since = 0.0
        if progress.event != self._told:
            self._tell_events(client, progress)
        if progress.version != self._version:
            progress.version = self._version
            client.write(self._series)
        client.write(self._snapshot)
        self.sent += 1

    def _tell_events(self, client: Client, progress: _Progress) -> None:
        missing = min(self._told - progress.event, len(self._events))
        for number in range(len(self._events) - missing, len(self._events)):
            client.write(self._events[number])
        progress.event = self._told

    def _held_up(self, client: Client, progress: _Progress) -> None:
        self.skipped += 1
        now = self._clock()
        if not progress.since:
            progress.since = now
        elif now - progress.since > PATIENCE:
            self.leave(client)
            client.abort()


def _parts(events: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Events as they go into messages: a batch of thousands, as in a storm of alerts, is several."""
    part, size = list[bytes](), 0
    for event in events:
        if part and size + len(event) > MESSAGE:
            yield part
            part, size = [], 0
        part.append(event)
        size += len(event)
    yield part
