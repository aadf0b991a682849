"""From one version of the schema to the next. What is here never changes; a new version is a new entry at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from tapewatch.history.store.failures import foreign, newer
from tapewatch.history.store.schema import DATED, TABLES

__all__ = ["MIGRATIONS", "check", "migrate"]

MIGRATIONS: tuple[Sequence[str], ...] = (TABLES, DATED)
"""The statements that lead to version 1, 2, ..."""


def migrate(
    path: Path, connection: duckdb.DuckDBPyConnection, migrations: Sequence[Sequence[str]] = MIGRATIONS
) -> bool:
    """Bring the attached database `store` to the newest version, each step in a transaction of its own.

    Parameters:
        path: of the file, for messages.
        connection: has it attached.
        migrations: the steps.

    Returns:
        Whether there was anything to do.

    Raises:
        ProblemsError: it is newer than we are, or no store of ours.
    """
    _ours(path, connection)
    connection.execute("CREATE TABLE IF NOT EXISTS store.tapewatch_schema (version INTEGER, migrated TIMESTAMP)")
    version = check(path, connection, migrations)
    for number, statements in enumerate(migrations[version:], version + 1):
        connection.begin()
        connection.execute("USE store")
        for statement in statements:
            connection.execute(statement)
        connection.execute("INSERT INTO store.tapewatch_schema VALUES (?, current_localtimestamp())", [number])
        connection.execute("USE memory")
        connection.commit()
        connection.execute("CHECKPOINT store")
    return version < len(migrations)


def check(path: Path, connection: duckdb.DuckDBPyConnection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> int:
    """The version of the attached database.

    Raises:
        ProblemsError: it is newer than we are, or no store of ours.
    """
    version = _version(path, connection)
    if version > len(migrations):
        raise newer(path, version, len(migrations))
    return version


def _version(path: Path, connection: duckdb.DuckDBPyConnection) -> int:
    _ours(path, connection)
    found = connection.execute("SELECT coalesce(max(version), 0) FROM store.tapewatch_schema").fetchone()
    return int(found[0]) if found else 0


def _ours(path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    found = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'store'").fetchall()
    if found and ("tapewatch_schema",) not in found:
        raise foreign(path)
