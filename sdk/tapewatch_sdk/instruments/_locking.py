"""The one lock of the instruments, and what a fork does to them.

No update of a series takes the lock: it stands around what happens once (an instrument, a series, a thread's first
update) and is held for microseconds. It can be taken again by the thread that holds it, because a signal handler may
update an instrument in the middle of that.

At a fork the lock is held, so that the child inherits it free and finds nothing half done. In the child, counters and
histograms begin anew at zero: the counts up to the fork are reported by the parent. Gauges keep their values: they are
a state, not a count.
"""

from __future__ import annotations

import os
from threading import RLock
from typing import Protocol
from weakref import WeakSet

__all__ = ["LOCK", "Forked", "reset_after_fork"]

LOCK = RLock()
"""Held around everything that changes the shape of a registry."""


class Forked(Protocol):
    """What must be told that it lives in a new process."""

    def after_fork(self) -> None:
        """Forget what the parent reports. The lock is held, and there is no other thread."""


_FORKED: WeakSet[Forked] = WeakSet()


def reset_after_fork(one: Forked) -> None:
    """Have `after_fork` called in every child from now on, as long as the object lives."""
    with LOCK:
        _FORKED.add(one)


def _in_child() -> None:
    try:
        for one in list(_FORKED):
            one.after_fork()
    finally:
        LOCK.release()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=_in_child)
