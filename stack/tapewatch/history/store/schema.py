"""The tables of the DuckDB file, and the views that are asked.

The file has series by number, samples, buckets and the rest, without what the last minutes brought. The views exist
 twice under the same names: in the file, for whoever opens it without tapewatch, and in the process that writes,
where the last minutes are added from memory.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["BUCKETS", "INTERVALS", "TABLES", "candles_of", "rolled", "views"]

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


def candles_of(source: str, series: str, last: str, chunk: str) -> str:
    """Candles of a minute.

    A counter that is less than before was reset, and has come from 0 to where it is. A symbol's volume is that of all
    its series, but of two targets of one service, which tell of the same trades, the larger one.

    Parameters:
        source: of the samples.
        series, last: the tables of that kind; `last` as it was before these samples.
        chunk: what tells the order of two parts of one minute.
    """
    minute = "time_bucket(INTERVAL 1 MINUTE, ts::TIMESTAMP)::TIMESTAMP_MS"
    return f"""
        WITH told AS (SELECT series, ts, value, FALSE AS before FROM {source} x WHERE isfinite(value)
            AND series IN (SELECT id FROM {series} WHERE metric_name IN ('{PRICE}', '{VOLUME}'))),
        price AS (SELECT s.symbol, {minute} AS minute, arg_min(value, ts) AS open, max(value) AS high,
            min(value) AS low, arg_max(value, ts) AS close FROM told JOIN {series} s ON s.id = series
            WHERE s.metric_name = '{PRICE}' AND s.symbol IS NOT NULL GROUP BY ALL),
        steps AS (SELECT series, ts, before, value, lag(value) OVER (PARTITION BY series ORDER BY ts) AS old
            FROM (FROM told UNION ALL
                  SELECT series, ts, value, TRUE FROM {last} WHERE series IN (SELECT series FROM told))),
        grown AS (SELECT s.symbol, s.service, s.labels, s.target, {minute} AS minute,
            sum(CASE WHEN value < old THEN value ELSE value - old END) AS grown
            FROM steps JOIN {series} s ON s.id = series
            WHERE NOT before AND s.metric_name = '{VOLUME}' GROUP BY ALL),
        volume AS (SELECT symbol, minute, sum(most) AS volume FROM (SELECT symbol, minute, service, labels,
            max(grown) AS most FROM grown GROUP BY ALL) GROUP BY ALL)
        SELECT symbol, minute, open, high, low, close, volume, {chunk}::BIGINT AS chunk
        FROM price LEFT JOIN volume USING (symbol, minute)"""


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
        "arg_min(open, (minute, chunk)) AS open, max(high) AS high, min(low) AS low, "
        "arg_max(close, (minute, chunk)) AS close, sum(volume) AS volume "
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
