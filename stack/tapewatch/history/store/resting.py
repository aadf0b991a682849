"""Memory that is given back: DuckDB keeps every block of a file that it read or wrote, up to the limit of its memory.

Over a day that is all of the limit, for what the system's page cache has anyway.
"""

from __future__ import annotations

from contextlib import suppress

import duckdb

__all__ = ["CONFIG", "rest"]

MEMORY = 512
"""Megabytes that DuckDB may use; what sorts or groups more than that is refused instead of taking the machine's."""

KEPT = 16 << 20
"""Bytes of blocks that stay: those of the last minutes, which the page and its charts ask for."""

CONFIG = {
    "memory_limit": f"{MEMORY}MB",
    "temp_directory": "",
    "allowed_configs": "[memory_limit]",
}
"""How DuckDB is set up; the limit of its memory alone is changed later, by `rest`."""

_OURS = frozenset({"ART_INDEX", "BASE_TABLE", "IN_MEMORY_TABLE", "METADATA", "TRANSACTION"})
"""What is there while nobody asks anything."""


def rest(connection: duckdb.DuckDBPyConnection) -> bool:
    """Give back what was kept of the file, unless somebody's question is being worked at, which it would harm.

    Parameters:
        connection: to the database; nobody may begin a question, or write, meanwhile.

    Returns:
        Whether anything was given back.
    """
    cursor = connection.cursor()
    try:
        used = dict(cursor.execute("SELECT tag, memory_usage_bytes FROM duckdb_memory()").fetchall())
        kept = used.pop("BASE_TABLE", 0)
        if kept <= KEPT or any(size > 0 and tag not in _OURS for tag, size in used.items()):
            return False
        try:
            # DuckDB drops blocks until it is below a lower limit.
            with suppress(duckdb.Error):  # some are in use
                cursor.execute(f"SET memory_limit = '{sum(used.values()) + KEPT}B'")
        finally:
            cursor.execute(f"SET memory_limit = '{MEMORY}MB'")
        return True
    finally:
        cursor.close()
