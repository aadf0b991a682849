"""Everything as Parquet files, with a manifest; the folder is there when it is whole, and not before.

A second DuckDB writes them, which has no part in the store: the one that answers questions may not touch other files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from tapewatch.history.store.engine import Engine, quoted
from tapewatch.history.store.failures import exporting, is_full
from tapewatch.history.store.journal import sync_folder
from tapewatch.history.store.migrations import MIGRATIONS

__all__ = ["MANIFEST", "TIMES", "export", "parts_of"]

MANIFEST = "manifest.json"

_NUMBERS = ("value", "sum", "min", "max", "last")

ROWS = 1_000_000
"""Rows of a file."""

TIMES = {
    "samples": "ts",
    "rollup_1m": "bucket",
    "rollup_5m": "bucket",
    "rollup_1h": "bucket",
    "candles": "minute",
    "scrapes": "timestamp",
    "events": "timestamp",
    "orders": "timestamp",
}
"""Our tables that are exported by time, with the column that says it; `series` goes along whole."""


def export(
    engine: Engine,
    folder: Path,
    *,
    tables: Sequence[str] = (),
    start: datetime | None = None,
    end: datetime | None = None,
) -> dict[str, int]:
    """Write what is in the file to a new folder.

    Parameters:
        engine: of the store; everything has been moved into the file.
        folder: is made; it must not exist.
        tables: only these; all unless given.
        start, end: only rows of this range of time, without its end.

    Returns:
        How many rows, by table.

    Raises:
        ProblemsError: the folder exists or cannot be written, or there is no such table.
    """
    chosen = _chosen(engine, folder, tables)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        draft.mkdir(mode=0o700, parents=True)
        counts = _write(engine, draft, chosen, start, end)
        draft.rename(folder)
        sync_folder(folder.parent)
    except (OSError, duckdb.Error) as error:
        why = "the disk is full" if is_full(error) else str(error).splitlines()[0]
        raise exporting(folder, why) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return counts


def _chosen(engine: Engine, folder: Path, tables: Sequence[str]) -> dict[str, str]:
    known = TIMES | dict.fromkeys(engine.tables, "timestamp")
    if folder.exists():
        raise exporting(folder, "it exists already")
    if unknown := next((name for name in tables if name not in known), None):
        raise exporting(folder, f"there is no table {unknown}; there are {', '.join(known)}")
    return {name: column for name, column in known.items() if not tables or name in tables}


def _write(
    engine: Engine, draft: Path, tables: dict[str, str], start: datetime | None, end: datetime | None
) -> dict[str, int]:
    cursor, writer = engine.connection.cursor(), duckdb.connect()
    cursor.execute("BEGIN TRANSACTION READ ONLY")
    files, counts = dict[str, list[dict[str, Any]]](), dict[str, int]()
    try:
        for name, column in {"series": "", "collected": "", **tables}.items():
            files[name] = []
            _stage(engine, writer, name)
            for number, rows in enumerate(parts_of(cursor, name, column, start, end)):
                files[name].append(_file(writer, draft, name, number, rows))
            counts[name] = sum(each["rows"] for each in files[name])
        (hours,) = cursor.execute("SELECT hours::TIMESTAMP FROM store.progress").fetchall()[0]
    finally:
        cursor.close()
        writer.close()
    manifest = {
        "version": len(MIGRATIONS), "made": datetime.now(UTC).isoformat(), "hours": hours.isoformat(),
        "start": start.isoformat() if start else None, "end": end.isoformat() if end else None, "tables": files,
    }  # fmt: skip
    with (draft / MANIFEST).open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    (draft / MANIFEST).chmod(0o600)
    sync_folder(draft)
    return counts


def _stage(engine: Engine, writer: duckdb.DuckDBPyConnection, name: str) -> None:
    """An empty table of the same shape, which gives the columns their types."""
    columns = engine.connection.cursor().execute(f"DESCRIBE store.{name}").fetchall()
    shape = ", ".join(f'"{column}" {kind}' for column, kind, *_ in columns)
    writer.execute(f"CREATE OR REPLACE TABLE part ({shape})")


def parts_of(
    cursor: duckdb.DuckDBPyConnection, name: str, column: str, start: datetime | None, end: datetime | None
) -> Iterator[list[tuple[Any, ...]] | dict[str, Any]]:
    """The rows of a table in parts of at most `ROWS`: as columns where they are numbers and moments, else as rows."""
    where = [f"{column} {sign} ?" for sign, moment in ((">=", start), ("<", end)) if column and moment]
    values = [moment.replace(tzinfo=None) for moment in (start, end) if column and moment]
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    if name == "samples" or name.startswith("rollup_"):
        found = cursor.execute(
            f"SELECT time_bucket(INTERVAL 10 MINUTES, {column}::TIMESTAMP) AS since, count(*) FROM store.{name} "
            f"{condition} GROUP BY since ORDER BY since", values
        ).fetchall()  # fmt: skip
        for begin, until in _ranges(found):
            within = f"{column} >= ?::TIMESTAMP_MS AND {column} < ?::TIMESTAMP_MS"
            whole = f"{condition} AND {within}" if condition else f"WHERE {within}"
            yield cursor.execute(f"FROM store.{name} {whole} ORDER BY ALL", [*values, begin, until]).fetchnumpy()
        return
    cursor.execute(f"FROM store.{name} {condition}", values)
    while rows := cursor.fetchmany(ROWS // 10):
        yield rows


def _ranges(counts: Sequence[tuple[datetime, int]]) -> Iterator[tuple[datetime, datetime]]:
    begin, rows = None, 0
    for since, count in counts:
        if begin is not None and rows + count > ROWS:
            yield begin, since
            begin, rows = None, 0
        begin, rows = begin or since, rows + count
    if begin is not None:
        yield begin, datetime(9999, 1, 1)


def _file(
    writer: duckdb.DuckDBPyConnection, draft: Path, name: str, number: int, rows: list[tuple[Any, ...]] | dict[str, Any]
) -> dict[str, Any]:
    writer.execute("DELETE FROM part")
    if isinstance(rows, dict):
        writer.register("columns", rows)
        # DuckDB takes NaN in numpy's arrays for NULL, and there is no NULL in these tables.
        names = [f"coalesce({name}, 'nan'::DOUBLE)" if name in _NUMBERS else name for name in rows]
        writer.execute(f"INSERT INTO part SELECT {', '.join(names)} FROM columns")
    else:
        appender = writer.appender("part")
        appender.append_rows(rows)
        appender.flush()
    path = draft / f"{name}-{number:05}.parquet"
    writer.execute(f"COPY part TO {quoted(path)} (FORMAT parquet, COMPRESSION zstd)")
    path.chmod(0o600)
    with path.open("rb+") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return {"file": path.name, "rows": len(rows["series"]) if isinstance(rows, dict) else len(rows), "sha256": digest}
