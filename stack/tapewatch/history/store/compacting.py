"""A smaller file: everything is copied into a new one, in the best order, which then takes the place of the old."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import duckdb

from tapewatch.history.store.engine import COMPACT, KEYED, Engine, attach, file_views
from tapewatch.history.store.schema import stored_order

__all__ = ["compacted"]

ROWS = 500_000
"""Samples that are sorted at a time, and brought to disk: some 4 MB. More would be written out in the midst of the
fsync of somebody's batch, which on most file systems then waits for it."""

_ORDERS = {"last": "series", "series": "id", "candles": "symbol, minute", "collected": "name"}


def compacted(engine: Engine) -> Path:
    """The file that holds what the old one does; only the thread that moves may call this.

    Raises:
        duckdb.Error: it cannot be written; nothing is left of it.
    """
    names = (engine.path.with_name(engine.path.name + each) for each in COMPACT)
    path = next(each for each in names if each != engine.attached)
    path.unlink(missing_ok=True)
    cursor = engine.connection.cursor()
    try:
        attach(cursor, path, "compact")
        path.chmod(0o600)
        for (name,) in cursor.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'store' AND schema_name = 'main'"
        ).fetchall():
            _copy(cursor, name)
        file_views(cursor, "compact")
        cursor.execute("CHECKPOINT compact")
        cursor.execute("DETACH compact")
    except BaseException:
        with suppress(duckdb.Error):
            cursor.execute("DETACH compact")
        path.unlink(missing_ok=True)
        raise
    finally:
        cursor.close()
    return path


def _copy(cursor: duckdb.DuckDBPyConnection, name: str) -> None:
    cursor.execute(f"CREATE TABLE compact.{name} AS FROM store.{name} LIMIT 0")
    if name == "samples" or name.startswith("rollup_"):
        column = "ts" if name == "samples" else "bucket"
        for begin, end in _slices(cursor, name, column):
            cursor.execute(
                f"INSERT INTO compact.{name} FROM store.{name} WHERE {column} >= ?::TIMESTAMP_MS "
                f"AND {column} < ?::TIMESTAMP_MS ORDER BY {stored_order(column)}", [begin, end],
            )  # fmt: skip
            cursor.execute("CHECKPOINT compact")
        return
    order = f"ORDER BY {_ORDERS[name]}" if name in _ORDERS else ""
    cursor.execute(f"INSERT INTO compact.{name} FROM store.{name} {order}")
    if name in KEYED:
        cursor.execute(f"ALTER TABLE compact.{name} ADD PRIMARY KEY ({', '.join(KEYED[name])})")


def _slices(cursor: duckdb.DuckDBPyConnection, name: str, column: str) -> Iterator[tuple[datetime, datetime]]:
    """Ranges of time that hold everything, each with some `ROWS` of it."""
    counts = cursor.execute(
        f"SELECT time_bucket(INTERVAL 10 MINUTES, {column}::TIMESTAMP) AS since, count(*) FROM store.{name} "
        "GROUP BY since ORDER BY since"
    ).fetchall()
    begin, rows = None, 0
    for since, count in counts:
        if begin is not None and rows + count > ROWS:
            yield begin, since
            begin, rows = None, 0
        begin, rows = begin or since, rows + count
    if begin is not None:
        yield begin, datetime(9999, 1, 1)
