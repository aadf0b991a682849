"""Bringing an export back, into an empty store or into one that goes on; what is there already stays as it is.

Only a process that has the store for itself does this, so nobody else's SQL is run beside it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from tapewatch.history.store.engine import KEYED, Engine, quoted
from tapewatch.history.store.exporting import MANIFEST
from tapewatch.history.store.failures import full, is_full, restoring
from tapewatch.history.store.migrations import MIGRATIONS
from tapewatch.history.store.moving import save, transaction
from tapewatch.history.store.retention import roll
from tapewatch.history.store.schema import dated_candles, stored_order
from tapewatch_sdk.collectors import Column, ColumnType, Table

__all__ = ["looked_through", "restore"]

_PLAIN = re.compile(r"[a-z][a-z0-9_]*")

_IDENTITY = "s.metric_name = o.metric_name AND s.service = o.service AND s.target = o.target AND s.labels = o.labels"


def restore(engine: Engine, folder: Path, manifest: Mapping[str, Any]) -> dict[str, int]:
    """Take over what an export has and the store has not. Doing it twice changes nothing more.

    Parameters:
        engine: of the store, opened with `open_world`; everything has been moved into the file.
        folder: of the export.
        manifest: of the export, as `looked_through` gave it.

    Returns:
        How many rows were taken over, by table.

    Raises:
        ProblemsError: it is damaged; nothing was restored.
    """
    files = {name: [folder / each["file"] for each in those] for name, those in manifest["tables"].items()}
    try:
        _define(engine, files)
        hours = datetime.fromisoformat(manifest["hours"])
        (own,) = engine.connection.execute("SELECT hours::TIMESTAMP FROM store.progress").fetchall()[0]
        roll(engine, max(hours, own))
        with transaction(engine) as cursor:
            counts = _take(engine, cursor, files, hours, manifest["version"])
        save(engine)
    except (duckdb.Error, ValueError) as error:
        if is_full(error):
            raise full(engine.path, "the disk is full; nothing was restored") from error
        raise restoring(folder, str(error).splitlines()[0]) from error
    return counts


def looked_through(folder: Path) -> Mapping[str, Any]:
    """The manifest of an export whose files are all as it says.

    Raises:
        ProblemsError: it is damaged or of a later version.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if manifest["version"] > len(MIGRATIONS):
            raise restoring(folder, f"it has version {manifest['version']} of the schema, which is later than ours")
        datetime.fromisoformat(manifest["hours"])
        if "series" not in manifest["tables"]:
            raise restoring(folder, f"{MANIFEST} tells of no series")
        if bad := next((name for name in manifest["tables"] if not _PLAIN.fullmatch(name)), None):
            raise restoring(folder, f"`{bad}` is no name of a table")  # names become part of statements
        for each in (one for those in manifest["tables"].values() for one in those):
            if Path(each["file"]).name != each["file"]:
                raise restoring(folder, f"{each['file']} is outside of it")
            with (folder / each["file"]).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != each["sha256"]:
                    raise restoring(folder, f"{each['file']} is damaged")
    except OSError as error:
        raise restoring(folder, f"{Path(error.filename).name}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise restoring(folder, f"{MANIFEST} cannot be read: {error}") from error
    return manifest


def _define(engine: Engine, files: Mapping[str, list[Path]]) -> None:
    if not files.get("collected"):
        return
    for name, columns, types, key in engine.connection.execute(f"FROM {_read(files['collected'])}").fetchall():
        if name not in engine.tables and files.get(name) is not None:
            if bad := next((each for each in columns if not _PLAIN.fullmatch(each)), None):
                raise ValueError(f"{name} has a column {bad}")
            pairs = zip(columns, types, strict=True)
            engine.define(Table(name, tuple(Column(each, ColumnType(kind)) for each, kind in pairs), tuple(key)))


def _take(
    engine: Engine, cursor: duckdb.DuckDBPyConnection, files: Mapping[str, list[Path]], hours: datetime, version: int
) -> dict[str, int]:
    counts = {"series": _series(cursor, files["series"])}
    for name, parts in files.items():
        if name in ("series", "collected") or not parts:
            continue
        if name == "samples" or name.startswith("rollup_"):
            counts[name] = _numbered(cursor, name, parts)
        elif name == "candles":
            source = _read(parts) if version > 1 else f"({dated_candles(_read(parts))})"
            counts[name] = _absent(cursor, name, source, ("symbol", "minute"))
        else:
            key = KEYED.get(name) or (engine.tables[name].key if name in engine.tables else ())
            counts[name] = _absent(cursor, name, _read(parts), key)
    if files.get("rollup_5m"):
        _late(cursor, hours)
    _last(cursor)
    return counts


def _series(cursor: duckdb.DuckDBPyConnection, parts: list[Path]) -> int:
    """Number the series of the export as the store does; `numbers` says which is which."""
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE foreign_series AS FROM {_read(parts)}" if parts else
                   "CREATE OR REPLACE TEMP TABLE foreign_series AS FROM store.series LIMIT 0")  # fmt: skip
    added = _count(cursor.execute(
        "INSERT INTO store.series SELECT (SELECT coalesce(max(id), 0) FROM store.series) "
        "+ row_number() OVER (ORDER BY o.id), o.* EXCLUDE id FROM foreign_series o "
        f"WHERE NOT EXISTS (FROM store.series s WHERE {_IDENTITY})"
    ))  # fmt: skip
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE numbers AS SELECT o.id AS old, s.id AS new FROM foreign_series o "
        f"JOIN store.series s ON {_IDENTITY}"
    )
    return added


def _numbered(cursor: duckdb.DuckDBPyConnection, name: str, parts: list[Path]) -> int:
    """File by file: all rows of one series and moment are in the same one."""
    column, added = "ts" if name == "samples" else "bucket", 0
    for part in parts:
        source = _read([part])
        first, last = cursor.execute(f"SELECT min({column}), max({column}) FROM {source}").fetchall()[0]
        there = f"(FROM store.{name} WHERE {column} BETWEEN ?::TIMESTAMP_MS AND ?::TIMESTAMP_MS)"
        cursor.execute(
            f"INSERT INTO store.{name} SELECT n.new, o.* EXCLUDE series FROM {source} o JOIN numbers n "
            f"ON n.old = o.series WHERE NOT EXISTS (FROM {there} s WHERE s.series = n.new AND s.{column} = o.{column}) "
            f"ORDER BY {stored_order(f'o.{column}', 'n.new')}", [first, last],
        )  # fmt: skip
        added += _count(cursor)
    return added


def _absent(cursor: duckdb.DuckDBPyConnection, name: str, source: str, key: tuple[str, ...]) -> int:
    columns = [each for each, *_ in cursor.execute(f"DESCRIBE store.{name}").fetchall()]
    same = " AND ".join(f's."{each}" IS NOT DISTINCT FROM o."{each}"' for each in key or columns)
    return _count(
        cursor.execute(f"INSERT INTO store.{name} SELECT o.* FROM {source} o "
                       f"WHERE NOT EXISTS (FROM store.{name} s WHERE {same})")
    )  # fmt: skip


def _late(cursor: duckdb.DuckDBPyConnection, hours: datetime) -> None:
    """Hours that the store has made already and the export had not."""
    cursor.execute(
        "INSERT INTO store.rollup_1h SELECT series, time_bucket(INTERVAL 1 HOUR, bucket::TIMESTAMP)::TIMESTAMP_MS "
        "AS hour, sum(count)::INTEGER, sum(sum), min(min), max(max), arg_max(last, last_ts), max(last_ts) "
        "FROM store.rollup_5m r WHERE bucket >= ?::TIMESTAMP_MS AND bucket < (SELECT hours FROM store.progress) "
        "AND NOT EXISTS (FROM store.rollup_1h h WHERE h.series = r.series "
        "AND h.bucket = time_bucket(INTERVAL 1 HOUR, r.bucket::TIMESTAMP)::TIMESTAMP_MS) GROUP BY ALL", [hours]
    )  # fmt: skip


def _last(cursor: duckdb.DuckDBPyConnection) -> None:
    both = "(SELECT series, ts, value FROM store.samples JOIN (SELECT DISTINCT new FROM numbers) ON new = series " \
           "UNION ALL FROM store.last)"  # fmt: skip
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE newest AS SELECT series, max(ts), arg_max(value, ts) FROM {both} GROUP BY series"
    )
    cursor.execute("DELETE FROM store.last")
    cursor.execute("INSERT INTO store.last FROM newest ORDER BY series")


def _read(parts: list[Path]) -> str:
    return f"read_parquet([{', '.join(quoted(each) for each in parts)}])"


def _count(cursor: duckdb.DuckDBPyConnection) -> int:
    found = cursor.fetchone()
    return int(found[0]) if found else 0
