"""The contract of a collector: what a package implements to keep samples in tables of its own in the history.

The bridge scrapes every service, once a second by default, and hands each collector the samples that it asked for; the
rows that come back are written in one transaction with the samples themselves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tapewatch_sdk.contract import API_VERSION

__all__ = ["Collector", "Column", "ColumnType", "Cycle", "Reading", "Row", "Table", "Value"]

Value = datetime | str | float | int | bool | None
"""What a column holds; None is NULL: what no service supplies is never made up."""


class ColumnType(StrEnum):
    """The types of columns, by their names in DuckDB."""

    TIMESTAMP = "TIMESTAMP"
    VARCHAR = "VARCHAR"
    DOUBLE = "DOUBLE"
    BIGINT = "BIGINT"
    BOOLEAN = "BOOLEAN"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Parameters:
        name: a plain SQL name in lower case.
        type: what it holds. A timestamp is in UTC.
    """

    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the history.

    Parameters:
        name: a plain SQL name in lower case that no other collector uses.
        columns: its columns; the first one is `timestamp`.
        key: the columns by which a row is told from others; a row whose key is there already takes its place. Without
            a key every row is kept.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One value that a service exposed.

    Parameters:
        service: the service it was scraped from.
        labels: the labels that the service set; with `le` for a histogram's bucket.
        value: the value; may be NaN or infinite.
    """

    service: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Cycle:
    """What one round of scrapes brought.

    Parameters:
        timestamp: when it began, in UTC.
        readings: by the name that is exposed (`market_data_price`, `execution_fill_latency_ms_count`); of the names
            that the collector reads those that were there.
        up: every service -> whether it answered. A service that is down has no readings.
    """

    timestamp: datetime
    readings: Mapping[str, Sequence[Reading]]
    up: Mapping[str, bool] = field(default_factory=dict)

    def of(self, name: str) -> Iterator[Reading]:
        """The readings of a name; none if nobody exposes it."""
        yield from self.readings.get(name, ())

    def total(self, name: str) -> float | None:
        """The sum of all readings of a name; None if there are none."""
        values = [reading.value for reading in self.of(name)]
        return sum(values) if values else None


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Parameters:
        table: the name of one of the collector's tables.
        values: by column; what is left out is NULL, and `timestamp` is the cycle's.
    """

    table: str
    values: Mapping[str, Value]


class Collector(ABC):
    """Turns samples into rows of its own tables. One instance lives as long as the bridge, and may remember.

    A collector that raises is named, and its rows of that cycle are left out; no other loses any.
    """

    name: ClassVar[str]
    """Unique among the collectors."""
    api_version: ClassVar[int] = API_VERSION
    """The version of the contract that it was written for."""
    reads: ClassVar[tuple[str, ...]]
    """The names of samples that it wants, as they are exposed."""
    tables: ClassVar[tuple[Table, ...]]
    """The tables that it fills; they are created when they are not there."""

    @abstractmethod
    def collect(self, cycle: Cycle) -> Iterable[Row]:
        """The rows of one cycle. Called once a second, in one thread; it does no I/O."""
