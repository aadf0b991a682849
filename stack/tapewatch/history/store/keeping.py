"""How a batch is kept: first in the journal, which makes it safe, then in memory, where it is asked for."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np

from tapewatch.history.store.compacting import compacted
from tapewatch.history.store.contract import Batch, StoreFullError, Written
from tapewatch.history.store.engine import COMPACT, Engine
from tapewatch.history.store.exporting import export
from tapewatch.history.store.failures import failed, full, is_full
from tapewatch.history.store.journal import Journal, sync_folder
from tapewatch.history.store.latest import known
from tapewatch.history.store.moving import PATIENCE, PAUSE, move, save
from tapewatch.history.store.numbering import Numbering
from tapewatch.history.store.records import Record, joined, united
from tapewatch.history.store.replaying import replay
from tapewatch.history.store.resting import rest
from tapewatch.history.store.retention import Retention, retain
from tapewatch.history.store.rows import ORDER, check_scrape, columns_of, event_of, merged
from tapewatch_sdk.collectors import Table
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import Event

__all__ = ["Keeper"]

PENDING = 50_000
"""Samples that may wait for their place in memory; as many take some 20 ms to put there."""

PROBE = 65_536
"""Bytes of room that show that a disk is not full any more: those of some ten scrapes."""


class Keeper:
    """The file, the journal and what is in memory of one store.

    Parameters:
        path: the file.

    Raises:
        ProblemsError: it cannot be opened.

    Attributes:
        reason: why nothing can be written; empty when it can.
        samples: stored since it was opened.
        waiting: samples that are in memory and not in the file yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reason = ""
        self.samples = self.waiting = 0
        self._lock = threading.Lock()  # what is written next
        self._events = threading.Lock()  # which events there are
        self._memory = threading.RLock()  # what is put into memory
        self._switch = threading.Lock()  # where readers look for a chunk
        self._moves = threading.RLock()  # what goes into the file
        self._pending: list[tuple[int, Record]] = []
        self._journal = Journal(path)
        self.engine = Engine(path)
        for each in COMPACT:  # of a compaction that was killed
            path.with_name(path.name + each).unlink(missing_ok=True)
        self._load()

    def _load(self) -> None:
        """Put into memory what the journal has; all of it counts as one chunk, which is moved next."""
        found = self.engine.connection.execute("SELECT applied FROM store.progress").fetchone()
        assert found is not None
        self._moved: int = found[0]
        self._copied = self._moved
        self._fresh = 0  # samples of the chunk that is open
        left = [chunk for chunk in self._journal.chunks() if chunk > self._moved]
        for chunk in set(self._journal.chunks()) - set(left):
            self._journal.remove(chunk)
        self._closed = max(left, default=self._moved)
        self._chunk = self._closed + 1
        self._latest = known(self.engine)
        self.waiting = replay(self.engine, self._journal, left, self._closed, self._latest)
        rows = self.engine.connection.execute(
            "SELECT id, metric_name, symbol, service, target, labels, type FROM hot.series"
        ).fetchall()
        # A damaged journal may have lost a series whose samples are there; they are not to be taken for another one's.
        last = max(self._latest.columns()["series"], default=0)
        self._numbers = Numbering(((*row[:5], list(map(list, row[5].items())), row[6]) for row in rows), int(last))
        self._begin()

    def _begin(self) -> None:
        try:
            self._journal.prepare(self._chunk)
            self._journal.begin()
        except OSError as error:
            self._refused(error)

    def define(self, table: Table) -> None:
        """Make a collector's table.

        Raises:
            duckdb.CatalogException: the name is taken.
        """
        with self._moves, self._memory:
            self.engine.define(table)

    def write(self, batches: Sequence[Batch]) -> list[Written | ProblemsError]:
        """Keep batches; they are on disk when this returns. One that does not fit holds up no other.

        Raises:
            StoreFullError: there is no room; nothing was written.
        """
        with self._events if any(batch.events for batch in batches) else nullcontext():
            record, written = Record(), list[Written | ProblemsError]()
            seen: set[str] = set()
            for batch in batches:
                try:
                    written.append(self._take(batch, record, seen))
                except ProblemsError as error:
                    written.append(error)
            with self._lock:
                self._number(batches, written, record)
                self._append(record)
            with suppress(duckdb.OutOfMemoryException):  # it is safe, and the next one who looks puts it there
                if record.events:
                    self.settle()  # so that the next batch finds these
        if sum(len(each.ids) for _, each in self._pending) > PENDING:
            with suppress(duckdb.OutOfMemoryException):
                self.settle()
        return written

    def _take(self, batch: Batch, record: Record, seen: set[str]) -> Written:
        for scrape in batch.scrapes:
            check_scrape(scrape, self._numbers.knows(scrape))
        at = round((time.time() if batch.at is None else batch.at) * 1_000_000)
        rows = columns_of(batch.rows, self.engine.tables, at) if batch.rows else {}
        events = self._new(batch.events, seen) if batch.events else []
        for name, columns in rows.items():
            have = record.rows.get(name)
            record.rows[name] = [a + b for a, b in zip(have, columns, strict=True)] if have else columns
        record.events += [event_of(event) for event in events]
        if events:
            known = {row[0]: row for row in record.orders}
            changed = merged(events, {**self._orders(events), **known})
            record.orders = list({**known, **{row[0]: row for row in changed}}.values())
        return Written(sum(len(scrape.values) for scrape in batch.scrapes), len(batch.rows), tuple(events))

    def _new(self, events: Sequence[Event], seen: set[str]) -> list[Event]:
        self.settle()
        cursor = self.engine.connection.cursor()
        ids = [event.id for event in events]
        found = cursor.execute(
            "SELECT id FROM hot.events WHERE id IN (SELECT unnest($1::VARCHAR[])) UNION ALL "
            "SELECT id FROM store.events WHERE id IN (SELECT unnest($1::VARCHAR[]))", [ids]
        ).fetchall()  # fmt: skip
        cursor.close()
        known, new = seen | {each for (each,) in found}, []
        for event in events:
            if event.id not in known:
                known.add(event.id)
                new.append(event)
        seen |= {event.id for event in new}
        return new

    def _orders(self, events: Sequence[Event]) -> dict[str, tuple[object, ...]]:
        ids = [str(event.data.get("trade_id") or event.id) for event in events]
        cursor = self.cursor()
        names = ", ".join("epoch_us(timestamp)" if name == "timestamp" else name for name in ORDER)
        found = cursor.execute(
            f"SELECT {names} FROM memory.main.orders WHERE trade_id IN (SELECT unnest($1::VARCHAR[]))", [ids]
        ).fetchall()
        cursor.close()
        return {row[0]: row for row in found}

    def _number(self, batches: Sequence[Batch], written: Sequence[Written | ProblemsError], record: Record) -> None:
        good = [batch for batch, each in zip(batches, written, strict=True) if isinstance(each, Written)]
        ids, values = [], []
        for scrape in (each for batch in good for each in batch.scrapes):
            if len(scrape.values):
                ids.append(self._numbers.of(scrape, record.series))
                values.append(scrape.values)
            error = scrape.error or ""
            record.scrapes.append(
                (round(scrape.at * 1000), len(scrape.values), scrape.service, scrape.target, scrape.duration, error)
            )
        record.ids, record.values = joined(ids, np.int32), joined(values, np.float64)

    def _append(self, record: Record) -> None:
        try:
            if not self._journal.open:
                self._journal.prepare(self._chunk)
                self._journal.begin()
            self._journal.append(record.encoded())
        except OSError as error:
            self._numbers.forget(record.series)
            self._refused(error)
            raise full(self.path, self.reason) from error
        self.reason = ""
        self._pending.append((self._chunk, record))
        self.samples += len(record.ids)
        self.waiting += len(record.ids)
        self._fresh += len(record.ids)

    def _refused(self, error: OSError) -> None:
        self.reason = "the disk is full" if is_full(error) else f"the journal: {error.strerror or error}"

    def probe(self) -> None:
        """See whether a disk that was full has room again."""
        with self._lock:
            try:
                if not self._journal.open:
                    self._journal.prepare(self._chunk)
                    self._journal.begin()
                self._journal.reserve(PROBE)
                self.reason = ""
            except OSError as error:
                self._refused(error)

    def settle(self) -> None:
        """Put into memory what was written until now.

        Raises:
            duckdb.Error: it stays where it is, and is put there the next time.
        """
        with self._memory:  # also when nothing is pending: another thread may be about to put it there
            with self._lock:
                pending, self._pending = self._pending, []
            try:
                while pending:
                    chunk = pending[0][0]
                    record = united([record for number, record in pending if number == chunk])
                    self._latest.take(record)
                    self.engine.apply(record, chunk, self._latest.columns())
                    pending = [each for each in pending if each[0] != chunk]
            finally:  # what could not be put there, for want of memory that questions use, is put there later
                with self._lock:
                    self._pending = pending + self._pending

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor in a transaction that can only read, and that sees all that was written until now."""
        self.settle()
        cursor = self.engine.connection.cursor()
        with self._switch:  # file and memory as they are at one moment
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            cursor.execute("SELECT 1 FROM store.progress, hot.moment WHERE FALSE")
        return cursor

    def turn(self) -> None:
        """Close the chunk, begin the next one, and put the closed one into the file.

        Raises:
            StoreFullError: there is no room in the file; everything stays where it is, and is readable.
        """
        with self._moves:
            self._move()
            if not self._journal.size:
                return
            following = self._chunk + 1
            try:
                self._journal.prepare(following)
            except OSError as error:
                raise full(self.path, "the disk is full") from error
            with self._lock:
                self._journal.begin()
                self._closed, self._chunk, self._fresh = self._chunk, following, 0
            self.settle()
            self._move()

    def _move(self) -> None:
        if self._closed <= self._moved:
            return
        self._room()
        try:
            if self._closed > self._copied:
                self.settle()  # all of the chunk, as its journal goes
                move(self.engine, self._closed, self._exclusive())
                self._copied = self._closed
            save(self.engine)
        except (duckdb.TransactionException, duckdb.OutOfMemoryException):
            raise  # nothing is lost; the next turn tries again
        except duckdb.Error as error:
            self._recover()
            if is_full(error):
                raise full(self.path, "the disk is full") from error
            raise
        for chunk in range(self._moved, self._closed + 1):
            self._journal.remove(chunk)
        self._moved = self._closed
        with self._lock:
            self.waiting = self._fresh
        rest(self.engine.connection)

    def _recover(self) -> None:
        """Open the file anew after DuckDB gave it up in the middle of writing; the journal has what it lacks."""
        with self._exclusive():
            self.engine.close()
            deadline = time.monotonic() + PATIENCE
            while True:  # until the last query that still runs has let the old one go
                try:
                    self.engine = Engine(self.path)
                    break
                except ProblemsError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(PAUSE)
            with self._lock:
                self._pending = []
                self._journal.close()
                self._load()

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self._memory, self._switch:
            yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What somebody asked for and DuckDB could not do, as a problem."""
        try:
            yield
        except duckdb.Error as error:
            raise failed(self.path, error) from error

    def _room(self) -> None:
        """DuckDB copes badly with a disk that becomes full under it, so it is not asked to write to one."""
        disk = os.statvfs(self.path.parent)
        if disk.f_bavail * disk.f_frsize < 4 * self.waiting + (2 << 20):
            raise full(self.path, "the disk is full")

    def retain(self, retention: Retention) -> dict[str, int]:
        """Remove what is older than it is kept for; see `retention.retain`."""
        with self._moves, self._told():
            self.turn()
            return retain(self.engine, retention)

    def export(
        self, folder: Path, tables: Sequence[str], start: datetime | None, end: datetime | None
    ) -> dict[str, int]:
        """Write what is there to a folder; see `exporting.export`."""
        with self._moves, self._told():
            self.turn()
            return export(self.engine, folder, tables=tables, start=start, end=end)

    def compact(self) -> tuple[int, int]:
        """Make the file smaller.

        Returns:
            Its size in bytes before and after.

        Raises:
            StoreFullError: there is no room for a second file; nothing changed.
            ProblemsError: the file cannot be read whole; nothing changed.
        """
        with self._moves, self._told():
            self.turn()
            before = self.path.stat().st_size
            disk = os.statvfs(self.path.parent)
            if disk.f_bavail * disk.f_frsize < before + (2 << 20):
                raise full(self.path, "there is no room for a second file while the first one is copied")
            fresh = compacted(self.engine)
            with self._exclusive():
                old, self.engine = self.engine, Engine(self.path, fresh=fresh)
                self.engine.know_targets(old)
                fresh.replace(self.path)
                sync_folder(self.path.parent)
                with self._lock:  # what waits for its place in memory is in the journal too
                    until, self._pending = self._journal.size, []
                for body, offset in self._journal.read(self._chunk):
                    if offset <= until:
                        self.engine.apply(Record.decoded(body), self._chunk, self._latest.columns())
            old.close()
            return before, self.path.stat().st_size

    def close(self, *, keep: bool = True) -> None:
        """Put everything into the file, and let it go.

        Parameters:
            keep: leave what cannot be put there in the journal without a word; it is read at the next start.
        """
        try:
            self.turn()
            if self._journal.open and not self._journal.size:
                self._journal.remove(self._chunk)
        except (StoreFullError, duckdb.Error):
            if not keep:
                raise
        finally:
            self._journal.close()
            self.engine.close()
