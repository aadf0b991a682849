"""Questions that the API and the page ask, as functions of a reader."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import attrgetter

from tapewatch.history.store.contract import Cell, Reader
from tapewatch.history.store.schema import BUCKETS, INTERVALS
from tapewatch_sdk.events import Event, EventSeverity, EventType

__all__ = [
    "Bucket",
    "Candle",
    "Current",
    "Interval",
    "SeriesBuckets",
    "Summary",
    "Trade",
    "candles",
    "current",
    "events",
    "history",
    "naive",
    "summary",
    "trades",
    "watched",
]


class Interval(StrEnum):
    """The lengths of buckets and candles."""

    MINUTE = "1m"
    MINUTES_5 = "5m"
    MINUTES_15 = "15m"
    HOUR = "1h"
    DAY = "1d"


@dataclass(frozen=True, slots=True)
class Current:
    """The last value of a series."""

    name: str
    labels: dict[str, str]
    type: str
    service: str
    symbol: str
    timestamp: datetime
    value: float


@dataclass(slots=True)  # not frozen, which would take twice as long to make, and there are many
class Bucket:
    """What a series did in one interval that begins at `timestamp`; `last` is its last value in it."""

    timestamp: datetime
    avg: float
    min: float
    max: float
    last: float
    count: int


@dataclass(frozen=True, slots=True)
class SeriesBuckets:
    """The buckets of a series in the order of time; where nothing was sampled there is none."""

    name: str
    labels: dict[str, str]
    type: str
    service: str
    symbol: str
    buckets: list[Bucket]


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric over a range of time, all its series together.

    Parameters:
        series, samples: how many.
        last: the sum of the last values of its series.
        rate: for a counter, its increase in a second, resets counted; None for everything else. What a counter gained
            in the last minute before a reset, or the last 5 or 60 minutes when the range is long, may be missing.
        min, max, avg: over all samples.
    """

    name: str
    type: str
    series: int
    samples: int
    last: float
    rate: float | None
    min: float
    max: float
    avg: float


@dataclass(frozen=True, slots=True)
class Trade:
    """An order: what the last event of its life said."""

    trade_id: str
    timestamp: datetime
    symbol: str | None
    side: str | None
    quantity: float | None
    price: float | None
    latency_ms: float | None
    slippage_bps: float | None
    strategy: str | None


@dataclass(frozen=True, slots=True)
class Candle:
    """Open, high, low and close of a price, and the volume, in the interval that begins at `timestamp`."""

    timestamp: datetime
    symbol: str
    open: float
    high: float
    low: float
    close: float
    volume: float | None


MOST = 1_000_000
"""Rows that a question of this module asks for at most, whatever its limit."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def current(reader: Reader, *, prefix: str = "", symbol: str = "", service: str = "") -> list[Current]:
    """The last value of every series that was there when its target was last asked; a target that is down has none.

    Parameters:
        reader: of the store.
        prefix: with which the metrics' names begin.
        symbol, service: only series of this one.
    """
    found = reader.sql(
        "SELECT s.metric_name, to_json(s.labels)::VARCHAR, s.type, s.service, s.symbol, l.ts, l.value FROM last l "
        "JOIN series s ON s.id = l.series JOIN targets t ON t.service = s.service AND t.target = s.target "
        "WHERE t.up AND l.ts = t.timestamp AND starts_with(s.metric_name, $prefix) "
        "AND ($symbol = '' OR s.symbol = $symbol) AND ($service = '' OR s.service = $service) ORDER BY s.id",
        {"prefix": prefix, "symbol": symbol, "service": service},
        limit=MOST,
    )
    return [
        Current(name, json.loads(labels), kind, of, sym or "", at, value)
        for name, labels, kind, of, sym, at, value in found.rows
    ]


def history(
    reader: Reader,
    start: datetime,
    end: datetime,
    interval: Interval,
    *,
    names: Sequence[str] = (),
    symbol: str = "",
    limit: int = 100_000,
) -> list[SeriesBuckets]:
    """Buckets of series over a range of time.

    Parameters:
        reader: of the store.
        start, end: the first bucket holds `start`, and the last one begins before `end`; both are whole.
        interval: of the buckets.
        names: of metrics; all unless given.
        symbol: only series of this symbol.
        limit: buckets that are given at most, over all series.
    """
    seconds = INTERVALS[interval]
    known = reader.sql(
        "SELECT id, metric_name, to_json(labels)::VARCHAR, type, service, symbol FROM series "
        f"WHERE {_WANTED} ORDER BY id",
        {"names": list(names), "symbol": symbol},
        limit=MOST,
    ).rows
    if not known:
        return []
    # Numbers that stand in the text go down to the rows; a subquery would be looked at after all of them were added up.
    some = f"AND series IN ({', '.join(str(row[0]) for row in known)})" if names or symbol else ""
    found = reader.sql(
        f"""WITH buckets AS (SELECT series,
            epoch_ms(time_bucket(INTERVAL {seconds} SECONDS, bucket::TIMESTAMP)) AS since,
            sum(sum) / sum(count) AS mean, min(min) AS least, max(max) AS most,
            arg_max(last, last_ts) AS newest, sum(count)::BIGINT AS samples
            FROM rollup_{BUCKETS[interval]}
            WHERE bucket >= $start::TIMESTAMP_MS AND bucket < $end::TIMESTAMP_MS {some}
            GROUP BY ALL ORDER BY series, since LIMIT {min(limit, MOST)})
        SELECT series, {_LISTS} FROM buckets GROUP BY series""",
        {"start": naive(_floor(start, seconds)), "end": naive(end)},
        limit=MOST,
    )
    return list(_by_series(known, {series: lists for series, *lists in found.rows}))


_LISTS = ", ".join(f"list({each})" for each in ("since", "mean", "least", "most", "newest", "samples"))
"""A series is one row of lists, which takes a third of the time that a row for each bucket does."""

_WANTED = (
    "(len($names::VARCHAR[]) = 0 OR metric_name IN (SELECT unnest($names::VARCHAR[]))) "
    "AND ($symbol = '' OR symbol = $symbol)"
)


_since = attrgetter("timestamp")


def _by_series(known: Sequence[tuple[Cell, ...]], found: Mapping[int, list[list[Cell]]]) -> Iterator[SeriesBuckets]:
    moments: dict[int, datetime] = {}  # most series have the same ones
    for number, name, labels, kind, service, symbol in known:
        if number in found:
            times, *columns = found[number]
            for at in times:
                if at not in moments:
                    moments[at] = _EPOCH + timedelta(milliseconds=at)
            buckets = list(map(Bucket, map(moments.__getitem__, times), *columns))
            buckets.sort(key=_since)  # the lists of a row have one order, whichever it is; nearly always this one
            yield SeriesBuckets(name, json.loads(labels), kind, service, symbol or "", buckets)


def summary(reader: Reader, start: datetime, end: datetime, *, names: Sequence[str] = ()) -> list[Summary]:
    """Each metric over a range of time, by whole buckets: of a minute in 6 hours, of 5 minutes in a week."""
    level = "1m" if end - start <= timedelta(hours=6) else "5m" if end - start <= timedelta(days=7) else "1h"
    found = reader.sql(
        f"""WITH wanted AS MATERIALIZED (SELECT id FROM series WHERE {_WANTED}),
        buckets AS (SELECT series, bucket, sum(count) AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max,
            arg_max(last, last_ts) AS last FROM rollup_{level} WHERE bucket >= $start::TIMESTAMP_MS
            AND bucket < $end::TIMESTAMP_MS AND series IN (SELECT id FROM wanted) GROUP BY ALL),
        steps AS (SELECT *, lag(last, 1, min) OVER (PARTITION BY series ORDER BY bucket) AS old FROM buckets),
        grown AS (SELECT series, sum(count) AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max,
            arg_max(last, bucket) AS last, sum(CASE WHEN min >= old THEN last - old
                WHEN max > last THEN greatest(max - old, 0) + last ELSE last END) AS grown FROM steps GROUP BY series)
        SELECT metric_name, any_value(type), count(*), sum(count)::BIGINT, sum(last),
            CASE WHEN any_value(type) = 'counter' THEN sum(grown) / $seconds END, min(min), max(max),
            sum(sum) / sum(count)
        FROM grown JOIN series s ON s.id = series GROUP BY metric_name ORDER BY metric_name""",
        {
            "names": list(names),
            "symbol": "",
            "start": naive(_floor(start, INTERVALS[level])),
            "end": naive(end),
            "seconds": _covered(start, end, INTERVALS[level]),
        },
        limit=MOST,
    )
    return [Summary(*row) for row in found.rows]


def events(
    reader: Reader,
    *,
    types: Sequence[EventType] = (),
    severities: Sequence[EventSeverity] = (),
    source: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = 1_000,
) -> list[Event]:
    """The newest events first.

    Parameters:
        reader: of the store.
        types, severities, source: only such; all unless given.
        start, end: the range of time; `end` is not in it.
        limit: how many at most.
    """
    where, values = _range(start, end)
    for column, wanted in (("event_type", types), ("severity", severities)):
        if wanted:
            where.append(f"{column} IN (SELECT unnest(?::VARCHAR[]))")
            values.append([str(each) for each in wanted])
    if source:
        where.append("source = ?")
        values.append(source)
    found = reader.sql(
        "SELECT event_type, timestamp, data, source, severity, id FROM events "
        f"WHERE {' AND '.join(where)} ORDER BY timestamp DESC, id DESC LIMIT {int(limit)}", values, limit=limit,
    )  # fmt: skip
    return [
        Event(kind, at, json.loads(data), of, severity, number) for kind, at, data, of, severity, number in found.rows
    ]


def watched(reader: Reader) -> datetime | None:
    """When alerts were known the last time, as `system_metrics` tells; None if they never were."""
    found = reader.sql(
        "SELECT max(timestamp) FROM system_metrics WHERE active_alerts IS NOT NULL AND timestamp <= ?",
        [naive(datetime.now(UTC))],
    )
    moment: datetime | None = found.rows[0][0]
    return moment


def trades(
    reader: Reader, *, symbol: str = "", start: datetime | None = None, end: datetime | None = None, limit: int = 1_000
) -> list[Trade]:
    """The newest trades first.

    Parameters:
        reader: of the store.
        symbol: only this one.
        start, end: the range of time; `end` is not in it.
        limit: how many at most.
    """
    where, values = _range(start, end)
    if symbol:
        where.append("symbol = ?")
        values.append(symbol)
    found = reader.sql(
        f"FROM trades WHERE {' AND '.join(where)} ORDER BY timestamp DESC, trade_id DESC LIMIT {int(limit)}", values,
        limit=limit,
    )  # fmt: skip
    return [Trade(*row) for row in found.rows]


def candles(reader: Reader, symbol: str, interval: Interval, start: datetime, end: datetime) -> list[Candle]:
    """The candles of a symbol in the order of time, from the one that holds `start` on; `end` is not in the range."""
    seconds = INTERVALS[interval]
    found = reader.sql(
        f"SELECT timestamp, symbol, open, high, low, close, volume FROM trading_candles WHERE interval = '{interval}' "
        "AND symbol = ? AND timestamp >= ? AND timestamp < ? ORDER BY timestamp",
        [symbol, naive(_floor(start, seconds)), naive(end)],
    )
    return [Candle(*row) for row in found.rows]


def _range(start: datetime | None, end: datetime | None) -> tuple[list[str], list[Cell]]:
    where, values = ["TRUE"], list[Cell]()
    for sign, moment in ((">=", start), ("<", end)):
        if moment is not None:
            where.append(f"timestamp {sign} ?")
            values.append(naive(moment))
    return where, values


def _floor(moment: datetime, seconds: int) -> datetime:
    """The beginning of the bucket that holds a moment."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = (aware - _EPOCH).total_seconds()
    return _EPOCH + timedelta(seconds=since // seconds * seconds)


def _covered(start: datetime, end: datetime, seconds: int) -> float:
    """Seconds of the whole buckets that hold a range, as far as they are over."""
    until, now = end if end.tzinfo else end.replace(tzinfo=UTC), datetime.now(UTC)
    if until < now and (last := _floor(until, seconds)) < until:
        until = min(last + timedelta(seconds=seconds), now)
    return max((until - _floor(start, seconds)).total_seconds(), 1.0)


def naive(moment: datetime) -> datetime:
    """A moment as DuckDB's TIMESTAMP keeps it: UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
