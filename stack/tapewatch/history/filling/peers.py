"""Another history, asked over its API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tapewatch.history.api.models import moment
from tapewatch.history.calling import Caller

__all__ = ["EVENTS", "PATH", "Peer", "PeerError"]

PATH = "/api/backfill"

TIMEOUT = 15.0
"""Seconds that a piece may take; some tenths of one is usual."""

EVENTS = 1_000
"""Events of one answer."""


class PeerError(Exception):
    """Another history does not answer, or not as a history does."""


class Peer:
    """Another history.

    Parameters:
        url: where it answers.
        key_file: the key that it asks for; None where it does not.
    """

    def __init__(self, url: str, key_file: Path | None = None) -> None:
        self._caller = Caller(url, "history", PeerError, TIMEOUT, key_file)
        self.url = self._caller.url

    async def page(self, start: datetime, end: datetime) -> Mapping[str, Any]:
        """A piece of a time; see `pages.page`.

        Raises:
            PeerError: it does not answer.
        """
        found = await self._caller.get(PATH, {"start": start.isoformat(), "end": end.isoformat()})
        try:
            if not start < moment(found["until"]) <= end:
                raise PeerError("its answer does not go on")
        except (KeyError, ValueError, TypeError) as error:
            raise self._caller.stranger() from error
        return found

    async def events(self, start: datetime, end: datetime) -> list[Mapping[str, Any]]:
        """Every event of a time.

        Raises:
            PeerError: it does not answer.
        """
        found: dict[str, Mapping[str, Any]] = {}
        while True:
            asked = {"start": start.isoformat(), "end": end.isoformat(), "limit": str(EVENTS)}
            answer = await self._caller.get("/api/events", asked)
            try:
                some = {str(each["id"]): each for each in answer["events"]}
                oldest = min((moment(each["timestamp"]) for each in some.values()), default=start)
                more = bool(answer["truncated"])
            except (KeyError, ValueError, TypeError) as error:
                raise self._caller.stranger() from error
            known = len(found)
            found |= some
            if not more or len(found) == known:
                return list(found.values())
            end = oldest + timedelta(microseconds=1)  # those of the very same moment come once more

    async def close(self) -> None:
        """Close its connections."""
        await self._caller.close()
