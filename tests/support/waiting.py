"""Waits that explain themselves: a timeout says what was awaited, what the last answer was, and what the log says."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.client import HTTPException
from typing import TypeVar

from tapewatch_sdk.errors import ToolError

__all__ = ["wait_for"]

T = TypeVar("T")

PAUSE = 0.05
"""Seconds between two looks."""


def wait_for(
    awaited: str, look: Callable[[], T | None], timeout: float = 30.0, log: Callable[[], str] | None = None
) -> T:
    """Looks again and again until the answer is true; gives that answer.

    Parameters:
        awaited: what is awaited, in words: "Prometheus is ready".
        look: gives something true when it has happened; what it gives or raises meanwhile is the "last answer".
        timeout: seconds.
        log: gives the tail of the log that explains a timeout.

    Raises:
        AssertionError: it did not happen in time.
    """
    end = time.monotonic() + timeout
    while True:
        answer: object
        try:
            if found := look():
                return found
            answer = found
        except (OSError, HTTPException, ValueError, LookupError, ToolError) as error:
            answer = error
        if time.monotonic() >= end:
            tail = f"\nlog:\n{log()}" if log else ""
            raise AssertionError(f"waited {timeout:g} s until {awaited}; the last answer was {answer!r}{tail}")
        time.sleep(PAUSE)
