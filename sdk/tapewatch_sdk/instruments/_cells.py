"""Why a value is exact under threads although no update takes a lock.

**One cell** (CPython with its global lock). A series holds its value in an attribute, and an update is one statement,
`self.value += amount`, whose operands are known to be float or int. CPython lets another thread (or a signal handler,
or the garbage collector) run at three places alone: where a function begins, where a loop jumps back and after a call.
Between the load and the store of that statement there is none of them, so that it cannot be interrupted. The tests
read this off the bytecode of every update, and hammer them with a switch interval of a microsecond.

**A cell for each thread** (free-threaded CPython, any other interpreter, and every CPython later than those on which
the above is tested). Each thread adds to a list of its own that it finds under its id, so that no two threads ever
write the same place; a reader adds up copies of all lists. That rests on nothing but what free-threaded Python
promises: a single operation on a dict or a list is atomic. A cell is never taken away: when its thread ends, the next
new thread goes on counting in it. So no count is lost or moved, and there are never more cells than there were threads
at one time. It costs some 50 ns more, the look-up of the thread's id.
"""

from __future__ import annotations

import sys
from _thread import get_ident
from threading import local
from typing import Protocol
from weakref import WeakSet

from tapewatch_sdk.instruments._locking import LOCK

__all__ = ["ONE_CELL", "Leavable", "ThreadCells", "tell_at_end_of_thread"]

TESTED_BEFORE = (3, 14)
"""The first CPython for which nobody has yet tested that one cell is enough."""

ONE_CELL = (
    sys.implementation.name == "cpython" and sys.version_info < TESTED_BEFORE and "free-threading" not in sys.version
)
"""Whether one cell is enough for all threads."""


class Leavable(Protocol):
    """What must be told that a thread has ended."""

    def leave(self, thread: int) -> None:
        """The thread with this id updates it no more; the id may soon be that of another thread."""


class ThreadCells:
    """A list of numbers for each thread.

    Parameters:
        width: how many numbers.
    """

    __slots__ = ("__weakref__", "_all", "_idle", "of", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.of: dict[int, list[float]] = {}
        """The list of each thread by its id; updates read it without a lock."""
        self._all: list[list[float]] = []
        self._idle: list[list[float]] = []

    def take(self) -> list[float]:
        """The list of this thread: at its first update one that an ended thread has left, or a new one."""
        with LOCK:
            thread = get_ident()
            if thread not in self.of:
                if not self._idle:
                    fresh = [0.0] * self.width
                    self._all.append(fresh)
                    self._idle.append(fresh)
                self.of[thread] = self._idle.pop()
                tell_at_end_of_thread(self)
            return self.of[thread]

    def leave(self, thread: int) -> None:
        """Keep the list of an ended thread for the next new one."""
        with LOCK:
            if (left := self.of.pop(thread, None)) is not None:
                self._idle.append(left)

    def sums(self) -> list[float]:
        """What all lists add up to, place by place."""
        lists = [each.copy() for each in self._all.copy()]
        return list(map(sum, zip(*lists, strict=True))) if lists else [0.0] * self.width

    @property
    def lists(self) -> int:
        """How many lists there are."""
        return len(self._all)


class _Thread:
    """Lives in a thread's local storage, and so ends with the thread, in that thread."""

    def __init__(self) -> None:
        self.thread = get_ident()
        self.told: WeakSet[Leavable] = WeakSet()

    def __del__(self) -> None:
        for each in list(self.told):
            each.leave(self.thread)


class _Local(local):
    def __init__(self) -> None:
        self.thread = _Thread()


_LOCAL = _Local()


def tell_at_end_of_thread(one: Leavable) -> None:
    """Have `leave` called when the current thread ends."""
    _LOCAL.thread.told.add(one)
