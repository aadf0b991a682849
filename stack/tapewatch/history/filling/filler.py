"""The loop that asks the other histories for what this one missed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tapewatch.history.filling.holes import Hole, holes
from tapewatch.history.filling.peers import Peer, PeerError
from tapewatch.history.filling.taking import batch_of, events_of, new_events
from tapewatch.history.store import Batch, Reader
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import Event

__all__ = ["EVERY", "REACH", "Filler"]

REACH = timedelta(days=7)
"""How far back is looked at a start: as long as samples are kept."""

RECENT = timedelta(hours=1)
"""How far back is looked later on."""

EVERY = 30.0
"""Seconds between two looks: an event that only another one was told of is here after so long."""

LATE = timedelta(minutes=10)
"""How old an event may be when another history is told of it, and be noticed within one look."""

AROUND = timedelta(minutes=1)
"""How far before a hole events are asked for: clocks differ, and what was told last may not have been stored."""

_FIRST = 0.2

_log = logging.getLogger("tapewatch.history.filling")


class Filler:
    """Fills the holes of one history from others.

    Parameters:
        peers: the others.
        interval: seconds from scrape to scrape.
        tolerance: seconds by which two Prometheus servers may differ about when an alert began.
        reader: of the store.
        ask: runs a question to the store in a thread.
        write: stores a batch, in one transaction, and raises a `ProblemsError` while it cannot.
        begun: whether this history has scraped since its start: before, the last hole has no end.

    Attributes:
        reason: what is being filled since the start, in words; empty when that is done, or nobody can be asked.
        samples, events: how many were taken over.
    """

    def __init__(
        self,
        peers: Sequence[Peer],
        interval: float,
        tolerance: float,
        reader: Reader,
        ask: Callable[[Callable[[], Any]], Awaitable[Any]],
        write: Callable[[Batch], Awaitable[object]],
        begun: Callable[[], bool],
    ) -> None:
        self._peers = peers
        self._longest = max(3 * interval, interval + 4.0)
        self._tolerance = tolerance
        self._reader = reader
        self._ask = ask
        self._write = write
        self._begun = begun
        self._silent: set[str] = set()
        self.reason = "it is about to ask the others for what it missed" if peers else ""
        self.samples = self.events = 0

    async def run(self) -> None:
        """Fill for ever."""
        try:
            while not self._begun():
                await asyncio.sleep(_FIRST)
            reach = REACH
            while True:
                try:
                    await self.fill(datetime.now(UTC), reach)
                finally:
                    self.reason = ""  # whatever happened: without what it missed it can work all the same
                reach = RECENT
                await asyncio.sleep(EVERY)
        finally:
            for peer in self._peers:
                await peer.close()

    async def fill(self, now: datetime, reach: timedelta) -> None:
        """Fill what can be filled, from one peer after the other."""
        for peer in self._peers:
            try:
                found: list[Hole] = await self._ask(partial(holes, self._reader, now - reach, self._longest))
                for hole in found:
                    await self._samples(peer, hole)
                first = min((hole.start for hole in found), default=now)
                await self._events(peer, min(first - AROUND, now - LATE), now)
            except PeerError as error:
                self._say(peer, str(error))
            except ProblemsError as error:
                _log.warning("what was missed cannot be stored now, and is asked for again: %s", error)
            else:
                self._silent.discard(peer.url)

    async def _samples(self, peer: Peer, hole: Hole) -> None:
        start, end = hole.start + timedelta(milliseconds=1), hole.end
        taken = 0
        while start < end:
            if self.reason:
                left = (end - start).total_seconds()
                self.reason = f"it takes from {peer.url} what it missed, {left:.0f} s of it yet"
            found = await peer.page(start, end)
            batch: Batch = await self._ask(partial(batch_of, found, self._reader, start))
            if batch.scrapes or batch.rows:
                await self._write(batch)
                taken += sum(len(each.values) for each in batch.scrapes)
            start = datetime.fromisoformat(found["until"])
        self.samples += taken
        if taken:
            _log.info("%d samples of the %.0f s before %s were taken from %s", taken, hole.seconds, hole.end, peer.url)

    async def _events(self, peer: Peer, start: datetime, end: datetime) -> None:
        found = events_of(await peer.events(start, end))
        wanted: list[Event] = await self._ask(partial(new_events, found, self._reader, self._tolerance))
        if wanted:
            written = await self._write(Batch(events=wanted))
            self.events += len(getattr(written, "events", ()))

    def _say(self, peer: Peer, reason: str) -> None:
        """Once, until it answers again."""
        if peer.url not in self._silent:
            self._silent.add(peer.url)
            _log.warning("the history at %s cannot be asked for what was missed: %s", peer.url, reason)
