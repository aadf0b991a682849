"""Answers from the process that writes: each statement in a transaction that can only read."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import duckdb

from tapewatch.history.store.contract import ROWS, SECONDS, Answer, Cell, State
from tapewatch.history.store.failures import query
from tapewatch.history.store.rows import is_text

__all__ = ["LocalReader", "answer"]

_EXPLAIN = re.compile(
    r"(?:\s|--[^\r\n]*[\r\n])*EXPLAIN\b(?:\s+ANALYZE\b|\s*\(\s*(?:(?:ANALYZE|FORMAT\s+\w+)[\s,]*)+\))?",
    re.IGNORECASE,
)
"""What stands before the statement that is explained."""

_PLAIN = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
          "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "VARCHAR", "JSON", "MAP(VARCHAR, VARCHAR)", "DOUBLE[]",
          "BIGINT[]")  # fmt: skip
"""Types whose values are given as they are."""

_MOMENTS = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS")

_NARROW = (*_PLAIN[: _PLAIN.index("VARCHAR")], *_MOMENTS)
"""Types whose values have one size."""

CHARACTERS = 256 << 20
"""Of an answer at most: as text of JSON, a million rows of samples with their labels are 200 MB."""

BLOCK = 1 << 20
"""Characters, by the mean of those before, that are taken from DuckDB until their size is looked at."""


class LocalReader:
    """Reads what a store of this process holds.

    Parameters:
        connect: gives a cursor of the store that has everything in it that was written until now.
        state: gives how the store is.
    """

    def __init__(self, connect: Callable[[], duckdb.DuckDBPyConnection], state: Callable[[], State]) -> None:
        self._connect = connect
        self._state = state

    def sql(
        self,
        text: str,
        parameters: Sequence[Cell] | Mapping[str, Cell] = (),
        *,
        limit: int = ROWS,
        timeout: float = SECONDS,
    ) -> Answer:
        """See `Reader`."""
        try:
            cursor = self._connect()
        except duckdb.OutOfMemoryException as error:
            raise query(
                "history/too-much", "other questions use all the memory there is", "ask again in a moment"
            ) from error
        try:
            return answer(cursor, text, parameters, limit, timeout)
        finally:
            cursor.close()

    def state(self) -> State:
        """See `Reader`."""
        return self._state()

    def close(self) -> None:
        """See `Reader`."""


def answer(
    cursor: duckdb.DuckDBPyConnection, text: str, parameters: Sequence[Cell] | Mapping[str, Cell], limit: int,
    timeout: float,
) -> Answer:  # fmt: skip
    """The answer of a cursor that nobody else uses.

    Raises:
        QueryError: it is wrong, does more than read, or takes too long.
    """
    late = threading.Event()

    def stop() -> None:
        late.set()
        cursor.interrupt()

    timer = threading.Timer(timeout, stop)
    try:
        statement = _one(cursor, text)
        timer.start()
        cursor.execute(statement, parameters if isinstance(parameters, Mapping) else list(parameters))
        return _fetched(cursor, limit)
    except duckdb.Error as error:
        if late.is_set():
            raise query(
                "history/too-slow", f"no answer within {timeout:g} s", "ask for less, or give it more time"
            ) from error
        summary = " ".join(str(error).split())[:1000]
        raise query(
            "history/bad-query", summary, "`DESCRIBE trading_metrics` lists columns, `SHOW TABLES` tables"
        ) from error
    finally:
        timer.cancel()


def _one(cursor: duckdb.DuckDBPyConnection, text: str) -> duckdb.Statement:
    """The statement of a text; SHOW, DESCRIBE, SUMMARIZE, FROM and VALUES are SELECTs to DuckDB."""
    if not is_text(text):
        raise query("history/bad-query", "it is no text in UTF-8", "write it in UTF-8")
    statements = cursor.extract_statements(text)
    if len(statements) != 1:
        raise query("history/bad-query", f"{len(statements)} statements were given", "give one at a time")
    what = statements[0].type
    if what is duckdb.StatementType.EXPLAIN:
        what = _explained(cursor, text)
    if what is not duckdb.StatementType.SELECT:
        raise query(
            "history/not-reading", f"{what.name} does more than read", "write SELECT, WITH, EXPLAIN, SHOW or DESCRIBE"
        )
    return statements[0]


def _explained(cursor: duckdb.DuckDBPyConnection, text: str) -> duckdb.StatementType:
    """What is explained: EXPLAIN ANALYZE runs it, and a COPY, say, is kept back by no transaction that only reads."""
    words = _EXPLAIN.match(text)
    inner = cursor.extract_statements(text[words.end() :]) if words else []
    return inner[0].type if len(inner) == 1 else duckdb.StatementType.EXPLAIN


def _fetched(cursor: duckdb.DuckDBPyConnection, limit: int) -> Answer:
    described = cursor.description or []
    types = [str(each[1]) for each in described]
    rows = _taken(cursor, limit + 1, [number for number, kind in enumerate(types) if kind not in _NARROW])
    truncated = len(rows) > limit
    del rows[limit:]
    changed = [number for number, kind in enumerate(types) if kind not in _PLAIN]
    if rows and changed:
        columns: list[Iterable[Cell]] = list(zip(*rows, strict=True))
        for number in changed:
            columns[number] = _in_utc(columns[number]) if types[number] in _MOMENTS else map(plain, columns[number])
        rows = list(zip(*columns, strict=True))
    return Answer(tuple(each[0] for each in described), tuple(types), rows, truncated)


def _taken(cursor: duckdb.DuckDBPyConnection, most: int, wide: Sequence[int]) -> list[tuple[Cell, ...]]:
    """Rows of the answer, as long as they are not more than the memory of a process that has other work should hold."""
    if not wide:
        found: list[tuple[Cell, ...]] = cursor.fetchmany(most)
        return found
    rows: list[tuple[Cell, ...]] = []
    size, step = 0, 1
    while block := cursor.fetchmany(min(step, most - len(rows))):
        rows += block
        size += sum(_size(row[number]) for row in block for number in wide)
        if size > CHARACTERS:
            raise query(
                "history/too-much", f"the answer has more than {CHARACTERS >> 20} MB", "ask for fewer rows or columns"
            )
        step = max(1, BLOCK * len(rows) // (size + 1))
    return rows


def _size(value: Cell) -> int:
    """Characters, more or less; a list of numbers is not looked through."""
    match value:
        case str() | bytes() | bytearray():
            return len(value)
        case dict():
            return sum(_size(key) + _size(each) for key, each in value.items())
        case [first, *_] if isinstance(first, str | bytes | list | dict | tuple):
            return sum(map(_size, value))
        case list() | tuple():
            return 8 * len(value)
    return 8


def _in_utc(column: Iterable[Any]) -> Iterable[Cell]:
    """Each moment is changed once: an answer has the same ones for many series."""
    known: dict[datetime | None, datetime | None] = {None: None}
    for moment in column:
        if moment not in known:
            # Years that Python does not know come as text.
            known[moment] = moment.replace(tzinfo=UTC) if isinstance(moment, datetime) else moment
        yield known[moment]


def plain(value: Any) -> Cell:
    """A value as readers give it, in this process and in others."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return float(value)
        case UUID():
            return str(value)
        case bytes() | bytearray():
            return value.hex()
        case dict():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
    return str(value)
