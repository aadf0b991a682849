"""DuckDB with the file attached: the last minutes in memory, the rest in the file, views over both.

Nothing is written to the file but by `moving`; a batch goes to the journal and to the tables in memory. DuckDB keeps no
write-ahead log of its own here: the file changes from one checkpoint to the next, and the journal has all that came
since.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from numpy.typing import NDArray

from tapewatch.history.store.failures import full, is_full, older, opening
from tapewatch.history.store.migrations import MIGRATIONS, check, migrate
from tapewatch.history.store.records import Record, SeriesRow
from tapewatch.history.store.resting import CONFIG
from tapewatch.history.store.schema import candles_of, rolled, views
from tapewatch_sdk.collectors import Column, ColumnType, Table

__all__ = ["COMPACT", "KEYED", "PLAIN", "Engine", "attach", "file_views", "hot_samples", "quoted"]

COMPACT = (".compact-a", ".compact-b")
"""Added to the name of the file that a compaction writes: DuckDB goes on knowing a file by the name under which it was
attached, so the next one needs the other name."""

BLOCK = 64 << 10
"""Bytes of a block of a new file: what a column of a chunk takes fills blocks of this size, and leaves half of DuckDB's
usual ones empty. An older file keeps its own until it is compacted."""

NUMBER = "coalesce(value, 'nan'::DOUBLE)"
"""A value that comes from numpy: DuckDB takes NaN there for NULL, and no sample is NULL."""

PLAIN = ("scrapes",)
"""Tables of ours without a key."""

KEYED = {"events": ("id",), "orders": ("trade_id",)}
"""Tables of ours with one."""


class Engine:
    """An attached file.

    Parameters:
        path: the file; it is made if it is not there.
        fresh: the file under its name of now, when it is about to be renamed to `path`.
        open_world: whether SQL may touch other files; only where nobody else's SQL is run.
        read_only: whether the file stays as it is; others may read it at the same time.

    Raises:
        ProblemsError: it cannot be opened.

    Attributes:
        tables: of collectors, by name.
        attached: the name by which DuckDB knows the file.
    """

    def __init__(
        self, path: Path, *, fresh: Path | None = None, open_world: bool = False, read_only: bool = False
    ) -> None:
        self.path = path
        self.attached = fresh or path
        self.tables: dict[str, Table] = {}
        if not read_only:
            made(self.attached)
        self.connection = duckdb.connect(config=dict(CONFIG))
        try:
            self._attach(open_world, read_only)
        except duckdb.Error as error:
            self.connection.close()
            raise opening(path, error) from error
        except BaseException:
            self.connection.close()
            raise

    def _attach(self, open_world: bool, read_only: bool) -> None:
        run = self.connection.execute
        attach(self.connection, self.attached, "store", read_only=read_only)
        if read_only:
            version = check(self.path, self.connection)
            if version < len(MIGRATIONS):
                raise older(self.path, version, len(MIGRATIONS))
        elif migrate(self.path, self.connection):
            file_views(self.connection, "store")
            run("CHECKPOINT store")
        run("CREATE SCHEMA hot")
        for each in (0, 1):
            run(hot_samples(each))
        run("CREATE TABLE hot.last AS FROM store.last")
        run("CREATE TABLE hot.moment AS SELECT 1 AS one")
        run("CREATE TABLE hot.series AS FROM store.series")
        for name in (*PLAIN, *KEYED):
            run(_hot(name))
        run(HOT_TARGETS)
        for view in (*live_views(), *views("memory.main", "memory.main")):
            run(view)
        for name, columns, types, key in run("FROM store.collected").fetchall():
            pairs = zip(columns, types, strict=True)
            table = Table(name, tuple(Column(each, ColumnType(kind)) for each, kind in pairs), tuple(key))
            self._overlay(table)
        run("SET TimeZone = 'UTC'")
        if not open_world:
            files = (self.path.name, *(self.path.name + each for each in COMPACT))
            names = [f"{name}{more}" for name in files for more in ("", ".wal", ".wal.checkpoint", ".wal.recovery")]
            run(f"SET allowed_paths = [{', '.join(quoted(self.path.with_name(name)) for name in names)}]")
            run("SET enable_external_access = false")
            run("SET python_enable_replacements = false")
            run("SET lock_configuration = true")

    def has(self, name: str) -> bool:
        """Whether a table or view has the name, in the file or in memory."""
        found = self.connection.cursor().execute(
            "SELECT 1 FROM duckdb_tables() WHERE table_name = $1 UNION ALL "
            "SELECT 1 FROM duckdb_views() WHERE view_name = $1 AND NOT internal", [name]
        ).fetchone()  # fmt: skip
        return found is not None

    def define(self, table: Table) -> None:
        """Make a collector's table, in the file at once; it is empty there until the next move."""
        columns = ", ".join(f'"{each.name}" {each.type}' for each in table.columns)
        cursor = self.connection.cursor()
        cursor.begin()
        cursor.execute(f"CREATE TABLE store.{table.name} ({columns})")
        cursor.execute(
            "INSERT INTO store.collected VALUES (?, ?, ?, ?)",
            [table.name, [c.name for c in table.columns], [str(c.type) for c in table.columns], list(table.key)],
        )
        cursor.commit()
        cursor.execute("CHECKPOINT store")
        self._overlay(table)

    def _overlay(self, table: Table) -> None:
        run = self.connection.execute
        run(_hot(table.name))
        run(overlay(table.name, tuple(each.name for each in table.columns), table.key))
        self.tables[table.name] = table

    def apply(self, record: Record, chunk: int, latest: Mapping[str, NDArray[Any]]) -> None:
        """Put a batch into memory, in one transaction, and the last values with it.

        Parameters:
            record: the batch.
            chunk: the number of its chunk.
            latest: the last values as columns; see `Latest`.
        """
        cursor = self.connection.cursor()
        cursor.begin()
        _series(cursor, record.series)
        if len(record.ids):
            cursor.register("batch", {"series": record.ids, "ts": record.times, "value": record.values})
            cursor.execute(f"INSERT INTO hot.samples_{chunk % 2} SELECT series, ts, {NUMBER} FROM batch")
        if record.scrapes:
            cursor.register("newest", dict(latest))
            cursor.execute(f"CREATE OR REPLACE TABLE hot.last AS SELECT series, ts, {NUMBER} AS value FROM newest")
            scrapes = [(ms * 1000, s, t, not e, d * 1000, e) for ms, _, s, t, d, e in record.scrapes]
            _insert(cursor, "scrapes", scrapes, chunk)
            newest = {(row[1], row[2]): (row[1], row[2], row[0], row[3], row[5]) for row in sorted(scrapes)}
            _insert(cursor, "targets", _still_newest(cursor, newest), None)
        for name, columns in record.rows.items():
            table = self.tables[name]
            places = _places(table)
            _columns(cursor, name, places, _types(table), _newest(places, columns), chunk)
        events = [tuple(each[name] for name in _EVENT) for each in record.events]
        _insert(cursor, "events", events, chunk)
        _insert(cursor, "orders", record.orders, chunk)
        cursor.commit()
        cursor.close()

    def know_targets(self, before: Engine) -> None:
        """Take over how the targets were, which no file has."""
        rows = before.connection.cursor().execute(
            "SELECT service, target, epoch_us(timestamp), up, error FROM hot.targets"
        ).fetchall()  # fmt: skip
        _insert(self.connection.cursor(), "targets", rows, None)

    def close(self) -> None:
        """Let the file go, as soon as the last query that runs has ended."""
        self.connection.close()


_KEYS: Mapping[str, Sequence[str]] = {"targets": ("service", "target"), **KEYED}
"""Of our tables in memory that have one; its columns come first."""

_EVENT = ("id", "timestamp", "event_type", "severity", "source", "data")

_SHAPES: Mapping[str, Sequence[str]] = {
    "scrapes": ("MICROSECONDS", "VARCHAR", "VARCHAR", "BOOLEAN", "FLOAT", "VARCHAR"),
    "targets": ("VARCHAR", "VARCHAR", "MICROSECONDS", "BOOLEAN", "VARCHAR"),
    "events": ("VARCHAR", "MICROSECONDS", "VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR"),
    "orders": ("VARCHAR", "MICROSECONDS", "VARCHAR", "VARCHAR", *["DOUBLE"] * 4, *["VARCHAR"] * 3),
}


def _still_newest(
    cursor: duckdb.DuckDBPyConnection, rows: Mapping[tuple[str, str], tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """The rows of targets that were not asked later: what another history knew comes after what we saw since."""
    known = cursor.execute("SELECT service, target, epoch_us(timestamp) FROM hot.targets").fetchall()
    later = {(service, target): at for service, target, at in known}
    return [row for key, row in rows.items() if row[2] >= later.get(key, row[2])]


def _series(cursor: duckdb.DuckDBPyConnection, rows: Sequence[SeriesRow]) -> None:
    if not rows:
        return
    ids, names, symbols, services, targets, labels, types = (list(each) for each in zip(*rows, strict=True))
    keys, values = [[p[0] for p in pairs] for pairs in labels], [[p[1] for p in pairs] for pairs in labels]
    plain = ", ".join(f"unnest(${number}::VARCHAR[])" for number in (2, 3, 4, 5))
    cursor.execute(
        f"INSERT INTO hot.series SELECT unnest($1::INTEGER[]), {plain}, "
        "map(unnest($6::VARCHAR[][]), unnest($7::VARCHAR[][])), unnest($8::VARCHAR[])",
        [ids, names, symbols, services, targets, keys, values, types],
    )


def _places(table: Table) -> Mapping[str, int]:
    """Where the columns of the key stand."""
    names = [each.name for each in table.columns]
    return {name: names.index(name) for name in table.key}


def _newest(key: Mapping[str, int], columns: list[list[Any]]) -> list[list[Any]]:
    """Of the rows with one key the last one: a single statement would put all of them there."""
    keys = [columns[place] for place in key.values()]
    kept = list({key: number for number, key in enumerate(zip(*keys, strict=True))}.values()) if keys else None
    return columns if kept is None else [[column[number] for number in kept] for column in columns]


def _types(table: Table) -> list[str]:
    return ["MICROSECONDS" if each.type is ColumnType.TIMESTAMP else str(each.type) for each in table.columns]


def _insert(cursor: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Sequence[Any]], chunk: int | None) -> None:
    """Put rows of one of our tables there."""
    if rows:
        places = {each: place for place, each in enumerate(_KEYS.get(name, ()))}
        _columns(cursor, name, places, _SHAPES[name], list(map(list, zip(*rows, strict=True))), chunk)


def _columns(
    cursor: duckdb.DuckDBPyConnection, name: str, key: Mapping[str, int], types: Sequence[str],
    columns: Sequence[list[Any]], chunk: int | None,
) -> None:  # fmt: skip
    """Many rows by one statement: one statement for each would take a hundred times as long.

    Rows that have their keys go first. A primary key would do the same, but takes twice the time here, and memory that
    DuckDB never gives back.
    """
    if key:
        old = ", ".join(
            f'{_unnested(number, types[at])} AS "{each}"' for number, (each, at) in enumerate(key.items(), 1)
        )
        same = " AND ".join(f'hot.{name}."{each}" = n."{each}"' for each in key)
        cursor.execute(
            f"DELETE FROM hot.{name} USING (SELECT {old}) n WHERE {same}", [columns[at] for at in key.values()]
        )
    chosen = ", ".join(_unnested(number, kind) for number, kind in enumerate(types, 1))
    more = "" if chunk is None else f", {chunk}"
    cursor.execute(f"INSERT INTO hot.{name} SELECT {chosen}{more}", list(columns))


def _unnested(number: int, kind: str) -> str:
    if kind == "MICROSECONDS":
        return f"make_timestamp(unnest(${number}::BIGINT[]))"
    return f"unnest(${number}::{kind}[])"


def _hot(name: str) -> str:
    """Makes the table in memory for what is not in the file's yet."""
    return f"CREATE TABLE hot.{name} AS SELECT *, 0::BIGINT AS _chunk FROM store.{name} LIMIT 0"


HOT_TARGETS = (
    "CREATE TABLE hot.targets (service VARCHAR, target VARCHAR, timestamp TIMESTAMP, up BOOLEAN, error VARCHAR)"
)
"""How each target was when it was last asked, since the store was opened: what is older tells nothing of now."""


def hot_samples(slot: int) -> str:
    """Makes one of the two tables of samples in memory anew, empty."""
    return f"CREATE OR REPLACE TABLE hot.samples_{slot} (series INTEGER, ts TIMESTAMP_MS, value DOUBLE)"


def live_views() -> Sequence[str]:
    """Views of everything that is in the file, with what is in memory added."""
    hot = "(FROM hot.samples_0 UNION ALL FROM hot.samples_1)"
    make = "CREATE OR REPLACE VIEW memory.main"
    names = {
        "events": _EVENT,
        "orders": (
            "trade_id", "timestamp", "symbol", "side", "quantity", "price", "latency_ms", "slippage_bps", "strategy",
            "status", "reason",
        ),
    }  # fmt: skip
    return (
        f"{make}.series AS FROM hot.series",
        f"{make}.samples AS FROM store.samples UNION ALL FROM hot.samples_0 UNION ALL FROM hot.samples_1",
        f"{make}.last AS FROM hot.last",
        f"{make}.targets AS FROM hot.targets",
        f"{make}.rollup_1m AS FROM store.rollup_1m UNION ALL {rolled(60, hot)}",
        f"{make}.rollup_5m AS FROM store.rollup_5m UNION ALL {rolled(300, hot)}",
        f"{make}.rollup_1h AS FROM store.rollup_1h UNION ALL SELECT series, "
        "time_bucket(INTERVAL 1 HOUR, bucket::TIMESTAMP)::TIMESTAMP_MS, sum(count)::INTEGER, sum(sum), min(min), "
        "max(max), arg_max(last, last_ts), max(last_ts) FROM store.rollup_5m "
        "WHERE bucket >= (SELECT hours FROM store.progress) GROUP BY ALL "
        f"UNION ALL {rolled(3600, hot)}",
        f"{make}.candles AS FROM store.candles UNION ALL FROM ({candles_of(hot, 'hot.series', 'store.last')})",
        f"{make}.scrapes AS FROM store.scrapes UNION ALL SELECT * EXCLUDE _chunk FROM hot.scrapes",
        *(overlay(name, names[name], key) for name, key in KEYED.items()),
    )


def overlay(name: str, columns: Sequence[str], key: Sequence[str]) -> str:
    """The view of a table: rows of the file, and those in memory, which take the place of rows with their key."""
    chosen = ", ".join(f'"{each}"' for each in columns)
    if not key:
        return (
            f"CREATE OR REPLACE VIEW memory.main.{name} AS SELECT {chosen} FROM store.{name} UNION ALL "
            f"SELECT {chosen} FROM hot.{name}"
        )
    same = " AND ".join(f'h."{each}" IS NOT DISTINCT FROM c."{each}"' for each in key)
    return (
        f"CREATE OR REPLACE VIEW memory.main.{name} AS SELECT {chosen} FROM store.{name} c "
        f"WHERE NOT EXISTS (FROM hot.{name} h WHERE {same}) UNION ALL SELECT {chosen} FROM hot.{name}"
    )


def made(path: Path) -> None:
    """Make an empty database that nobody else may read, at any moment, if there is no file.

    Raises:
        ProblemsError: the folder cannot be made or written to.
    """
    try:
        path = path.resolve()  # what a symbolic link leads to may not be there yet
        if path.exists():
            return
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, parents=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as folder:  # its mode is 0700
            fresh = Path(folder) / "fresh"
            with duckdb.connect() as connection:
                attach(connection, fresh, "fresh")
                connection.execute("DETACH fresh")
            fresh.chmod(0o600)
            os.link(fresh, path)
    except FileExistsError:
        return
    except (OSError, duckdb.Error) as error:
        raise full(path, "the disk is full") if is_full(error) else opening(path, error) from error


def attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str, *, read_only: bool = False) -> None:
    """Attach a file under a name; it is made if it is not there, unless it is only read."""
    options = ["READ_ONLY" if read_only else "RECOVERY_MODE no_wal_writes"]
    if not path.exists():
        options.append(f"BLOCK_SIZE {BLOCK}")
    connection.execute(f"ATTACH {quoted(path)} AS {name} ({', '.join(options)})")


def file_views(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Make the views in an attached file. They name no database, so that they hold under any name of the file."""
    connection.execute(f"USE {name}")
    for view in views("main", "main"):
        connection.execute(view)
    connection.execute("USE memory")


def quoted(path: Path) -> str:
    """A path as a literal of SQL."""
    return "'" + str(path.absolute()).replace("'", "''") + "'"
