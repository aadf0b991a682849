"""Loops that go on for ever: one that breaks is told of, and started again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

__all__ = ["Loops", "beat"]

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before a loop that broke is started again; doubled each time, and begun anew after a minute of good work."""

GOOD = 60.0

_log = logging.getLogger("tapewatch.history")


class Loops:
    """The loops of one process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Start a loop.

        Parameters:
            name: for people.
            loop: runs until it is cancelled.
        """
        self._tasks.add(asyncio.get_running_loop().create_task(_kept(name, loop), name=name))

    async def stop(self) -> None:
        """End them all, and wait until they have."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


async def _kept(name: str, loop: Callable[[], Awaitable[None]]) -> None:
    pause = FIRST_PAUSE
    while True:
        began = time.monotonic()
        try:
            await loop()
            _log.error("%s has ended, and is started again", name)
        except Exception as error:  # noqa: BLE001 -- whatever breaks a loop, the history goes on
            _log.error("%s has broken, and is started again", name, exc_info=error)
        pause = FIRST_PAUSE if time.monotonic() - began > GOOD else pause
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


async def beat(every: float, work: Callable[[], None]) -> None:
    """Do something on a beat that does not drift; beats that were missed are not made up for.

    Parameters:
        every: seconds.
        work: what is done.
    """
    clock = asyncio.get_running_loop().time
    due = clock()
    while True:
        work()
        late = clock() - due
        due += every * max(1, -int(-late // every))
        await asyncio.sleep(max(due - clock(), 0.0))
