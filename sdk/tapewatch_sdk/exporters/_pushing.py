"""What all exporters that push have in common: the beat, the buffer, the tries, the end."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from socket import gaierror

from tapewatch_sdk.contract import API_VERSION
from tapewatch_sdk.exporters.contract import Batch, Connection, Counts, Destination, Export, PointsRefusedError, Source
from tapewatch_sdk.sending.outbox import LAST_PAUSE, Outbox, Refused, Unreachable

__all__ = ["NOTHING", "PushExporter"]

NOTHING = Counts(0, 0, 0, 0, 0)

_log = logging.getLogger("tapewatch_sdk.exporters")


class PushExporter(ABC):
    """Base class of exporters that push; who derives from it writes `name` and `connect`.

    It reads the registry every `interval` seconds, on a beat that does not drift, and keeps the batches in their order
    until they are taken: at most `buffer` of them, then the oldest is dropped, because alerts look at the newest. A
    try that fails is made again after 0.5 s, 1 s and so on, up to the interval, or when the backend asks for it. None
    of that is the caller's: it has no part in it but the call of `start`.

    A forked child does not go on pushing: it would write into the series of its parent. A child that has something to
    tell starts an exporter of its own, with a label of its own.
    """

    name: str
    """Unique among exporters; it stands before `+` in a URL that does not tell by itself whose it is."""
    api_version = API_VERSION

    @abstractmethod
    def connect(self, destination: Destination) -> Connection:
        """Make a connection, which lasts as long as the export.

        It is called in `start`, and must not wait for the network: the first `send` does that, in the background.

        Raises:
            ProblemsError: the destination is wrong, or a package is missing that is needed.
        """

    def start(self, source: Source, destination: Destination) -> Export:
        """Begin pushing, and return at once."""
        return _Push(source, self.connect(destination), f"pushes to {destination.shown}")


class _Request:
    """Has the values of now read.

    Parameters:
        last: nothing is read afterwards.
    """

    def __init__(self, last: bool) -> None:
        self.last = last
        self.done = threading.Event()


class _Push:
    """One export: a thread that reads, and an outbox that sends.

    Parameters:
        source: what is read.
        connection: takes it to the backend.
        name: for people.
    """

    def __init__(self, source: Source, connection: Connection, name: str) -> None:
        self._source = source
        self._connection = connection
        self._pid = os.getpid()
        self._closed = False
        self._failed = False
        self._requests: SimpleQueue[_Request] = SimpleQueue()
        sender = _Sender(connection, name)
        pause = min(max(source.interval, 1.0), LAST_PAUSE)
        self._outbox: Outbox[Batch] = Outbox(
            name, lambda: sender, size=source.buffer, batch=1, last_pause=pause, newest=True
        )
        threading.Thread(target=self._beat, name=f"tapewatch-reading-for-{name}", daemon=True).start()

    @property
    def counts(self) -> Counts:
        """What became of the batches, in this process."""
        return self._outbox.counts

    @property
    def failure(self) -> str:
        """What was wrong with the last try."""
        return self._outbox.failure

    def flush(self, timeout: float = 5.0) -> bool:
        """Send the values of now, and wait until they are taken; False when they were not, in so many seconds."""
        if self._over:
            return True
        refused, end = self.counts.refused, time.monotonic() + timeout
        done = self._ask(_Request(last=False), timeout) and self._outbox.flush(max(0.0, end - time.monotonic()))
        return done and self.counts.refused == refused

    def close(self, timeout: float = 2.0) -> bool:
        """Flush, and end; False when something was left."""
        if self._over:
            return True
        self._closed = True
        end = time.monotonic() + timeout
        read = self._ask(_Request(last=True), timeout)
        sent = self._outbox.close(max(0.0, end - time.monotonic()))
        if sent:
            self._connection.close()
        return read and sent

    @property
    def _over(self) -> bool:
        """Whether this has ended, or is another process's."""
        return self._closed or os.getpid() != self._pid

    def _ask(self, request: _Request, timeout: float) -> bool:
        self._requests.put(request)
        return request.done.wait(timeout)

    def _beat(self) -> None:
        due = time.monotonic()
        while True:
            try:
                request = self._requests.get(timeout=max(0.0, due - time.monotonic()))
            except Empty:
                self._take()
                due = _next(due, self._source.interval)
                continue
            self._take()
            request.done.set()
            if request.last:
                return

    def _take(self) -> None:
        try:
            self._outbox.put(self._source.read())
        except Exception:  # noqa: BLE001 - whatever a source raises, the next beat comes
            if not self._failed:
                self._failed = True
                _log.exception("the values of instruments cannot be read, and are not pushed")


def _next(due: float, interval: float) -> float:
    """The next beat; those that were missed are not made up for."""
    late = time.monotonic() - due
    return due + max(1, math.ceil(late / interval)) * interval


class _Sender:
    """A connection as the outbox knows it: one batch at a time, with what it raises in the outbox's words.

    Parameters:
        connection: the connection.
        name: for people.
    """

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._told = False

    def send(self, batches: Sequence[Batch], /) -> None:
        for batch in batches:
            try:
                self._connection.send(batch)
            except PointsRefusedError as error:
                raise Refused(str(error)) from error
            except (ConnectionRefusedError, gaierror) as error:
                raise Unreachable(str(error)) from error
            except OSError:
                raise
            except Exception as error:
                if not self._told:
                    self._told = True
                    _log.exception("%s: the exporter has failed", self._name)
                raise Refused(f"{type(error).__name__}: {error}") from error
