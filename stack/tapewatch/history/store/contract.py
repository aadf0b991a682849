"""What the store takes and gives: batches in, answers out, and how it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from tapewatch.history.samples import Scrape
from tapewatch_sdk.collectors import Row
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import Event

__all__ = [
    "ROWS",
    "SECONDS",
    "Answer",
    "Batch",
    "Cell",
    "QueryError",
    "Reader",
    "State",
    "StoreFullError",
    "StoreGoneError",
    "Written",
]

Cell: TypeAlias = Any
"""A value of an answer: None, bool, int, float, str, a datetime in UTC, or a list or dict of those."""

ROWS = 100_000
"""Rows of an answer at most, unless a question says otherwise; some 20 MB as JSON."""

SECONDS = 10.0
"""How long a question may take, unless it says otherwise; a hundred times what the slowest typed one needs."""


class StoreFullError(ProblemsError):
    """Nothing can be written just now, because the disk is full; readers go on, and writing resumes by itself."""


class StoreGoneError(ProblemsError):
    """Nobody answers for the store: the process that has it open ended, or never was there."""


class QueryError(ProblemsError):
    """A question that cannot be answered: wrong SQL, more than reading, or over its limit of time."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written in one transaction: all of it or nothing.

    Parameters:
        scrapes: samples, by target; one that is down brings none.
        rows: for tables that were defined.
        events: an event whose id is there already is left out.
        at: Unix time in seconds for rows without a `timestamp`; the present unless given.
    """

    scrapes: Sequence[Scrape] = ()
    rows: Sequence[Row] = ()
    events: Sequence[Event] = ()
    at: float | None = None

    @property
    def size(self) -> int:
        """How many samples, rows and events it holds."""
        return sum(len(scrape.values) for scrape in self.scrapes) + len(self.rows) + len(self.events)


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch brought; it is on disk.

    Parameters:
        samples, rows: how many were stored.
        events: those that were new, in the order in which they came.
    """

    samples: int = 0
    rows: int = 0
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """How the store is.

    Parameters:
        writing: whether batches are taken.
        reason: why not, in words; empty while they are.
        samples_per_second: over the last ten seconds or so.
        samples: stored since the store was opened.
        bytes: of the file and what lies beside it on disk.
        writer: the process that writes.
    """

    writing: bool = True
    reason: str = ""
    samples_per_second: float = 0.0
    samples: int = 0
    bytes: int = 0
    writer: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question.

    Parameters:
        columns: their names.
        types: DuckDB's names of their types.
        rows: at most as many as were asked for.
        truncated: whether there were more.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    truncated: bool = False

    def dicts(self) -> list[dict[str, Cell]]:
        """The rows by column; of several columns of one name the later ones are called `name_1`, `name_2`."""
        names: dict[str, None] = {}
        for column in self.columns:
            called = (column, *(f"{column}_{number}" for number in range(1, len(self.columns))))
            names[next(each for each in called if each not in names)] = None
        return [dict(zip(names, row, strict=True)) for row in self.rows]


class Reader(Protocol):
    """Reads a store, from any thread, in the process that writes or in another; never holds the writer up."""

    def sql(
        self,
        text: str,
        parameters: Sequence[Cell] | Mapping[str, Cell] = (),
        *,
        limit: int = ROWS,
        timeout: float = SECONDS,
    ) -> Answer:
        """The answer to one statement that reads (SELECT, WITH, EXPLAIN, SHOW, DESCRIBE).

        Parameters:
            text: the statement, with `?` or `$name` for parameters.
            parameters: their values.
            limit: rows that are given at most.
            timeout: seconds after which it is interrupted.

        Raises:
            QueryError: it is wrong, does more than read, or takes too long.
            StoreGoneError: nobody answers for the store.
        """
        ...

    def state(self) -> State:
        """How the store is.

        Raises:
            StoreGoneError: nobody answers for the store.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds; it is not used afterwards."""
        ...
