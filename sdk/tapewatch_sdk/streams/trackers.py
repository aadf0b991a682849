"""One tracker a product."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from tapewatch_sdk.streams._locked import Locked
from tapewatch_sdk.streams.tracker import WINDOW, Arrival, ArrivalKind, SequenceTracker, StreamStats

__all__ = ["SequenceTrackers"]

MOST_PRODUCTS = 10_000
"""Products that are tracked unless given; each takes about a kilobyte, and up to 150 with a window full of gaps."""

_UNTRACKED = Arrival(ArrivalKind.UNTRACKED)


class SequenceTrackers(Locked):
    """A `SequenceTracker` for each product, made when its first message comes.

    Parameters:
        window: the window of each tracker.
        max_products: how many products are tracked. The messages of others are counted and not looked at, so that
            garbage in the feed does not fill the memory.

    Raises:
        ValueError: the window or the number of products is below 1.
    """

    def __init__(self, window: int = WINDOW, *, max_products: int = MOST_PRODUCTS) -> None:
        if min(window, max_products) < 1:
            raise ValueError(f"window and max_products are at least 1, not {window} and {max_products}")
        super().__init__()
        self._window = window
        self._most = max_products
        self._trackers: dict[Hashable, SequenceTracker] = {}
        self._untracked = 0

    def check(self, product: Hashable, sequence: int) -> Arrival:
        """Take the sequence number of a product's message that has just come; see `SequenceTracker.check`."""
        tracker = self._of(product)
        return _UNTRACKED if tracker is None else tracker.check(sequence)

    def reset(self, product: Hashable | None = None) -> None:
        """The feed begins anew: of one product, or of all."""
        for each in list(self._trackers.values()) if product is None else [self._of(product)]:
            if each is not None:
                each.reset()

    def _of(self, product: Hashable) -> SequenceTracker | None:
        try:
            found = self._trackers.get(product)
            if found is None and len(self._trackers) < self._most:
                found = self._trackers.setdefault(product, SequenceTracker(self._window))
        except TypeError:  # nothing that a product can be told by
            found = None
        if found is None:
            with self._lock:
                self._untracked += 1
        return found

    @property
    def untracked(self) -> int:
        """Messages of products beyond the number that is tracked."""
        return self._untracked

    def stats(self) -> Mapping[Hashable, StreamStats]:
        """The counts of each product."""
        return {product: tracker.stats() for product, tracker in list(self._trackers.items())}

    def total(self) -> StreamStats:
        """The counts of all products together."""
        return StreamStats(*map(sum, zip(StreamStats(), *self.stats().values(), strict=True)))
