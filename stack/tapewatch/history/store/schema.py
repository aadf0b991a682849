"""The tables of the DuckDB file, and the views that are asked.

The file has series by number, samples, buckets and the rest, without what the last minutes brought. The views exist
 twice under the same names: in the file, for whoever opens it without tapewatch, and in the process that writes,
where the last minutes are added from memory.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "BUCKETS", "DATED", "INTERVALS", "TABLES", "candles_of", "dated_candles", "gaps", "late", "mended_volume", "rolled",
    "stored_order", "views",
]  # fmt: skip

TABLES = (
    "CREATE TABLE progress (applied BIGINT, hours TIMESTAMP_MS)",
    "INSERT INTO progress VALUES (0, '1970-01-01')",
    "CREATE TABLE series (id INTEGER, metric_name VARCHAR, symbol VARCHAR, service VARCHAR, target VARCHAR, "
    "labels MAP(VARCHAR, VARCHAR), type VARCHAR)",
    "CREATE TABLE samples (series INTEGER, ts TIMESTAMP_MS, value DOUBLE)",
    "CREATE TABLE last (series INTEGER, ts TIMESTAMP_MS, value DOUBLE)",
    *(
        f"CREATE TABLE rollup_{each} (series INTEGER, bucket TIMESTAMP_MS, count INTEGER, sum DOUBLE, min DOUBLE, "
        "max DOUBLE, last DOUBLE, last_ts TIMESTAMP_MS)"
        for each in ("1m", "5m", "1h")
    ),
    "CREATE TABLE candles (symbol VARCHAR, minute TIMESTAMP_MS, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, "
    "volume DOUBLE, chunk BIGINT)",
    "CREATE TABLE scrapes (timestamp TIMESTAMP_MS, service VARCHAR, target VARCHAR, up BOOLEAN, duration_ms FLOAT, "
    "error VARCHAR)",
    "CREATE TABLE events (id VARCHAR PRIMARY KEY, timestamp TIMESTAMP, event_type VARCHAR, severity VARCHAR, "
    "source VARCHAR, data JSON)",
    "CREATE TABLE orders (trade_id VARCHAR PRIMARY KEY, timestamp TIMESTAMP, symbol VARCHAR, side VARCHAR, "
    "quantity DOUBLE, price DOUBLE, latency_ms DOUBLE, slippage_bps DOUBLE, strategy VARCHAR, status VARCHAR, "
    "reason VARCHAR)",
    "CREATE TABLE collected (name VARCHAR, columns VARCHAR[], types VARCHAR[], key VARCHAR[])",
)
"""What the first version of the file holds."""

INTERVALS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "1d": 86400}
"""Seconds of a bucket or a candle."""

BUCKETS = {"1m": "1m", "5m": "5m", "15m": "5m", "1h": "1h", "1d": "1h"}
"""The buckets that are kept from which those of an interval are made."""

PRICE, VOLUME = "market_data_price", "market_data_volume_total"
"""What candles are built from."""

_MINUTE = "time_bucket(INTERVAL 1 MINUTE, ts::TIMESTAMP)::TIMESTAMP_MS"
"""The minute of a sample."""


def stored_order(time: str, series: str = "series") -> str:
    """The order of samples and buckets in the file: by series, one forwards and the next backwards in time.

    DuckDB packs the steps from row to row, so that one long step back at the end of each series, of some hundred in a
    chunk, would cost all samples a byte.

    Parameters:
        time: the column of their time.
        series: the column of their series.
    """
    return f"{series}, if({series} % 2 = 0, {time}, NULL), {time} DESC"


def rolled(seconds: int, source: str) -> str:
    """Buckets of samples; buckets of two parts of the same samples may be added up.

    Parameters:
        seconds: of a bucket.
        source: of samples: a table, a view or a query in parentheses.
    """
    return (
        f"SELECT series, time_bucket(INTERVAL {seconds} SECONDS, ts::TIMESTAMP)::TIMESTAMP_MS AS bucket, "
        "count(*)::INTEGER AS count, sum(value) AS sum, min(value) AS min, max(value) AS max, "
        f"arg_max(value, ts) AS last, max(ts) AS last_ts FROM {source} GROUP BY ALL"
    )


def candles_of(source: str, series: str, last: str) -> str:
    """Candles of a minute.

    A counter that is less than before was reset, and has come from 0 to where it is. A symbol's volume is that of all
    its series, but of two targets of one service, which tell of the same trades, the larger one.

    Parameters:
        source: of the samples.
        series, last: the tables of that kind; `last` as it was before these samples.
    """
    return f"""
        WITH told AS (SELECT series, ts, value, FALSE AS before FROM {source} x WHERE isfinite(value)
            AND series IN (SELECT id FROM {series} WHERE metric_name IN ('{PRICE}', '{VOLUME}'))),
        price AS (SELECT s.symbol, {_MINUTE} AS minute, arg_min(value, ts) AS open, max(value) AS high,
            min(value) AS low, arg_max(value, ts) AS close, min(ts) AS first, max(ts) AS final
            FROM told JOIN {series} s ON s.id = series
            WHERE s.metric_name = '{PRICE}' AND s.symbol IS NOT NULL GROUP BY ALL),
        steps AS (SELECT series, ts, before, value, lag(value) OVER (PARTITION BY series ORDER BY ts) AS old
            FROM (FROM told UNION ALL
                  SELECT series, ts, value, TRUE FROM {last} WHERE series IN (SELECT series FROM told))),
        grown AS (SELECT s.symbol, s.service, s.labels, s.target, {_MINUTE} AS minute,
            sum({_grown("old")}) AS grown
            FROM steps JOIN {series} s ON s.id = series
            WHERE NOT before AND s.metric_name = '{VOLUME}' GROUP BY ALL),
        volume AS (SELECT symbol, minute, sum(most) AS volume FROM (SELECT symbol, minute, service, labels,
            max(grown) AS most FROM grown GROUP BY ALL) GROUP BY ALL)
        SELECT symbol, minute, open, high, low, close, volume, first, final
        FROM price LEFT JOIN volume USING (symbol, minute)"""


def dated_candles(candles: str) -> str:
    """Candles of the first version, whose parts had the number of a chunk, with moments of their first and last price.

    These are not known any more; they are made so that the parts keep their order.

    Parameters:
        candles: the table.
    """
    return f"""
        SELECT * EXCLUDE (chunk, part),
            (minute + to_milliseconds(part))::TIMESTAMP_MS AS first,
            (minute + INTERVAL 59 SECONDS + to_milliseconds(part))::TIMESTAMP_MS AS final
        FROM (SELECT *, row_number() OVER (PARTITION BY symbol, minute ORDER BY chunk) AS part FROM {candles})"""


DATED = (
    f"CREATE TABLE dated AS {dated_candles('candles')} ORDER BY symbol, minute",
    "DROP TABLE candles",
    "ALTER TABLE dated RENAME TO candles",
)
"""What the second version of the file changes: what comes late for a minute need not be its last price."""


def late(source: str, series: str, last: str) -> str:
    """The samples of volume that are older than what is stored of their series.

    Parameters:
        source: of the samples.
        series, last: the tables of that kind; `last` as it was before these samples.
    """
    return (
        f"SELECT x.series, x.ts, x.value FROM {source} x JOIN {last} l USING (series) WHERE x.ts < l.ts "
        f"AND isfinite(x.value) AND x.series IN (SELECT id FROM {series} WHERE metric_name = '{VOLUME}')"
    )


def gaps(late: str, stored: str) -> str:
    """The gaps that late samples of volume fill: what is stored before each of them, and after it.

    Those less than an hour apart are taken for one.

    Parameters:
        late: table of these samples.
        stored: table of the samples that are there already.
    """
    return f"""
        WITH begun AS (SELECT series, ts, ts - lag(ts) OVER (PARTITION BY series ORDER BY ts) > INTERVAL 1 HOUR AS fresh
            FROM {late}),
        numbered AS (SELECT series, ts, count(*) FILTER (fresh) OVER (PARTITION BY series ORDER BY ts) AS number
            FROM begun),
        filled AS (SELECT series, number, min(ts) AS first, max(ts) AS final FROM numbered GROUP BY series, number)
        SELECT filled.series, coalesce(max(x.ts) FILTER (x.ts < first), first) AS since,
            min(x.ts) FILTER (x.ts > final) AS until
        FROM filled JOIN {stored} x ON x.series = filled.series GROUP BY filled.series, number, first"""


def mended_volume(late: str, around: str, stored: str, series: str) -> str:
    """What late samples change of the volume of minutes.

    What came after a gap had all the growth of the gap as its own. Once the gap is filled, that is the growth of the
    minutes in the gap, which `candles_of` finds; only the steps into the gap and out of it are other ones.

    Parameters:
        late: table of these samples.
        around: table of the `gaps` that they fill.
        stored: table of the samples that are there already; no more of it is looked at than around the gaps.
        series: the table of that kind.
    """
    return f"""
        WITH told AS (SELECT series, ts, value, FALSE AS there FROM {late}
            UNION SELECT x.series, x.ts, value, TRUE FROM {stored} x JOIN {around} USING (series)
            WHERE isfinite(value) AND x.ts BETWEEN since AND until),
        steps AS (SELECT series, ts, value, lag(value) OVER (PARTITION BY series ORDER BY ts) AS now,
            lag(value) OVER (PARTITION BY series, there ORDER BY ts) AS so_far FROM told),
        changed AS (SELECT series, {_MINUTE} AS minute,
            sum(coalesce({_grown("now")}, 0) - coalesce({_grown("so_far")}, 0)) AS change FROM steps GROUP BY ALL),
        largest AS (SELECT s.symbol, minute, arg_max(change, abs(change)) AS change
            FROM changed JOIN {series} s ON s.id = series WHERE change <> 0
            GROUP BY s.symbol, s.service, s.labels, minute)
        SELECT symbol, minute, sum(change) AS change FROM largest GROUP BY symbol, minute"""


def _grown(old: str) -> str:
    """By how much a counter has grown since it had an old value."""
    return f"CASE WHEN value < {old} THEN value ELSE value - {old} END"


def views(into: str, tables: str) -> Sequence[str]:
    """Makes the views whose columns are promised.

    Parameters:
        into: where, such as `store.main`.
        tables: where the tables are that they read.
    """
    make = f"CREATE OR REPLACE VIEW {into}"
    lengths = ", ".join(f"('{name}', to_seconds({seconds}))" for name, seconds in INTERVALS.items())
    candles = (
        "SELECT time_bucket(length, minute::TIMESTAMP) AS timestamp, symbol, interval, "
        "arg_min(open, first) AS open, max(high) AS high, min(low) AS low, "
        "arg_max(close, final) AS close, sum(volume) AS volume "
        f"FROM {tables}.candles, (VALUES {lengths}) lengths (interval, length) GROUP BY ALL"
    )
    return (
        f"{make}.trading_metrics AS SELECT x.ts::TIMESTAMP AS timestamp, s.metric_name, s.symbol, s.service, s.labels, "
        f"x.value FROM {tables}.samples x JOIN {tables}.series s ON s.id = x.series",
        f"{make}.trading_candles AS {candles}",
        f"{make}.system_events AS SELECT timestamp, event_type, severity, source, data FROM {tables}.events",
        f"{make}.trades AS SELECT trade_id, timestamp, symbol, side, quantity, price, latency_ms, slippage_bps, "
        f"strategy FROM {tables}.orders",
    )
