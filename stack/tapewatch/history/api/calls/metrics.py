"""What the services say now, what they said, and what it comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from tapewatch.history.api.calls.asking import ask, told
from tapewatch.history.api.calls.ranges import range_of, shortened
from tapewatch.history.api.core import Core, Settings
from tapewatch.history.api.errors import declared, kept_out
from tapewatch.history.api.models import (
    Candles,
    CurrentMetrics,
    HistoryOut,
    HistoryQuery,
    Moment,
    Summaries,
    Text,
    TimeRange,
    Trades,
)
from tapewatch.history.store import queries
from tapewatch.history.store.queries import Interval

__all__ = ["router"]

ROWS = 100_000
"""Buckets of an answer over all series: some 10 MB of JSON."""

MOST_TRADES = 10_000


def router(core: Core, settings: Settings) -> APIRouter:
    """The calls.

    Parameters:
        core: what they stand on.
        settings: knows the metrics of each domain.
    """
    calls = APIRouter(tags=["metrics"])

    @calls.get("/api/metrics/current", response_model=CurrentMetrics, responses=declared(422))
    async def current_metrics(
        service: Annotated[Text, Query(description="Only of this service.")] = "",
        name: Annotated[Text, Query(description="Only metrics whose name begins so.")] = "",
        symbol: Annotated[Text, Query(description="Only series of this symbol.")] = "",
    ) -> Response:
        """Everything that the services expose now, but for the buckets of histograms."""
        if not core.hub.snapshot:
            raise kept_out("there is no snapshot yet", "no_snapshot")
        snapshot, series = json.loads(core.hub.snapshot), json.loads(core.hub.series)
        wanted = {key: value for key, value in (("service", service), ("symbol", symbol)) if value}
        found = _current(series["series"], snapshot["values"], name, wanted)
        shown = {key: snapshot[key] for key in ("at", "simulated", "services")}
        return Response(told({**shown, "metrics": list(found)}), media_type="application/json")

    @calls.post("/api/metrics/history", response_model=HistoryOut, responses=declared(400, 408, 422))
    async def metrics_history(query: HistoryQuery) -> Response:
        """Buckets of time: what each series did in each interval. Too long a range is answered for its newest part."""
        asked, end = range_of(query.time_range, query.start, query.end)
        start, cut = shortened(asked, end, query.interval)
        names = [name for each in query.metric_types for name in settings.domains.get(each, (each,))]

        def question(reader: Any) -> Mapping[str, Any]:
            found = (
                queries.history(reader, start, end, query.interval, names=names, symbol=query.symbol, limit=ROWS)
                if start < end
                else []
            )
            full = sum(len(each.buckets) for each in found) >= ROWS
            return {"start": start, "end": end, "interval": query.interval, "truncated": cut or full, "series": found}

        return await ask(core, question)

    @calls.get("/api/metrics/summary", response_model=Summaries, responses=declared(422))
    async def metrics_summary(
        time_range: TimeRange = TimeRange.HOUR_1,
        start: Moment | None = None,
        end: Moment | None = None,
        metric_types: Annotated[list[Text], Query(max_length=200, description="As for the history.")] = [],  # noqa: B006
    ) -> Response:
        """Counts, last values, rates, least, greatest and average of each metric."""
        begin, until = range_of(time_range, start, end)
        names = [name for each in metric_types for name in settings.domains.get(each, (each,))]

        def question(reader: Any) -> Mapping[str, Any]:
            found = queries.summary(reader, begin, until, names=names) if begin < until else []
            return {"start": begin, "end": until, "metrics": found}

        return await ask(core, question)

    @calls.get("/api/trades", response_model=Trades, responses=declared(422))
    async def trades(
        symbol: Text = "",
        start: Moment | None = None,
        end: Moment | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_TRADES)] = 1_000,
    ) -> Response:
        """Orders, the newest first."""
        begin, until = range_of(TimeRange.WEEK_1, start, end)
        return await ask(
            core,
            lambda reader: {"trades": queries.trades(reader, symbol=symbol, start=begin, end=until, limit=limit)},
        )

    @calls.get("/api/candles", response_model=Candles, responses=declared(422))
    async def candles(
        symbol: Text,
        interval: Interval = Interval.MINUTE,
        time_range: TimeRange = TimeRange.HOUR_4,
        start: Moment | None = None,
        end: Moment | None = None,
    ) -> Response:
        """Open, high, low, close and volume of a symbol; too long a range is answered for its newest part."""
        asked, until = range_of(time_range, start, end)
        begin, _ = shortened(asked, until, interval)
        return await ask(
            core,
            lambda reader: {
                "candles": queries.candles(reader, symbol, interval, begin, until) if begin < until else []
            },
        )

    return calls


def _current(
    series: Sequence[Any], values: Sequence[Any], prefix: str, wanted: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    for (name, labels, kind), value in zip(series, values, strict=True):
        if value is not None and name.startswith(prefix) and wanted.items() <= labels.items():
            yield {"name": name, "labels": labels, "type": kind, "value": value}
