"""Runs what may hang in a thread of its own, and waits for it no longer than is agreed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Flight", "Landing"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Landing(Generic[T]):
    """How a function ended.

    Parameters:
        value: what it gave; None when it raised.
        error: what it raised; None when it did not.
    """

    value: T | None = None
    error: BaseException | None = None


class Flight(Generic[T]):
    """A function that is under way at most once: who asks meanwhile gets the same answer.

    So a function that hangs holds up one thread, however often it is asked for. It is used from one event loop only.

    Parameters:
        name: the name of its threads.
        function: what is to be run.
    """

    def __init__(self, name: str, function: Callable[[], T]) -> None:
        self._name = name
        self._function = function
        self._began = 0.0
        self._under_way: Future[Landing[T]] | None = None

    async def landing(self, timeout: float) -> Landing[T]:
        """How the function ends.

        Parameters:
            timeout: seconds that it may take, counted from where it began.

        Raises:
            TimeoutError: it takes longer.
        """
        if self._under_way is None or self._under_way.done():
            self._began, self._under_way = time.monotonic(), Future()
            threading.Thread(target=self._run, args=(self._under_way,), name=self._name, daemon=True).start()
        async with asyncio.timeout(max(self._began + timeout - time.monotonic(), 0)):
            return await asyncio.shield(asyncio.wrap_future(self._under_way))

    def _run(self, under_way: Future[Landing[T]]) -> None:
        try:
            landing = Landing(self._function())
        except BaseException as error:  # noqa: BLE001 -- it is told to who awaits the landing
            landing = Landing(error=error)
        under_way.set_result(landing)
