"""Pauses between two tries."""

from __future__ import annotations

import random

__all__ = ["Backoff"]

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
"""Seconds."""


class Backoff:
    """Pauses that double from 0.2 s to 30 s, each shortened by chance by up to a half.

    Without the chance, many services that lost the same server would all come back in the same moment.
    """

    def __init__(self) -> None:
        self._pause = FIRST_PAUSE

    def next(self) -> float:
        """Seconds to wait now."""
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 -- chance, not secrecy

    def reset(self) -> None:
        """It worked: the next pause is a first one again."""
        self._pause = FIRST_PAUSE
