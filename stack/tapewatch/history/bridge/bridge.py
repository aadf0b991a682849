"""The loop: all targets at once, once a second."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tapewatch.history.bridge.targets import Target
from tapewatch.history.samples import Scrape
from tapewatch_sdk.instruments import MetricsRegistry

__all__ = ["Bridge", "Callback", "Round"]


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """What one beat brought.

    Parameters:
        at: when it began, as Unix time in seconds.
        scrapes: every service -> what its targets gave since the last round. A target that is down is there with its
            reason; one that has not answered yet is not: its answer comes with a later round.
        waiting: the services with a target that has not answered yet.
    """

    at: float
    scrapes: Mapping[str, Sequence[Scrape]]
    waiting: frozenset[str] = frozenset()


Callback = Callable[[Round], Awaitable[None] | None]
"""Takes a round."""


class Bridge:
    """Scrapes targets. It lives in one event loop.

    Parameters:
        targets: what is asked.
        interval: seconds from beat to beat.
        largest: bytes of an answer, unpacked, above which it is given up.
        registry: gets the bridge's own instruments.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        interval: float = 1.0,
        *,
        largest: int = 10 * 1024 * 1024,
        registry: MetricsRegistry | None = None,
    ) -> None:
        self.targets = tuple(targets)
        self.interval = interval

    async def scrape_all(self) -> dict[str, list[Scrape]]:
        """Ask every target once; by service."""
        raise NotImplementedError

    async def run(self, callback: Callback) -> None:
        """Ask for ever, and hand each round on."""
        raise NotImplementedError

    async def close(self) -> None:
        """Close all connections."""
        raise NotImplementedError
