"""What takes the last minutes from memory into the file, in a thread of its own; no batch ever waits for it.

A chunk of batches is closed and the next one begun, which takes a writer no longer than a batch does. The closed chunk
is sorted by series, which is what makes it small, put into the file together with its buckets and candles, and only
then is its journal removed. What readers see changes in one moment, from memory to file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import duckdb

from tapewatch.history.store.engine import KEYED, PLAIN, Engine, hot_samples
from tapewatch.history.store.schema import candles_of, rolled

__all__ = ["empty_slot", "move", "tidy", "transaction"]


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


def empty_slot(engine: Engine, chunk: int) -> None:
    """Make room in memory for a chunk, in the place of the one before the last, which is in the file."""
    with transaction(engine) as cursor:
        cursor.execute(hot_samples(chunk % 2))
        cursor.execute("UPDATE hot.slots SET chunk = ? WHERE slot = ?", [chunk, chunk % 2])


def move(engine: Engine, chunk: int) -> None:
    """Put a closed chunk into the file; it is on disk when this returns.

    Raises:
        duckdb.Error: the file is as it was before.
    """
    samples = f"hot.samples_{chunk % 2}"
    with transaction(engine) as cursor:
        run = cursor.execute
        run("INSERT INTO store.series FROM hot.series WHERE id > (SELECT coalesce(max(id), 0) FROM store.series)")
        run(f"INSERT INTO store.candles {candles_of(samples, 'hot.series', 'store.last', str(chunk))}")
        hours = "(SELECT hours FROM store.progress)"
        for name, seconds, which in (("1m", 60, "TRUE"), ("5m", 300, "TRUE"), ("1h", 3600, f"bucket < {hours}")):
            # An hour that is made from its buckets of 5 minutes already gets what comes late besides.
            run(
                f"INSERT INTO store.rollup_{name} FROM ({rolled(seconds, samples)}) WHERE {which} "
                "ORDER BY series, bucket"
            )
        run(f"INSERT INTO store.samples FROM {samples} ORDER BY series, ts")
        newest = f"(SELECT series, max(ts) AS ts, arg_max(value, ts) AS value FROM {samples} GROUP BY series)"
        run(f"CREATE OR REPLACE TEMP TABLE newest AS FROM {newest} UNION ALL FROM store.last "
            f"WHERE series NOT IN (SELECT series FROM {samples})")  # fmt: skip
        run("DELETE FROM store.last")
        run("INSERT INTO store.last FROM temp.newest ORDER BY series")
        run("DROP TABLE temp.newest")
        for name in (*PLAIN, *KEYED, *engine.tables):
            _rows(cursor, name, _keys(engine).get(name, ()), chunk)
        run("UPDATE store.progress SET applied = ?", [chunk])
    engine.connection.cursor().execute("CHECKPOINT store")


def _rows(cursor: duckdb.DuckDBPyConnection, name: str, key: tuple[str, ...], chunk: int) -> None:
    fresh = f"(SELECT * EXCLUDE _chunk FROM hot.{name} WHERE _chunk {'<=' if key else '='} {chunk})"
    if name in KEYED:
        cursor.execute(f"INSERT OR REPLACE INTO store.{name} FROM {fresh}")
        return
    if key:
        same = " AND ".join(f"store.{name}.{each} IS NOT DISTINCT FROM f.{each}" for each in key)
        cursor.execute(f"DELETE FROM store.{name} USING {fresh} f WHERE {same}")
    cursor.execute(f"INSERT INTO store.{name} FROM {fresh}")


def tidy(engine: Engine, chunk: int) -> None:
    """Remove rows from memory whose chunk has been in the file for so long that no query can be between the two."""
    with transaction(engine) as cursor:
        for name in (*PLAIN, *KEYED, *engine.tables):
            cursor.execute(f"DELETE FROM hot.{name} WHERE _chunk <= {chunk}")
    with suppress(duckdb.TransactionException):  # somebody is writing just now; the next time will do
        engine.connection.cursor().execute("CHECKPOINT memory")  # gives the memory of deleted rows back


def _keys(engine: Engine) -> Mapping[str, tuple[str, ...]]:
    return {**KEYED, **{name: table.key for name, table in engine.tables.items()}}
