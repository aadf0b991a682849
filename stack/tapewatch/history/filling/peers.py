"""Another history, asked over its API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from tapewatch.history.api.models import moment

__all__ = ["EVENTS", "PATH", "Peer", "PeerError"]

PATH = "/api/backfill"

TIMEOUT = 15.0
"""Seconds that a piece may take; some tenths of one is usual."""

LARGEST = 64 << 20
"""Bytes of an answer above which it is given up; a piece of 50,000 samples has some two million."""

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
        self.url = url.rstrip("/")
        self._key_file = key_file
        self._session: aiohttp.ClientSession | None = None

    async def page(self, start: datetime, end: datetime) -> Mapping[str, Any]:
        """A piece of a time; see `pages.page`.

        Raises:
            PeerError: it does not answer.
        """
        found = await self._ask(PATH, {"start": start.isoformat(), "end": end.isoformat()})
        try:
            if not start < moment(found["until"]) <= end:
                raise PeerError("its answer does not go on")
        except (KeyError, ValueError, TypeError) as error:
            raise PeerError("what answers there is no history") from error
        return found

    async def events(self, start: datetime, end: datetime) -> list[Mapping[str, Any]]:
        """Every event of a time.

        Raises:
            PeerError: it does not answer.
        """
        found: dict[str, Mapping[str, Any]] = {}
        while True:
            asked = {"start": start.isoformat(), "end": end.isoformat(), "limit": str(EVENTS)}
            answer = await self._ask("/api/events", asked)
            try:
                some = {str(each["id"]): each for each in answer["events"]}
                oldest = min((moment(each["timestamp"]) for each in some.values()), default=start)
                more = bool(answer["truncated"])
            except (KeyError, ValueError, TypeError) as error:
                raise PeerError("what answers there is no history") from error
            known = len(found)
            found |= some
            if not more or len(found) == known:
                return list(found.values())
            end = oldest + timedelta(microseconds=1)  # those of the very same moment come once more

    async def close(self) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, path: str, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT))
        try:
            async with self._session.get(
                self.url + path, params=parameters, headers=self._headers(), allow_redirects=False
            ) as answer:
                body = await answer.content.read(LARGEST)
                while not answer.content.at_eof() and len(body) < LARGEST:
                    body += await answer.content.read(LARGEST - len(body))
                if answer.status != 200:
                    raise PeerError(f"it answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PeerError(str(error) or "it does not answer in time") from error
        try:
            found = json.loads(body)
        except ValueError as error:
            raise PeerError("what answers there is no history") from error
        if not isinstance(found, dict):
            raise PeerError("what answers there is no history")
        return found

    def _headers(self) -> dict[str, str]:
        """Read each time: a key that was changed holds at once."""
        return {"Authorization": f"Bearer {self._key_file.read_text('utf-8').strip()}"} if self._key_file else {}
