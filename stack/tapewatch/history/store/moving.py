"""What takes the last minutes from memory into the file, in a thread of its own; no batch ever waits for it.

A chunk of batches is closed and the next one begun, which takes a writer no longer than a batch does. The closed chunk
is sorted by series, which is what makes it small, put into the file together with its buckets and candles, and only
then is its journal removed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import duckdb

from tapewatch.history.store.engine import KEYED, PLAIN, Engine, hot_samples
from tapewatch.history.store.schema import candles_of, gaps, late, mended_volume, rolled, stored_order

__all__ = ["move", "save", "transaction"]

PATIENCE, PAUSE = 5.0, 0.005
"""Seconds for which a checkpoint is tried, and between two tries: DuckDB makes none while it ends a transaction."""


@contextmanager
def transaction(engine: Engine) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor in a transaction that is committed, or rolled back when something raises."""
    cursor = engine.connection.cursor()
    try:
        cursor.begin()
        yield cursor
        cursor.commit()
    except BaseException:
        with suppress(duckdb.Error):  # the commit itself failed
            cursor.rollback()
        raise
    finally:
        cursor.close()


def move(engine: Engine, chunk: int, switch: AbstractContextManager[object]) -> None:
    """Put a closed chunk into the file, and out of memory; `save` brings it to disk.

    Parameters:
        engine: has the file.
        chunk: its number.
        switch: held by whoever begins to read or changes what is in memory, so that nobody sees the chunk in both
            places or in none.

    Raises:
        duckdb.Error: nothing was moved.
    """
    cursor = engine.connection.cursor()
    try:
        cursor.begin()
        _copy(engine, cursor, chunk)
        with switch:
            cursor.commit()
            _forget(engine, chunk)
    except BaseException:
        with suppress(duckdb.Error):  # the commit itself failed
            cursor.rollback()
        raise
    finally:
        cursor.close()


def save(engine: Engine) -> None:
    """Bring the file on disk to where it is for readers.

    Raises:
        duckdb.Error: it stays as it is.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            engine.connection.cursor().execute("CHECKPOINT store")
            break
        except duckdb.TransactionException:  # a transaction is just about to end
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
    with suppress(duckdb.TransactionException):  # the next time will do
        engine.connection.cursor().execute("CHECKPOINT memory")  # gives the memory of deleted rows back


def _copy(engine: Engine, cursor: duckdb.DuckDBPyConnection, chunk: int) -> None:
    run, samples = cursor.execute, f"hot.samples_{chunk % 2}"
    run("INSERT INTO store.series FROM hot.series WHERE id > (SELECT coalesce(max(id), 0) FROM store.series)")
    run(f"INSERT INTO store.candles {candles_of(samples, 'hot.series', 'store.last')}")
    _mend_volume(cursor, samples)
    hours = "(SELECT hours FROM store.progress)"
    for name, seconds, which in (("1m", 60, "TRUE"), ("5m", 300, "TRUE"), ("1h", 3600, f"bucket < {hours}")):
        # What comes late for an hour that was made from its buckets of 5 minutes already is added to it.
        made = f"({rolled(seconds, samples)}) WHERE {which} ORDER BY {stored_order('bucket')}"
        run(f"INSERT INTO store.rollup_{name} FROM {made}")
    run(f"INSERT INTO store.samples FROM {samples} ORDER BY {stored_order('ts')}")
    both = f"(FROM {samples} UNION ALL FROM store.last)"
    run(
        f"CREATE OR REPLACE TEMP TABLE newest AS SELECT series, max(ts), arg_max(value, ts) FROM {both} GROUP BY series"
    )
    run("DELETE FROM store.last")
    run("INSERT INTO store.last FROM temp.newest ORDER BY series")
    run("DROP TABLE temp.newest")
    for name, key in _tables(engine):
        _rows(cursor, name, key, chunk)
    run("UPDATE store.progress SET applied = ?", [chunk])


def _mend_volume(cursor: duckdb.DuckDBPyConnection, samples: str) -> None:
    """Candles without prices correct those around gaps which these samples fill.

    In steps, as otherwise DuckDB takes what is stored for the smaller side of a join, and has no memory for it.
    """
    run = cursor.execute
    run(f"CREATE OR REPLACE TEMP TABLE late AS {late(samples, 'hot.series', 'store.last')}")
    if run("FROM temp.late LIMIT 1").fetchone():
        run(f"CREATE OR REPLACE TEMP TABLE filled AS {gaps('temp.late', 'store.samples')}")
        mended = mended_volume("temp.late", "temp.filled", "store.samples", "hot.series")
        run(f"CREATE OR REPLACE TEMP TABLE mended AS {mended}")
        run(
            "INSERT INTO store.candles SELECT symbol, minute, NULL, NULL, NULL, NULL, change, NULL, NULL "
            "FROM temp.mended m WHERE EXISTS (FROM store.candles c WHERE c.symbol = m.symbol AND c.minute = m.minute)"
        )
        run("DROP TABLE temp.filled")
        run("DROP TABLE temp.mended")
    run("DROP TABLE temp.late")


def _rows(cursor: duckdb.DuckDBPyConnection, name: str, key: tuple[str, ...], chunk: int) -> None:
    fresh = f"(SELECT * EXCLUDE _chunk FROM hot.{name} WHERE _chunk <= {chunk})"
    if name in KEYED:
        cursor.execute(f"INSERT OR REPLACE INTO store.{name} FROM {fresh}")
        return
    if key:
        same = " AND ".join(f'store.{name}."{each}" IS NOT DISTINCT FROM f."{each}"' for each in key)
        cursor.execute(f"DELETE FROM store.{name} USING {fresh} f WHERE {same}")
    cursor.execute(f"INSERT INTO store.{name} FROM {fresh}")


def _forget(engine: Engine, chunk: int) -> None:
    with transaction(engine) as cursor:
        cursor.execute(hot_samples(chunk % 2))
        for name, _ in _tables(engine):
            cursor.execute(f"DELETE FROM hot.{name} WHERE _chunk <= {chunk}")


def _tables(engine: Engine) -> list[tuple[str, tuple[str, ...]]]:
    ours = [(name, ()) for name in PLAIN] + list(KEYED.items())
    return [*ours, *((name, table.key) for name, table in engine.tables.items())]
