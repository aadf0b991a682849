"""Rows of collectors and events as the journal and the tables take them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tapewatch.history.samples import Scrape
from tapewatch.history.store.failures import bad_row
from tapewatch_sdk.collectors import Column, ColumnType, Row, Table
from tapewatch_sdk.events import TRADE_TYPES, Event

__all__ = ["ORDER", "check_scrape", "columns_of", "event_of", "is_text", "merged", "microseconds"]

TIMES = (-62_135_596_800, 253_370_764_800)
"""Unix time in seconds from which and until which samples are taken: the years 1 to 9998, as Python's moments are."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ORDER = (
    "trade_id", "timestamp", "symbol", "side", "quantity", "price", "latency_ms", "slippage_bps", "strategy", "status",
    "reason",
)  # fmt: skip
"""The columns of `orders`."""

_STATUS = {"TRADE_SUBMITTED": "submitted", "TRADE_FILLED": "filled", "TRADE_REJECTED": "rejected"}


def microseconds(moment: datetime) -> int:
    """A moment as DuckDB's TIMESTAMP counts; one without a zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def columns_of(rows: Sequence[Row], tables: Mapping[str, Table], at: int) -> dict[str, list[list[Any]]]:
    """Rows by table, as values of each column; of rows with one key the last one.

    Parameters:
        rows: of collectors.
        tables: that were defined.
        at: the timestamp of rows without one, in microseconds.

    Raises:
        ProblemsError: a row does not fit.
    """
    found: dict[str, dict[Any, list[Any]]] = {}
    for number, row in enumerate(rows):
        table = tables.get(row.table)
        if table is None:
            raise bad_row(row.table, f"the table {row.table} was never defined")
        values = _values(row, table, at)
        names = [each.name for each in table.columns]
        key = tuple(values[names.index(name)] for name in table.key) if table.key else number
        if bare := next((name for name in table.key if values[names.index(name)] is None), None):
            raise bad_row(table.name, f"a row of the table {table.name} has no {bare}, which is in its key")
        found.setdefault(row.table, {})[key] = values
    return {name: [list(each) for each in zip(*those.values(), strict=True)] for name, those in found.items()}


def _values(row: Row, table: Table, at: int) -> list[Any]:
    names = {each.name for each in table.columns}
    if unknown := next((name for name in row.values if name not in names), None):
        raise bad_row(table.name, f"the table {table.name} has no column {unknown}")
    values = [_value(table.name, column, row.values.get(column.name)) for column in table.columns]
    if values[0] is None and table.columns[0].type is ColumnType.TIMESTAMP:
        values[0] = at
    return values


def _value(table: str, column: Column, value: Any) -> Any:
    match column.type, value:
        case _, None:
            return None
        case ColumnType.BOOLEAN, bool():
            return value
        case (_, bool()):
            pass
        case ColumnType.TIMESTAMP, datetime():
            return microseconds(value)
        case ColumnType.VARCHAR, str() if is_text(value):
            return value
        case ColumnType.DOUBLE, float() | int() if (found := _float(value)) is not None:
            return found
        case ColumnType.BIGINT, int() if -(2**63) <= value < 2**63:
            return value
    raise bad_row(table, f"{table}.{column.name} is a {column.type}, and got {value!r:.80}")


def check_scrape(scrape: Scrape, is_known: bool) -> None:
    """What is in the journal must fit into memory, now and at every start, so it is looked at before.

    Parameters:
        scrape: of a batch.
        is_known: its series and labels are those that its target had before, and were looked at then.

    Raises:
        ProblemsError: its moment or a text of it cannot be stored.
    """
    if not TIMES[0] <= scrape.at < TIMES[1]:
        raise bad_row("samples", f"{scrape.at} is no moment at which a target can have been asked")
    texts = [scrape.service, scrape.target, scrape.error]
    if not is_known:
        pairs = [*scrape.labels, *(pair for each in scrape.layout.series for pair in each.labels)]
        texts += [*(each.name for each in scrape.layout.series), *(text for pair in pairs for text in pair)]
    if bad := next((each for each in texts if not is_text(each)), None):
        raise bad_row("scrapes", f"{bad!a:.80} is no text in Unicode")


def is_text(value: str) -> bool:
    """Whether UTF-8 has it; Python's texts may hold half a character, which neither the file nor JSON can."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _float(value: float) -> float | None:
    """The number as a float; None for an int that none can hold."""
    try:
        return float(value)
    except OverflowError:
        return None


def event_of(event: Event) -> dict[str, Any]:
    """An event as its row."""
    plain = event.to_dict()
    return plain | {"timestamp": microseconds(event.timestamp), "data": json.dumps(plain["data"], allow_nan=False)}


def merged(events: Iterable[Event], known: Mapping[str, Sequence[Any]]) -> list[list[Any]]:
    """The rows of the orders that events tell of.

    What an event leaves out stays as an earlier one said; an order that was filled or rejected does not become
    submitted again when that event comes late.

    Parameters:
        events: in the order in which they came.
        known: the rows that are there, by `trade_id`.
    """
    found: dict[str, list[Any]] = {}
    for event in events:
        if event.event_type not in TRADE_TYPES:
            continue
        new = _order(event)
        old = found.get(new[0]) or known.get(new[0])
        if old is not None:
            newest, other = (old, new) if new[9] == "submitted" and old[9] != "submitted" else (new, old)
            new = [there if there is not None else older for there, older in zip(newest, other, strict=True)]
        found[new[0]] = new
    return list(found.values())


def _order(event: Event) -> list[Any]:
    data = event.to_dict()["data"]
    texts = {
        name: None if data.get(name) in (None, "") else str(data[name])
        for name in ("symbol", "side", "strategy", "reason")
    }
    numbers = [_number(data.get(name)) for name in ("quantity", "price", "latency_ms", "slippage_bps")]
    return [
        str(data.get("trade_id") or event.id), microseconds(event.timestamp), texts["symbol"], texts["side"], *numbers,
        texts["strategy"], _STATUS[event.event_type], texts["reason"],
    ]  # fmt: skip


def _number(value: Any) -> float | None:
    """A number, also one that JSON carries as text; None for everything else."""
    try:
        found = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None
