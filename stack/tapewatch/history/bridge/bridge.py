"""The loop: all targets at once, once a second."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from tapewatch.history.bridge.asking import Asker
from tapewatch.history.bridge.fetching import session
from tapewatch.history.bridge.meters import Meters
from tapewatch.history.bridge.targets import Target
from tapewatch.history.samples import Scrape
from tapewatch_sdk.instruments import MetricsRegistry

__all__ = ["LARGEST", "Bridge", "Callback", "Round"]

LARGEST = 10 * 1024 * 1024
"""Bytes of an answer, unpacked, above which it is given up: some 100,000 series."""

_PATIENCE = 0.5
"""Share of the interval that a round waits for those who are asked; later answers come with the next round."""

_log = logging.getLogger("tapewatch.history.bridge")


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
    """Scrapes targets. It lives in one event loop, and is closed at the end: `async with Bridge(...) as bridge`.

    Parameters:
        targets: what is asked.
        interval: seconds from beat to beat.
        largest: bytes of an answer, unpacked, above which it is given up.
        packed: ask for packed answers. On one machine, and once a second, packing costs more than it saves.
        secrets: the folder that holds the files which the catalogue names for TLS and credentials; none: where it says.
        registry: gets the bridge's own instruments; one of its own without it.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        interval: float = 1.0,
        *,
        largest: int = LARGEST,
        packed: bool = False,
        secrets: Path | None = None,
        registry: MetricsRegistry | None = None,
    ) -> None:
        self.targets = tuple(targets)
        self.interval = interval
        self.registry = registry or MetricsRegistry()
        self._packed = packed
        self._meters = Meters(self.registry)
        self._askers = [Asker(target, interval, largest, secrets, self._meters) for target in targets]
        self._client: aiohttp.ClientSession | None = None

    async def scrape_all(self) -> dict[str, list[Scrape]]:
        """Ask every target once, and wait for all of them; by service. Not to be called while `run` is under way.

        A service that is down is there with the reason; one without a target, such as one that pushes, has no scrapes.
        """
        found = await self._round(None)
        return {service: list(scrapes) for service, scrapes in found.scrapes.items()}

    async def run(self, callback: Callback) -> None:
        """Ask for ever, and hand each round on.

        The beat is kept: each comes a multiple of the interval after the first, however long a round took. While a
        callback has not returned no round begins, and the beats that pass are counted. If it raises, that is logged
        and counted, and the next round comes as ever.

        Parameters:
            callback: takes each round; may be a coroutine function.
        """
        loop = asyncio.get_running_loop()
        first, beat = loop.time(), 0
        while True:
            await self._hand_on(await self._round(self.interval * _PATIENCE), callback)
            following = max(beat + 1, int((loop.time() - first) // self.interval) + 1)
            self._meters.missed(following - beat - 1)
            beat = following
            await asyncio.sleep(first + beat * self.interval - loop.time())

    async def close(self) -> None:
        """Give up what is under way, and close all connections."""
        tasks = [asker.task for asker in self._askers if asker.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for asker in self._askers:
            asker.task = None
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _round(self, patience: float | None) -> Round:
        """One round; what is asked in it is waited for so many seconds, or until its own timeout."""
        # In milliseconds, as Prometheus has them; one moment for all, so that their samples can be joined.
        at, begun = round(time.time(), 3), time.perf_counter()
        if self._client is None:
            self._client = session(self._packed)
        loop = asyncio.get_running_loop()
        late = self._answers()
        self._meters.skipped(sum(asker.task is not None for asker in self._askers))
        for asker in (due := [asker for asker in self._askers if asker.is_due]):
            asker.task = loop.create_task(asker.ask(self._client, at))
        if tasks := [asker.task for asker in due if asker.task is not None]:
            await asyncio.wait(tasks, timeout=patience)
        found = self._collected(at, late)
        scrapes = [scrape for some in found.scrapes.values() for scrape in some]
        up = sum(scrape.up for scrape in scrapes)
        waiting = sum(asker.task is not None for asker in self._askers)
        self._meters.round(time.perf_counter() - begun, up, len(scrapes) - up, waiting)
        return found

    def _answers(self) -> list[Scrape]:
        """Takes what is there by now."""
        found = []
        for asker in self._askers:
            if asker.task is not None and asker.task.done():
                found.append(asker.task.result())
                asker.task = None
        return found

    def _collected(self, at: float, late: Sequence[Scrape]) -> Round:
        """What came since the last round, the late answers first, and who is left alone because it is down."""
        scrapes: dict[str, list[Scrape]] = {target.service: [] for target in self.targets}
        asked = {id(asker) for asker in self._askers if asker.task is not None}
        for scrape in (*late, *self._answers()):
            scrapes[scrape.service].append(scrape)
        for asker in self._askers:
            if id(asker) not in asked and (down := asker.down(at)) is not None:
                scrapes[asker.target.service].append(down)
        waiting = frozenset(asker.target.service for asker in self._askers if asker.task is not None)
        return Round(at, scrapes, waiting)

    async def _hand_on(self, found: Round, callback: Callback) -> None:
        try:
            taken = callback(found)
            if inspect.isawaitable(taken):
                await taken
        except Exception:  # noqa: BLE001 -- a round that cannot be taken must not end the history
            self._meters.raised()
            _log.exception("a round of scrapes could not be taken")
