"""Objects with a lock of their own, which a forked child gets anew."""

from __future__ import annotations

import os
import weakref
from threading import RLock

__all__ = ["Locked"]


class Locked:
    """Has a lock. In a child it is open, whoever in the parent held it at the fork; that thread is not in the child."""

    def __init__(self) -> None:
        self._lock = RLock()
        _all.add(self)


_all: weakref.WeakSet[Locked] = weakref.WeakSet()


def _after_fork() -> None:
    for each in list(_all):
        each._lock = RLock()


os.register_at_fork(after_in_child=_after_fork)
