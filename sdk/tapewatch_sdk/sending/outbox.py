"""Sends things from a background thread: spans, log lines and metrics, to a server or to standard output.

Who puts something in never waits: not for the network, not for a lock. The queue is bounded, and what does not fit is
counted and forgotten. What the other end does not take now is kept and tried again, ever more slowly, each pause a
little shorter by chance, so that many programs do not come back together. After a fork the child begins with an empty
outbox and a thread of its own, which is started when there is something to send.
"""

from __future__ import annotations

import logging
import os
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeVar

__all__ = ["Counts", "Outbox", "Refused", "Sender", "Unreachable", "is_worker"]

Item = TypeVar("Item")
Sent = TypeVar("Sent", contravariant=True)

FIRST_PAUSE = 0.5
LAST_PAUSE = 30.0
"""Seconds between two tries of the same batch: at first, and at most; each pause is twice the one before."""

LONGEST_WISH = 300.0
"""Seconds that the other end is left alone at most, whatever longer time it asks for."""

FINAL_PAUSE = 0.1
"""Seconds between two tries while the program waits for its end."""

QUIET = 60.0
"""Seconds between two log lines of an outbox about itself."""

_log = logging.getLogger("tapewatch_sdk.outbox")


class Refused(Exception):  # noqa: N818 -- an answer
    """The other end will never take this batch: trying again is of no use."""


class Unreachable(Exception):  # noqa: N818 -- an answer
    """Nobody is there: at a program's end it is not waited for."""


class Sender(Protocol[Sent]):
    """A connection to the other end."""

    def send(self, batch: Sequence[Sent], /) -> None:
        """Sends a batch, and returns when it was taken.

        Raises:
            Refused: it never will be.
            Unreachable: nobody is there.
            Exception: anything else is tried again; not before `after` seconds, if the exception has that.
        """


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the things that were put in.

    Parameters:
        sent: taken by the other end.
        dropped: forgotten, because the queue was full or the end of the program came first.
        refused: not taken by the other end, and never to be.
        failures: tries that failed; what was tried is still kept.
        waiting: in the queue or on their way.
    """

    sent: int
    dropped: int
    refused: int
    failures: int
    waiting: int


class _Mark:
    """Goes through the queue like a thing to send: once the worker meets it, all that was put in before is gone.

    Parameters:
        last: the worker ends here.
    """

    def __init__(self, last: bool = False) -> None:
        self.last = last
        self.reached = threading.Event()


class _Worker(threading.Thread):
    """The thread of an outbox."""


def is_worker() -> bool:
    """Whether this code runs in the thread of an outbox: what is logged there must not go into one."""
    return isinstance(threading.current_thread(), _Worker)


class Outbox(Generic[Item]):
    """A bounded queue and the thread that empties it.

    Parameters:
        name: what is in it, for people: `spans`.
        connect: opens a connection; called in the thread, anew after each failure and after a fork.
        size: how many things wait at most.
        batch: how many are sent at once.
        linger: seconds that the first one waits for company.
        last_pause: seconds between two tries at most.
        newest: what to forget when the queue is full: the oldest, instead of what comes.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Sender[Item]],
        *,
        size: int = 2048,
        batch: int = 512,
        linger: float = 1.0,
        last_pause: float = LAST_PAUSE,
        newest: bool = False,
    ) -> None:
        self.name = name
        self._connect = connect
        self._size = size
        self._batch = min(batch, size)
        self._linger = linger
        self._last_pause = last_pause
        self._newest = newest
        self._closed = False
        self._begin()
        reference = weakref.WeakMethod(self._after_fork)
        os.register_at_fork(after_in_child=lambda: (method := reference()) and method())
        self._start()

    def _begin(self) -> None:
        # SimpleQueue and RLock may be entered again by the thread that is in them: by a signal handler or a finalizer
        # that logs. Neither Queue nor Event may.
        self._queue: SimpleQueue[Item | _Mark] = SimpleQueue()
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._lock = threading.RLock()
        self._worker: _Worker | None = None
        self._sender: Sender[Item] | None = None
        self._deadline: float | None = None
        self._marks = 0
        self._in_hand = self._sent = self._dropped = self._refused = self._failures = 0
        self._hopeless = False
        self._failure = ""
        self._next_pause, self._wish = FIRST_PAUSE, 0.0
        self._told, self._quiet_until = logging.INFO, 0.0

    def put(self, item: Item) -> bool:
        """Hands a thing over; False when it had to be dropped."""
        queue = self._queue
        waiting = queue.qsize()
        if waiting >= self._size or self._closed:
            if self._closed or not self._newest:
                self._drop(1)
                return False
            if self._is_full():
                self._forget_oldest()
        queue.put(item)
        if waiting + 1 == self._batch > 1:  # with one alone nobody waits for company
            self._bell.put(None)
        if self._worker is None:
            self._start()
        return True

    @property
    def counts(self) -> Counts:
        """What became of everything so far, in this process."""
        waiting = max(0, self._queue.qsize() - self._marks) + self._in_hand
        return Counts(self._sent, self._dropped, self._refused, self._failures, waiting)

    @property
    def failure(self) -> str:
        """What was wrong with the last try; empty when there was nothing."""
        return self._failure

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until all that was put in so far is gone.

        Parameters:
            timeout: seconds.

        Returns:
            False when it is not, or when the outbox is closed.
        """
        if self._closed or is_worker():
            return False
        return self._mark(_Mark(), timeout)

    def close(self, timeout: float = 2.0) -> bool:
        """Sends what is left, within a deadline, and ends the thread; what is put in afterwards is dropped.

        Parameters:
            timeout: seconds; where nobody is at the other end, it does not take that long.

        Returns:
            False when something could not be sent; it is counted as dropped.
        """
        if self._closed:
            return True
        self._closed = True
        self._deadline = time.monotonic() + timeout
        if not self._mark(_Mark(last=True), timeout):
            self._hopeless = True
            self._drop(self._empty())
            self._queue.put(_Mark(last=True))  # the first one went with the rest; the thread must not wait for ever
        return not self._hopeless

    def _mark(self, mark: _Mark, timeout: float) -> bool:
        if self._worker is None and not self._queue.qsize():
            return True
        with self._lock:
            self._marks += 1
        self._queue.put(mark)
        self._bell.put(None)
        return self._start() and mark.reached.wait(timeout)

    def _drop(self, number: int) -> None:
        with self._lock:
            self._dropped += number

    def _is_full(self) -> bool:
        return self._queue.qsize() - self._marks >= self._size

    def _forget_oldest(self) -> None:
        """Makes room for one; marks, which count as none, go to the end."""
        for _ in range(self._queue.qsize()):
            try:
                item = self._queue.get_nowait()
            except Empty:
                return
            if not isinstance(item, _Mark):
                self._drop(1)
                return
            self._queue.put(item)

    def _empty(self) -> int:
        """Takes everything out of the queue; how many things it was."""
        found = 0
        while True:
            try:
                found += not isinstance(self._queue.get_nowait(), _Mark)
            except Empty:
                return found

    def _start(self) -> bool:
        """Whether there is a thread now; at the very end of a program none can be started."""
        with self._lock:
            if self._worker is None:
                self._worker = worker = _Worker(target=self._work, name=f"tapewatch-{self.name}", daemon=True)
                try:
                    worker.start()
                except RuntimeError:
                    self._worker = None
        return self._worker is not None

    def _work(self) -> None:
        marks: list[_Mark] = []
        while not any(mark.last for mark in marks):
            batch, marks = self._gather()
            if batch:
                self._deliver(batch)
            for mark in marks:
                with self._lock:
                    self._marks -= 1
                mark.reached.set()

    def _gather(self) -> tuple[list[Item], list[_Mark]]:
        """The next batch, and the marks that were met on the way to it."""
        batch: list[Item] = []
        marks: list[_Mark] = []
        item: Item | _Mark = self._queue.get()
        while True:
            if isinstance(item, _Mark):
                marks.append(item)
            else:
                batch.append(item)
                self._in_hand = len(batch)
            if marks or len(batch) >= self._batch:
                return batch, marks
            try:
                if len(batch) == 1 and self._queue.qsize() < self._batch - 1:
                    self._pause(self._linger)
                item = self._queue.get_nowait()
            except Empty:
                return batch, marks

    def _pause(self, seconds: float) -> None:
        """Waits, unless somebody is in a hurry."""
        try:
            self._bell.get(timeout=max(seconds, 0.0))
            while True:  # it may have been rung while nobody waited
                self._bell.get_nowait()
        except Empty:
            return

    def _deliver(self, batch: list[Item]) -> None:
        while not self._attempt(batch):
            if self._newest and self._is_full():  # what is in hand is the oldest of all
                self._drop(len(batch))
                break
            if self._deadline is None:
                self._pause(max(self._next_pause * random.uniform(0.8, 1), self._wish))  # noqa: S311 -- no secret
                self._next_pause = min(2 * self._next_pause, self._last_pause)
            elif not self._hopeless:
                self._pause(min(FINAL_PAUSE, self._deadline - time.monotonic()))
        self._in_hand = 0

    def _attempt(self, batch: list[Item]) -> bool:
        """Whether the batch is done with: sent, refused or given up."""
        if self._hopeless:
            self._drop(len(batch))
            return True
        try:
            self._sender = self._sender or self._connect()
            self._sender.send(batch)
        except Refused as error:
            self._refused += len(batch)
            self._failure, self._next_pause = _words(error), FIRST_PAUSE
            self._tell(logging.WARNING, f"{len(batch)} {self.name} were refused: {error}")
            return True
        except Exception as error:  # noqa: BLE001 -- whatever it is, the thread goes on
            self._sender = None
            self._failures += 1
            self._failure = _words(error)
            self._wish = min(getattr(error, "after", 0.0), LONGEST_WISH)
            late = self._deadline is not None and time.monotonic() >= self._deadline
            self._hopeless = late or (self._closed and isinstance(error, Unreachable))
            self._tell(logging.WARNING, f"{self.name} cannot be sent; up to {self._size} are kept meanwhile: {error}")
            return False
        self._sent += len(batch)
        self._failure, self._next_pause = "", FIRST_PAUSE
        if self._told == logging.WARNING:
            self._tell(logging.INFO, f"{self.name} are sent again; {self._dropped} were dropped so far")
        return True

    def _tell(self, level: int, what: str) -> None:
        """Says that something has gone wrong, or is right again: each once, and not every moment."""
        now = time.monotonic()
        if level != self._told and now >= self._quiet_until:
            self._told, self._quiet_until = level, now + QUIET
            _log.log(level, what)

    def _after_fork(self) -> None:
        """The child's own outbox: empty, since the parent sends what was in it, and with nothing of the thread's."""
        self._begin()
        # A child of multiprocessing ends without `atexit`; its own finalizers are registered this way.
        if utilities := sys.modules.get("multiprocessing.util"):
            utilities.register_after_fork(self, _close_at_end)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _close_at_end(outbox: Outbox[object]) -> None:
    from multiprocessing.util import Finalize

    Finalize(outbox, outbox.close, exitpriority=0)
