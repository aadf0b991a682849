"""What is asked of a Prometheus, without holding up anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tapewatch.history.api.models import moment
from tapewatch.history.calling import Caller

__all__ = ["Prometheus", "Shards", "SilentError", "Source"]

TIMEOUT = 4.0
"""Seconds that an answer may take; less than an evaluation interval."""


class SilentError(Exception):
    """Prometheus does not answer, or not as it should; the text says how."""


class Prometheus:
    """A Prometheus.

    Parameters:
        url: where it answers, such as `http://127.0.0.1:9090`.
        token: a file with a token for it; None where it wants none.
    """

    def __init__(self, url: str, token: Path | None = None) -> None:
        self._caller = Caller(url, "Prometheus", SilentError, TIMEOUT, token)
        self.url = self._caller.url

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
        await self._caller.close()

    async def _ask(self, path: str, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        data = (await self._caller.get(path, parameters)).get("data")
        if not isinstance(data, dict):
            raise self._caller.stranger()
        return data


class Shards:
    """Several Prometheus, each with a share of the services, as if they were one; asked like a `Prometheus`.

    What one of them does not answer nobody answers: its alerts would seem to be over.

    Parameters:
        servers: one of each shard, at least one.
    """

    def __init__(self, servers: Sequence[Prometheus]) -> None:
        self._servers = servers
        self.url = " and ".join(each.url for each in servers)

    async def alerts(self) -> list[Mapping[str, Any]]:
        """Those of all. While a service moves two shards have its alerts: what fires counts, then what came first."""
        found: dict[frozenset[tuple[str, str]], Mapping[str, Any]] = {}
        for alerts in await asyncio.gather(*(each.alerts() for each in self._servers)):
            for alert in alerts:
                key = frozenset(alert["labels"].items())
                if key not in found or (alert["state"], found[key]["state"]) == ("firing", "pending"):
                    found[key] = alert
        return list(found.values())

    async def rules(self) -> int:
        """How many alert rules the shards evaluate; they have the same ones."""
        return max(await asyncio.gather(*(each.rules() for each in self._servers)))

    async def series(self, query: str, start: float, end: float, step: float) -> list[Mapping[str, Any]]:
        """The series of all."""
        found = await asyncio.gather(*(each.series(query, start, end, step) for each in self._servers))
        return [each for some in found for each in some]

    async def started(self) -> float:
        """When the last of them was started."""
        return max(await asyncio.gather(*(each.started() for each in self._servers)))

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(each.close() for each in self._servers))


Source = Prometheus | Shards
"""Whoever is asked for the alerts of all services."""


def _list(found: Any) -> list[Any]:
    if not isinstance(found, Sequence) or isinstance(found, str):
        raise SilentError("what answers there is no Prometheus")
    return list(found)
