"""How often one client may ask: a bucket of tokens for each, which fills up steadily."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["CLIENTS", "Rates"]

CLIENTS = 10_000
"""Clients that are remembered; of more the one that was silent for longest begins anew."""


class Rates:
    """Buckets by client.

    Parameters:
        rate: tokens that come in a second; 0 for no limit at all.
        burst: tokens that a bucket holds; at least one, or nobody could ever ask.
        clock: seconds.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(burst, 1.0)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token; 0 when there was one, else seconds until there is."""
        if not self._rate:
            return 0.0
        now = self._clock()
        left, at = self._buckets.get(client, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        wait = 0.0 if left >= 1 else (1 - left) / self._rate
        self._buckets[client] = (left if wait else left - 1, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > CLIENTS:
            self._buckets.popitem(last=False)
        return wait
