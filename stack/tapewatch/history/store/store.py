"""The store: one DuckDB file with one writer and any number of readers."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path

import duckdb

from tapewatch.history.store.contract import Batch, Reader, State, Written
from tapewatch.history.store.engine import Engine
from tapewatch.history.store.failures import clash
from tapewatch.history.store.keeping import Keeper
from tapewatch.history.store.reading import LocalReader
from tapewatch.history.store.restoring import looked_through, restore
from tapewatch.history.store.retention import Retention
from tapewatch.history.store.serving import Server
from tapewatch.history.store.wire import socket_of
from tapewatch.history.store.works import works
from tapewatch_sdk.collectors import Table
from tapewatch_sdk.errors import ProblemsError

__all__ = ["BATCH_SIZE", "WRITE_INTERVAL", "Store"]

BATCH_SIZE = 100
"""Samples, rows and events that are grouped into one transaction before the interval is over (`BATCH_SIZE`)."""

WRITE_INTERVAL = 1.0
"""Seconds that what was handed in may wait for more (`WRITE_INTERVAL`)."""

CHUNK_SECONDS = 300
"""How long samples stay in memory: some 200,000 of the sample platform, 5 MB, and one bucket of 5 minutes each."""

CHUNK_SAMPLES = 500_000
"""Samples after which they do not stay any longer; 10 MB."""

RETAIN_SECONDS = 600
"""How often what is too old is looked for."""

_PLAIN = re.compile(r"[a-z][a-z0-9_]{0,62}")

_log = logging.getLogger("tapewatch.history.store")


class Store:
    """An open store; `close` it, or use it in a `with` statement.

    Parameters:
        path, batch_size, write_interval, retention: see `open`.
    """

    def __init__(self, path: Path, batch_size: int, write_interval: float, retention: Retention) -> None:
        self.path, self._retention = path, retention
        self._size, self._interval = batch_size, write_interval
        self._keeper = Keeper(path)
        self._handed: list[tuple[Batch, Future[Written]]] = []
        self._wake = threading.Condition()
        self._ending = threading.Event()
        self._rates: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=11)
        self._server: Server | None = None
        self._threads = [
            threading.Thread(target=each, name=f"store {name}", daemon=True)
            for name, each in (("writer", self._write_on), ("mover", self._move_on))
        ]
        for thread in self._threads:
            thread.start()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        batch_size: int = BATCH_SIZE,
        write_interval: float = WRITE_INTERVAL,
        retention: Retention | None = None,
    ) -> Store:
        """Open the file, or make it, for this process alone.

        Parameters:
            path: the file; its folder is made, for this user alone, if it is not there.
            batch_size: how much `submit` gathers before it writes.
            write_interval: seconds after which `submit` writes in any case.
            retention: how long what is kept; `retention.DEFAULTS` unless given.

        Raises:
            ProblemsError: it is no store, a newer one, damaged, or another process has it open.
        """
        return cls(path, batch_size, write_interval, retention or Retention())

    def define(self, tables: Sequence[Table]) -> None:
        """Make the tables of collectors, where they are not there.

        Raises:
            ProblemsError: a table is there with other columns, or its name is taken.
        """
        for table in tables:
            if bad := next((each for each in _names(table) if not _PLAIN.fullmatch(each)), None):
                raise clash(table.name, f"`{bad}` is no plain SQL name in lower case")
            if wrong := _misshapen(table):
                raise clash(table.name, f"the table {table.name} {wrong}", "mend its columns and its key")
            known = self._keeper.engine.tables.get(table.name)
            if known == table:
                continue
            if known is not None:
                raise clash(table.name, f"the table {table.name} is there with other columns or another key")
            # Looked up before: a table that is in the file and cannot be shown would keep the store from ever opening.
            if self._keeper.engine.has(table.name):
                raise clash(table.name, f"the name {table.name} is taken")
            try:
                self._keeper.define(table)
            except duckdb.CatalogException as error:
                raise clash(table.name, f"the name {table.name} is taken: {str(error).splitlines()[0]}") from error

    def write(self, batch: Batch) -> Written:
        """Write a batch in a transaction of its own; it is on disk when this returns.

        Raises:
            StoreFullError: the disk is full; nothing of the batch was written.
            ProblemsError: a row's table was never defined; nothing of the batch was written.
        """
        (written,) = self._keeper.write([batch])
        if isinstance(written, ProblemsError):
            raise written
        return written

    def submit(self, batch: Batch) -> Future[Written]:
        """Hand a batch to the writer's thread, which groups what comes in.

        Returns:
            Done when the batch is on disk; raises what `write` does.
        """
        future: Future[Written] = Future()
        with self._wake:
            self._handed.append((batch, future))
            self._wake.notify()
        return future

    @property
    def state(self) -> State:
        """How the store is; costs next to nothing."""
        keeper = self._keeper
        since, before = self._rates[0]
        rate = (keeper.samples - before) / max(time.monotonic() - since, 1.0)
        return State(not keeper.reason, keeper.reason, rate, keeper.samples, self._bytes(), os.getpid())

    def reader(self) -> Reader:
        """A reader in this process; close it after use."""
        return LocalReader(self._keeper.cursor, lambda: self.state)

    def serve(self, socket: Path | None = None) -> Path:
        """Answer other processes of this user at a socket (see `connect`) until the store is closed.

        Parameters:
            socket: where; `socket_of` the file unless given.

        Raises:
            OSError: the socket cannot be made.
        """
        self._server = Server(socket or socket_of(self.path), self.reader(), works(self))
        return self._server.path

    def flush(self) -> None:
        """Put into the DuckDB file what is in memory and in the journal; nothing has to wait for it to be safe.

        Raises:
            StoreFullError: there is no room.
        """
        self._keeper.turn()

    def retain(self, retention: Retention | None = None) -> dict[str, int]:
        """Remove what is older than it is kept for; this happens by itself every ten minutes.

        Parameters:
            retention: how long what is kept; as given to `open` if None.

        Returns:
            How many rows were removed, by table.

        Raises:
            ProblemsError: what is given names something that there is not; nothing was removed.
        """
        if retention is not None:
            retention.check(self._keeper.engine.tables)
        return self._keeper.retain(retention or self._retention)

    def compact(self) -> tuple[int, int]:
        """Make the file smaller, while batches are written and questions answered.

        Returns:
            Its size in bytes before and after.

        Raises:
            StoreFullError: there is no room for the second file that this needs for a while.
        """
        return self._keeper.compact()

    def export(
        self,
        folder: Path,
        *,
        tables: Sequence[str] = (),
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> dict[str, int]:
        """Write everything to a new folder as Parquet files, as it is at this moment.

        Parameters:
            folder: is made; it must not exist.
            tables: only these; all unless given.
            start, end: only rows of this range of time, without its end; in UTC.

        Returns:
            How many rows, by table.

        Raises:
            ProblemsError: the folder exists or cannot be written, or there is no such table.
        """
        return self._keeper.export(folder, tables, start, end)

    @classmethod
    def restore(cls, path: Path, folder: Path) -> dict[str, int]:
        """Take over what an export has and a store has not; no other process may have the store open.

        Parameters:
            path: of the store, which is made if it is not there.
            folder: of the export.

        Returns:
            How many rows were taken over, by table.

        Raises:
            ProblemsError: the store cannot be opened, or the export is damaged; nothing was restored.
        """
        manifest = looked_through(folder)
        Keeper(path).close(keep=False)  # what is in the journal belongs into the file first
        engine = Engine(path, open_world=True)
        try:
            return restore(engine, folder, manifest)
        finally:
            engine.close()

    def close(self) -> None:
        """Write what was handed in, and let the file go."""
        if self._ending.is_set():
            return
        self._ending.set()
        if self._server is not None:
            self._server.close()
        with self._wake:
            self._wake.notify_all()
        for thread in self._threads:
            thread.join()
        self._keeper.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _bytes(self) -> int:
        total = 0
        for each in (self.path, *self.path.parent.glob(f"{self.path.name}.journal-*")):
            try:
                total += each.stat().st_blocks * 512
            except FileNotFoundError:
                continue  # it was moved just now
        return total

    def _write_on(self) -> None:
        """Group what is handed in, and put into memory what was written."""
        while True:
            with self._wake:
                until = time.monotonic() + self._interval
                while not self._ending.is_set() and sum(batch.size for batch, _ in self._handed) < self._size:
                    left = until - time.monotonic()
                    if left <= 0:
                        break
                    self._wake.wait(left)
                handed, self._handed = self._handed, []
            if handed:
                self._write_all(handed)
            if self._ending.is_set() and not self._handed:
                return

    def _write_all(self, handed: Sequence[tuple[Batch, Future[Written]]]) -> None:
        try:
            results = self._keeper.write([batch for batch, _ in handed])
        except Exception as error:  # noqa: BLE001 -- told to each who waits
            for _, future in handed:
                future.set_exception(error)
            return
        for (_, future), result in zip(handed, results, strict=True):
            if isinstance(result, ProblemsError):
                future.set_exception(result)
            else:
                future.set_result(result)

    def _move_on(self) -> None:
        self._chunk_began = self._retained = time.time()
        while not self._ending.wait(1.0):
            self._rates.append((time.monotonic(), self._keeper.samples))
            try:
                self._tend(time.time())
            except Exception:  # noqa: BLE001 -- whatever it is, without this thread memory would fill
                _log.warning("the history stays in the journal for now", exc_info=True)

    def _tend(self, now: float) -> None:
        keeper = self._keeper
        keeper.settle()
        if keeper.reason:
            keeper.probe()
        if now // CHUNK_SECONDS != self._chunk_began // CHUNK_SECONDS or keeper.waiting >= CHUNK_SAMPLES:
            self._chunk_began = now
            keeper.turn()
        if now - self._retained >= RETAIN_SECONDS:
            self._retained = now
            self.retain()


def _misshapen(table: Table) -> str:
    """Why no table can be made of it; empty if one can."""
    names, key = [column.name for column in table.columns], table.key
    if not names:
        return "has no columns"
    if twice := next((each for each in (*names, *key) if names.count(each) > 1 or key.count(each) > 1), None):
        return f"has `{twice}` twice"
    lacking = next((each for each in key if each not in names), None)
    return f"has no column `{lacking}`, which is in its key" if lacking else ""


def _names(table: Table) -> list[str]:
    return [table.name, *(column.name for column in table.columns)]
