"""Waits for what others do, with a limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["PATIENCE", "becomes", "within"]

PATIENCE = 20.0
"""Seconds that a test waits at most for what should happen at once: it fails then, however slow the machine is."""

T = TypeVar("T")


def becomes(condition: Callable[[], object], patience: float = PATIENCE) -> bool:
    """Whether something becomes true."""
    until = time.monotonic() + patience
    while not condition():
        if time.monotonic() >= until:
            return False
        time.sleep(0.01)
    return True


def within(patience: float, function: Callable[[], T]) -> tuple[bool, T | None]:
    """Whether a call comes back in so many seconds, and what it gives.

    Raises:
        Exception: what the call raised.
    """
    given: list[T] = []
    raised: list[BaseException] = []

    def call() -> None:
        try:
            given.append(function())
        except BaseException as error:  # noqa: BLE001 -- raised again, in the thread of the test
            raised.append(error)

    thread = threading.Thread(target=call, name="suite", daemon=True)
    thread.start()
    thread.join(patience)
    if raised:
        raise raised[0]
    return not thread.is_alive(), given[0] if given else None
