"""What is asked of a Prometheus, without holding up anything else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from tapewatch.history.api.models import moment

__all__ = ["Prometheus", "SilentError"]

TIMEOUT = 4.0
"""Seconds that an answer may take; less than an evaluation interval."""

LARGEST = 64 << 20
"""Bytes of an answer; some hundred thousand alerts."""


class SilentError(Exception):
    """Prometheus does not answer, or not as it should; the text says how."""


class Prometheus:
    """A Prometheus.

    Parameters:
        url: where it answers, such as `http://127.0.0.1:9090`.
        token: a file with a token for it; None where it wants none.
    """

    def __init__(self, url: str, token: Path | None = None) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._session: aiohttp.ClientSession | None = None

    async def alerts(self) -> list[Mapping[str, Any]]:
        """The alerts that are pending or firing: `[{"labels", "annotations", "state", "activeAt", "value"}]`.

        Raises:
            SilentError: it does not answer.
        """
        return _list((await self._ask("/api/v1/alerts", {}))["alerts"])

    async def rules(self) -> int:
        """How many alert rules it evaluates; raises like `alerts`."""
        groups = _list((await self._ask("/api/v1/rules", {"type": "alert"}))["groups"])
        return sum(len(_list(group["rules"])) for group in groups)

    async def series(self, query: str, start: float, end: float, step: float) -> list[Mapping[str, Any]]:
        """A query over a range: `[{"metric": {...}, "values": [[time, "1"], ...]}]`; raises like `alerts`.

        Parameters:
            query: PromQL.
            start, end: Unix time in seconds.
            step: seconds between two values.
        """
        asked = {"query": query, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        return _list((await self._ask("/api/v1/query_range", asked))["result"])

    async def started(self) -> float:
        """When it was started, in Unix time; raises like `alerts`."""
        try:
            return moment(str((await self._ask("/api/v1/status/runtimeinfo", {}))["startTime"])).timestamp()
        except (KeyError, ValueError) as error:
            raise SilentError("what answers there is no Prometheus") from error

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
                    raise SilentError(f"it answered {answer.status}")
                data = json.loads(body)["data"]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SilentError(str(error) or "it does not answer in time") from error
        except (ValueError, KeyError, TypeError) as error:
            raise SilentError("what answers there is no Prometheus") from error
        if not isinstance(data, dict):
            raise SilentError("what answers there is no Prometheus")
        return data

    def _headers(self) -> dict[str, str]:
        if self._token is None:
            return {}
        return {"Authorization": f"Bearer {self._token.read_text(encoding='utf-8').strip()}"}


def _list(found: Any) -> list[Any]:
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise SilentError("what answers there is no Prometheus")
    return list(found)
