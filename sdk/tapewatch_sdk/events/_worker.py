"""A bounded queue with a thread behind it: what stands between the code that publishes and one subscriber.

The publisher appends and looks at the length; it takes no lock as long as the queue does not overflow. `deque.append`
and `deque.popleft` are atomic, so that each event is taken out exactly once, by the thread or by the overflow, and the
counts are exact. Who wakes the thread stands in `_rounds.py`.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable
from threading import Lock, RLock, Thread, current_thread
from time import monotonic, sleep
from typing import Final

from tapewatch_sdk.events.event import Event

__all__ = ["Worker", "wait_until"]

LOG = logging.getLogger("tapewatch_sdk.events")

IDLE_SECONDS = 5.0
"""An idle thread looks at its queue so often even when nobody wakes it: a second line of defence, no more."""

START_PAUSE = 1.0
"""Seconds until the next try when the system gives no thread."""


class Worker:
    """The queue and the thread of one subscriber; a subclass says what is done with the events.

    Parameters:
        name: for logs and figures.
        limit: events that may wait.
        batch: events that are handed over at once.
    """

    def __init__(self, name: str, limit: int, batch: int = 1) -> None:
        self.name: Final = name
        self.limit: Final = limit
        self._batch = batch
        self.dropped = self.delivered = self.failed = self.retried = 0
        self.closing = self._abandoned = False
        self._until = math.inf
        self._ended = False
        self._said: set[str] = set()
        self._prepare()

    def _prepare(self) -> None:
        """Makes all that belongs to one process."""
        self.queue: deque[Event] = deque()
        self.idle = True
        self._thread: Thread | None = None
        self._start_after = 0.0
        self._lock = RLock()  # a signal handler may publish while its own thread is publishing
        self._gate = Lock()
        self._gate.acquire()

    def after_fork(self) -> None:
        """In a child: its threads are gone, and what was waiting is delivered by the parent."""
        self._prepare()
        self.dropped = self.delivered = self.failed = self.retried = 0

    def overflow(self) -> None:
        """Drops the oldest events until the queue keeps its limit; called by whoever appended too much."""
        with self._lock:
            while len(self.queue) > self.limit:
                self.queue.popleft()
                self.dropped += 1

    def wake(self) -> None:
        """Lets the thread go on, and starts it where there is none yet."""
        if self._thread is None:
            self._start()
            return
        self.idle = False
        self._open_gate()

    def _open_gate(self) -> None:
        try:
            self._gate.release()
        except RuntimeError:
            return  # another publisher was quicker

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._abandoned or monotonic() < self._start_after:
                return
            self._thread = Thread(target=self._run, args=(self._gate,), name=f"events-{self.name}", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no more threads, or the interpreter is shutting down
                self._thread = None
                self._start_after = monotonic() + START_PAUSE

    # What the thread does.

    def _run(self, gate: Lock) -> None:
        while gate is self._gate and not self.given_up:  # another gate: this is a child of the process it began in
            self.idle = False
            if events := self._take():
                self.deliver(events)
            elif self.closing:
                break
            else:
                self._rest(gate)
            if self.dropped:
                self.say_once("dropped", "%s is too slow: the oldest of its events are dropped", self.name)
        if gate is self._gate:
            self._end()
            self.idle = True

    def _end(self) -> None:
        if self.closing and not self._ended:
            self._ended = True
            self.ended()

    def _take(self) -> list[Event]:
        events: list[Event] = []
        try:
            while len(events) < self._batch:
                events.append(self.queue.popleft())
        except IndexError:
            pass
        return events

    def _rest(self, gate: Lock) -> None:
        self.idle = True
        # Only now: an event that is appended after this look finds the flag set.
        if not self.queue and not self.closing and not self._abandoned:
            gate.acquire(timeout=IDLE_SECONDS)

    def pause(self, seconds: float) -> None:
        """Waits, at most until the worker is closed."""
        if not self.closing:
            self._gate.acquire(timeout=seconds)
        else:
            sleep(min(seconds, 0.05))

    def say_once(self, what: str, text: str, *arguments: object, error: BaseException | None = None) -> None:
        """Logs a warning, the first time that there is one of its kind."""
        if what not in self._said:
            self._said.add(what)
            LOG.warning(f"{text}; this is counted, and not logged again", *arguments, exc_info=error)

    def deliver(self, events: list[Event]) -> None:
        """Hands events over, and counts them; raises nothing."""
        raise NotImplementedError

    has_end = False
    """Whether there is something to do in `ended`."""

    def ended(self) -> None:
        """Called by the thread of a worker that is closed, when it has delivered its last event."""

    # What the owner calls.

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to wait for: nothing is left, or what is left is not delivered any more."""
        return self._abandoned or (self.idle and not self.queue)

    @property
    def given_up(self) -> bool:
        """Whether what is left is not delivered any more."""
        return self._abandoned or monotonic() >= self._until

    def begin_close(self) -> None:
        """Lets the thread end once its queue is empty; nothing is waited for."""
        self.closing = True
        if self._thread is None and (self.queue or self.has_end):
            self._start()
        self._open_gate()

    def end_close(self, until: float) -> bool:
        """Waits for that, until a time of `monotonic()`; then gives up what is left.

        Returns:
            Whether every event was handed over.
        """
        self._until = until
        thread = self._started(until)
        if thread is None:
            # While the interpreter ends, it gives no threads any more; nobody but this one is left to do it.
            while self.queue and not self.given_up:
                self.deliver(self._take())
            self._end()
        elif thread is not current_thread():
            thread.join(max(until - monotonic(), 0.0))
        self.abandon()
        return not self.queue and (thread is None or not thread.is_alive())

    def _started(self, until: float) -> Thread | None:
        """The thread, once it is clear whether the system gave one: another thread may just be starting it."""
        if self._lock.acquire(timeout=max(until - monotonic(), 0.0)):
            self._lock.release()
        return self._thread

    def abandon(self) -> None:
        """Ends without delivering what still waits."""
        self._abandoned = True
        self._open_gate()


def wait_until(done: Callable[[], bool], timeout: float) -> bool:
    """Looks until something is so, at most for `timeout` seconds; whether it became so."""
    until, pause = monotonic() + timeout, 0.0005
    while not done():
        left = until - monotonic()
        if left <= 0:
            return False
        sleep(min(pause, left))
        pause = min(pause * 1.5, 0.02)
    return True
