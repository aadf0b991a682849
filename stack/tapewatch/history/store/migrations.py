"""From one version of the schema to the next. What is here never changes; a new version is a new entry at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from tapewatch.history.store.failures import newer, opening
from tapewatch.history.store.schema import TABLES

__all__ = ["MIGRATIONS", "migrate"]

MIGRATIONS: tuple[Sequence[str], ...] = (TABLES,)
"""The statements that lead to version 1, 2, ..."""


def migrate(
    path: Path, connection: duckdb.DuckDBPyConnection, migrations: Sequence[Sequence[str]] = MIGRATIONS
) -> None:
    """Bring the attached database `store` to the newest version, each step in a transaction of its own.

    Parameters:
        path: of the file, for messages.
        connection: has it attached.
        migrations: the steps.

    Raises:
        ProblemsError: it is newer than we are, or no store of ours.
    """
    version = _version(path, connection)
    if version > len(migrations):
        raise newer(path, version, len(migrations))
    for number, statements in enumerate(migrations[version:], version + 1):
        connection.begin()
        connection.execute("USE store")
        for statement in statements:
            connection.execute(statement)
        connection.execute("INSERT INTO store.tapewatch_schema VALUES (?, current_localtimestamp())", [number])
        connection.execute("USE memory")
        connection.commit()
        connection.execute("CHECKPOINT store")


def _version(path: Path, connection: duckdb.DuckDBPyConnection) -> int:
    names = {name for (name,) in connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'store'").fetchall()}  # fmt: skip
    if names and "tapewatch_schema" not in names:
        raise opening(path, duckdb.IOException("not a valid DuckDB file of tapewatch: it has tables of others"))
    connection.execute("CREATE TABLE IF NOT EXISTS store.tapewatch_schema (version INTEGER, migrated TIMESTAMP)")
    found = connection.execute("SELECT coalesce(max(version), 0) FROM store.tapewatch_schema").fetchone()
    assert found is not None
    return int(found[0])
