"""One thread a process that looks after the queues of all subscribers and wakes whoever has something to do.

To wake a thread costs a system call, microseconds that the code that trades would have to pay for each subscriber of
each event. So the publisher wakes nobody but this thread, and that only when it is asleep, which it is after 50 ms
without events. In between it makes its round every 5 ms, the time after which the interpreter lets another thread run
anyway.
"""

from __future__ import annotations

import os
import weakref
from threading import Lock, RLock, Thread
from time import monotonic, sleep

from tapewatch_sdk.events._worker import IDLE_SECONDS, START_PAUSE, Worker

__all__ = ["ROUNDS", "Rounds"]

ROUND_SECONDS = 0.005
"""Pause between two rounds."""

QUIET_ROUNDS = 10
"""Rounds in which nobody had to be woken, until the thread falls asleep."""


class Rounds:
    """The thread, and the workers that it looks after."""

    def __init__(self) -> None:
        self._workers: tuple[weakref.ref[Worker], ...] = ()
        self.reset()

    def reset(self) -> None:
        """Makes all that belongs to one process."""
        self.asleep = True
        self._thread: Thread | None = None
        self._start_after = 0.0
        self._lock = RLock()  # a signal handler may publish while its own thread is publishing
        self._gate = Lock()
        self._gate.acquire()

    def add(self, worker: Worker) -> None:
        """Looks after a worker too, for as long as anybody holds it."""
        with self._lock:
            self._workers = (*(each for each in self._workers if each() is not None), weakref.ref(worker))

    def after_fork(self) -> None:
        """In a child there is no thread, and nothing waits."""
        self.reset()
        for each in self._workers:
            if worker := each():
                worker.after_fork()

    def wake(self) -> None:
        """Lets the thread make a round; called by a publisher that finds it asleep."""
        self.asleep = False
        if self._thread is None:
            self._start()
        try:
            self._gate.release()
        except RuntimeError:
            return  # another publisher was quicker

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None:
                return
            if monotonic() < self._start_after:
                self.asleep = True
                return
            self._thread = Thread(target=self._run, args=(self._gate,), name="events", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no more threads, or the interpreter is shutting down
                self._thread, self.asleep = None, True
                self._start_after = monotonic() + START_PAUSE

    def _run(self, gate: Lock) -> None:
        quiet = 0
        while gate is self._gate:  # another gate: this is a child of the process it began in
            quiet = 0 if self._round() else quiet + 1
            if quiet < QUIET_ROUNDS:
                sleep(ROUND_SECONDS)
                continue
            self.asleep = True
            # Only now: an event that is appended after this round finds the flag set.
            if not self._round():
                gate.acquire(timeout=IDLE_SECONDS)
            self.asleep, quiet = False, 0

    def _round(self) -> bool:
        """Wakes whoever has something to do; whether there was anybody."""
        found = False
        for each in self._workers:
            worker = each()
            if worker is not None and worker.queue and worker.idle:
                worker.wake()
                found = True
        return found


ROUNDS = Rounds()
"""Those of this process."""

os.register_at_fork(after_in_child=ROUNDS.after_fork)
