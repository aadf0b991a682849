"""Asking another server for JSON, without holding up anything else: bounded in time and size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

__all__ = ["Caller"]

LARGEST = 64 << 20
"""Bytes of an answer above which it is cut: some hundred thousand alerts, or thirty pieces of a history."""


class Caller:
    """One server, asked over connections that stay open.

    Parameters:
        url: where it answers, such as `http://127.0.0.1:9090`.
        what: what should answer there, for the text of an error.
        error: what is raised when it does not answer, or not as it should; its text says how.
        timeout: seconds that an answer may take.
        token: file with a token or key for it; None where it wants none.
    """

    def __init__(self, url: str, what: str, error: type[Exception], timeout: float, token: Path | None) -> None:
        self.url = url.rstrip("/")
        self._what, self._error, self._timeout, self._token = what, error, timeout, token
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        """The object that it answers; raises `error`."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._timeout))
        try:
            async with self._session.get(
                self.url + path, params=parameters, headers=self._headers(), allow_redirects=False
            ) as answer:
                body = await answer.content.read(LARGEST)
                while not answer.content.at_eof() and len(body) < LARGEST:
                    body += await answer.content.read(LARGEST - len(body))
                if answer.status != 200:
                    raise self._error(f"it answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._error(str(error) or "it does not answer in time") from error
        try:
            found = json.loads(body)
        except ValueError as error:
            raise self.stranger() from error
        if not isinstance(found, dict):
            raise self.stranger()
        return found

    def stranger(self) -> Exception:
        """The error that something else answers there."""
        return self._error(f"what answers there is no {self._what}")

    async def close(self) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _headers(self) -> dict[str, str]:
        """Read each time: a token that was changed holds at once."""
        return {"Authorization": f"Bearer {self._token.read_text(encoding='utf-8').strip()}"} if self._token else {}
