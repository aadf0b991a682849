"""One target and how it is: asked, answering, or left alone for a while after a failure."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from pathlib import Path

import aiohttp

from tapewatch.history.bridge.fetching import Fetcher, UnansweredError
from tapewatch.history.bridge.meters import Meters
from tapewatch.history.bridge.parser import GarbageError, Parser
from tapewatch.history.bridge.targets import Target
from tapewatch.history.samples import EMPTY, NOTHING, Layout, Scrape, Values

__all__ = ["LONGEST_PAUSE", "Asker"]

LONGEST_PAUSE = 10.0
"""Seconds after which a target that fails is asked again at the latest: what comes back is seen within them."""

_LONG = 512 * 1024
"""Bytes of an answer above which it is read in a thread, so that the loop goes on: some 3 ms, or 20 the first time."""

_log = logging.getLogger("tapewatch.history.bridge")


class Asker:
    """Asks one target, and remembers how it went.

    Parameters:
        target: what is asked.
        interval: seconds from beat to beat, and the first pause.
        largest: bytes of an answer above which it is given up.
        secrets: the folder of the files that the catalogue names.
        meters: where it is counted.

    Attributes:
        task: the scrape that is under way, or was not taken yet.
    """

    def __init__(self, target: Target, interval: float, largest: int, secrets: Path | None, meters: Meters) -> None:
        self.target = target
        self.task: asyncio.Task[Scrape] | None = None
        self._interval = interval
        self._fetcher = Fetcher(target, largest, secrets)
        self._parser = Parser(target.scrape.fallback_protocol if target.scrape else "")
        self._meters = meters
        self._failures = 0
        self._again = 0.0
        self._error = target.reason
        self._logged: type[Exception] | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is to be asked now; it is not while it is asked already, or left alone after a failure."""
        # A beat may come a little early; half of one is nearer to this beat than to the next.
        now = asyncio.get_running_loop().time() + self._interval / 2
        return bool(self.target.url) and self.task is None and now >= self._again

    def down(self, at: float) -> Scrape | None:
        """A scrape that says that it is down; None for what is never asked, and that is no fault."""
        return self._scrape(at, 0.0, self._error) if self._error else None

    async def ask(self, client: aiohttp.ClientSession, at: float) -> Scrape:
        """One scrape, which says so if it failed.

        Parameters:
            client: holds the connections.
            at: when the beat came, as Unix time in seconds.
        """
        begun = time.perf_counter()
        try:
            body, content_type = await self._fetcher.fetch(client)
            duration = time.perf_counter() - begun
            if len(body) > _LONG:
                layout, values = await asyncio.to_thread(self._parser.parse, body, content_type)
            else:
                layout, values = self._parser.parse(body, content_type)
        except (UnansweredError, GarbageError) as error:
            self._failed(error)
            return self._scrape(at, time.perf_counter() - begun, self._error)
        except Exception as error:  # noqa: BLE001 -- a mistake of ours with one target's answer costs no other a sample
            _log.exception("%s at %s could not be scraped", self.target.service, self.target.address)
            self._failed(UnansweredError(f"could not be scraped: {type(error).__name__}: {error}"))
            return self._scrape(at, time.perf_counter() - begun, self._error)
        self._answered(len(values))
        return self._scrape(at, duration, "", layout, values)

    def _scrape(
        self, at: float, duration: float, error: str, layout: Layout = EMPTY, values: Values = NOTHING
    ) -> Scrape:
        target = self.target
        return Scrape(target.service, target.address, at, duration, error, layout, values, target.labels)

    def _answered(self, samples: int) -> None:
        self._meters.answered(samples)
        if self._logged is not None:
            _log.info("%s at %s answers again", self.target.service, self.target.address)
        self._failures, self._again, self._error, self._logged = 0, 0.0, "", None

    def _failed(self, error: UnansweredError | GarbageError) -> None:
        self._meters.failed(garbage=isinstance(error, GarbageError))
        # aiohttp leaves half characters in the text for bytes of a header that are no UTF-8.
        self._error = str(error).encode(errors="replace").decode()
        self._fetcher.start_anew()
        pause = min(self._interval * 2**self._failures, LONGEST_PAUSE)
        # Jitter: targets that went down together are not asked together for ever.
        self._again = asyncio.get_running_loop().time() + pause * random.uniform(0.5, 1.0)  # noqa: S311 -- no secret
        self._failures = min(self._failures + 1, 16)
        if self._logged is not type(error):
            self._logged = type(error)
            _log.warning("%s at %s: %s", self.target.service, self.target.address, error)
