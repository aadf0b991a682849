"""Reading a store that no process has open; nothing of it changes."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from tapewatch.history.store.contract import Reader, State
from tapewatch.history.store.engine import Engine
from tapewatch.history.store.failures import missing, opening
from tapewatch.history.store.journal import Journal
from tapewatch.history.store.latest import known
from tapewatch.history.store.reading import LocalReader
from tapewatch.history.store.replaying import replay

__all__ = ["look_into"]


def look_into(path: Path) -> Reader:
    """A reader of a file, and of the journal that a killed process may have left beside it.

    Parameters:
        path: the file.

    Raises:
        ProblemsError: it is not there, cannot be read, or a process has it open for writing.
    """
    if not path.exists():
        raise missing(path)
    engine, journal = Engine(path, read_only=True), Journal(path)
    try:
        ((applied,),) = engine.connection.execute("SELECT applied FROM store.progress").fetchall()
        left = [chunk for chunk in journal.chunks() if chunk > applied]
        replay(engine, journal, left, max(left, default=0), known(engine))
    except (OSError, duckdb.Error) as error:
        engine.close()
        raise opening(path, error) from error
    return _Looking(engine)


class _Looking(LocalReader):
    def __init__(self, engine: Engine) -> None:
        super().__init__(self._cursor, self._state_of_file)
        self._engine = engine

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self._engine.connection.cursor()
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        return cursor

    def _state_of_file(self) -> State:
        return State(False, "no process has it open", bytes=self._engine.path.stat().st_size, writer=os.getpid())

    def close(self) -> None:
        """See `Reader`."""
        self._engine.close()
