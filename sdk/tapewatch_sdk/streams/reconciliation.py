"""What was received against what was written, table by table."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple

from tapewatch_sdk.streams._locked import Locked

__all__ = ["Reconciliation", "TableCount"]

LOG = logging.getLogger("tapewatch_sdk.streams")


class TableCount(NamedTuple):
    """How much of what was meant for a table is in it.

    Parameters:
        table: its name.
        received: rows that came in for it.
        written: rows that were written.
        discarded: rows that were left out on purpose, because they were wrong or came twice.
        buffered: rows that wait in buffers.
        complete: whether every buffer said what it holds; where one raised, `missing` may be too high.
    """

    table: str
    received: int = 0
    written: int = 0
    discarded: int = 0
    buffered: int = 0
    complete: bool = True

    @property
    def missing(self) -> int:
        """Rows that came in and are nowhere; 0 when there are none."""
        return max(self.received - self.written - self.discarded - self.buffered, 0)

    @property
    def surplus(self) -> int:
        """Rows that are there and never came in: something was written, or counted, twice."""
        return max(self.written + self.discarded - self.received, 0)

    @property
    def ratio(self) -> float:
        """The part of what was received that is missing, from 0 to 1; 0 when nothing was."""
        return self.missing / self.received if self.received > 0 else 0.0


class _Counts:
    __slots__ = ("discarded", "received", "written")

    def __init__(self) -> None:
        self.received = self.written = self.discarded = 0


class Reconciliation(Locked):
    """Counts the rows of each table where they come in and where they are written, and says what is missing between.

    Rows that wait in a buffer are not missing: `buffered` names a function that tells how many there are. Count a row
    as received before it goes into a buffer, and as written before it leaves the buffer (or let the function count the
    batch that is being written too): then no row is ever thought missing while it is on its way.

    May be used from several threads; none of its methods raises or waits.
    """

    def __init__(self) -> None:
        super().__init__()
        self._counts: defaultdict[str, _Counts] = defaultdict(_Counts)
        self._buffers: defaultdict[str, list[Callable[[], int]]] = defaultdict(list)
        self._said: set[str] = set()

    def received(self, table: str, count: int = 1) -> None:
        """Count rows that came in for a table."""
        self._add(table, received=count)

    def written(self, table: str, count: int = 1) -> None:
        """Count rows that are in their table now."""
        self._add(table, written=count)

    def discarded(self, table: str, count: int = 1) -> None:
        """Count rows that were left out on purpose."""
        self._add(table, discarded=count)

    def _add(self, table: str, received: int = 0, written: int = 0, discarded: int = 0) -> None:
        try:
            with self._lock:
                counts = self._counts[table]
                counts.received += int(received)
                counts.written += int(written)
                counts.discarded += int(discarded)
        except Exception as error:  # noqa: BLE001 -- the code that counts goes on
            self._say_once("a count", "rows were counted with what is no table or no number", error)

    def _say_once(self, what: str, text: str, error: Exception) -> None:
        if what not in self._said:
            self._said.add(what)
            LOG.warning(f"{text}; this is not logged again", exc_info=error)

    def buffered(self, table: str, rows: Callable[[], int]) -> None:
        """Name a buffer of a table's rows; a table may have several.

        Parameters:
            table: the table.
            rows: tells how many rows it holds, as `buffer.__len__` does; called by `result`. One that raises is counted
                as empty and logged once.
        """
        with self._lock:
            self._buffers[table].append(rows)

    def result(self, table: str) -> TableCount:
        """How much of what was received for a table is in it."""
        # In the order in which rows go: what moves on meanwhile is counted twice rather than thought missing.
        with self._lock:
            received, buffers = self._of(table).received, tuple(self._buffers.get(table, ()))
        held = [self._held(table, each) for each in buffers]
        with self._lock:
            counts = self._of(table)
            return TableCount(
                table, received, counts.written, counts.discarded, sum(each or 0 for each in held), None not in held
            )

    def _of(self, table: str) -> _Counts:
        return self._counts.get(table) or _Counts()

    def results(self) -> Mapping[str, TableCount]:
        """The same for every table that was ever named, by name."""
        with self._lock:
            tables = sorted({*self._counts, *self._buffers})
        return {table: self.result(table) for table in tables}

    def _held(self, table: str, rows: Callable[[], int]) -> int | None:
        try:
            return max(int(rows()), 0)
        except Exception as error:  # noqa: BLE001 -- a buffer of the caller's may raise whatever it likes
            self._say_once(table, f"a buffer of table {table} does not say what it holds", error)
            return None
