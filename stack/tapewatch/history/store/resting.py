"""Memory that is given back, which DuckDB keeps up to the limit of its memory.

There are two kinds. Every block of a file that it read or wrote stays, for what the system's page cache has anyway. And
what is left of every block of memory that ever was, such as those of a join, stays in the queue of what could be given
back, and DuckDB looks there seldom: 40,000 small joins left 40 MB of malloc's (2.0.1).
"""

from __future__ import annotations

from contextlib import suppress

import duckdb

__all__ = ["CONFIG", "rest"]

MEMORY = 512
"""Megabytes that DuckDB may use; what sorts or groups more than that is refused instead of taking the machine's."""

CONFIG = {
    "memory_limit": f"{MEMORY}MB",
    "temp_directory": "",
    "allowed_configs": "[memory_limit]",
}
"""How DuckDB is set up; `rest` alone asks for another limit."""


def rest(connection: duckdb.DuckDBPyConnection) -> None:
    """Give back what was kept; whoever asks or writes meanwhile is neither held up nor harmed.

    A limit that cannot be kept to is refused, after DuckDB has gone through its queues and dropped all that it could;
    the old one was in force all the time. What is in memory alone, or in use, makes it one.

    Parameters:
        connection: to the database.
    """
    cursor = connection.cursor()
    try:
        with suppress(duckdb.OutOfMemoryException):
            cursor.execute("SET memory_limit = '1B'")
            cursor.execute(f"SET memory_limit = '{MEMORY}MB'")  # nothing at all was in memory
    finally:
        cursor.close()
