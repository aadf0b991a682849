"""SIGTERM, where the program does not handle it itself: the service is closed, then the process ends by it.

SIGINT needs nothing of the kind. Python makes a `KeyboardInterrupt` of it, the program ends by that, and what `atexit`
knows is run on the way. A handler of ours would close the service before the program's own `except KeyboardInterrupt`
has cancelled its orders, and would take from `asyncio.run` its own way of ending.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

__all__ = ["NAME", "Termination", "end_by"]

NAME = "SIGTERM"


class Termination:
    """A handler of SIGTERM, put in place only in the main thread, and only where there is no other.

    Parameters:
        close: closes the service, given the signal; gives False when that is under way in this very thread, below the
            handler: it is finished first then, and ends the process itself.
    """

    def __init__(self, close: Callable[[int], bool]) -> None:
        self._close = close
        self._here = False

    def install(self) -> None:
        """Put it in place, if that may be."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            with suppress(ValueError):  # the main thread of another interpreter of this process
                signal.signal(signal.SIGTERM, self)
                self._here = True

    def remove(self) -> None:
        """Give the signal its default back. From another thread that cannot be done: then the handler does as much."""
        if self._here and threading.current_thread() is threading.main_thread():
            self._here = False
            if signal.getsignal(signal.SIGTERM) is self:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Close the service, and end the process."""
        signal.signal(number, signal.SIG_DFL)  # a second signal ends it at once
        if self._close(number):
            end_by(number)


def end_by(number: int) -> None:
    """End this process as a signal does whose default handling is in place."""
    os.kill(os.getpid(), number)
    # Only process 1 of a container gets here: the kernel keeps such signals from it.
    os._exit(128 + number)
