"""The table of services that `up` and `status` print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapewatch.running.status import Row

__all__ = ["ago", "rows_as_text"]

_HEAD = ("SERVICE", "STATE", "VERSION", "SINCE", "URL")
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def rows_as_text(rows: Sequence[Row], now: datetime | None = None) -> str:
    """The services as a table, with a line below for each that runs another version than its image's tag promises."""
    now = now or datetime.now(UTC)
    cells = [_HEAD, *(_cells(row, now) for row in rows)]
    widths = [max(len(each[column]) for each in cells) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(each, widths, strict=True)).rstrip() for each in cells]
    return "".join(f"{line}\n" for line in (*lines, *_notes(rows)))


def ago(since: datetime, now: datetime) -> str:
    """How long something has lasted, in its largest unit: `12 s`, `3 min`, `2 h`, `5 d`."""
    seconds = max(0, int((now - since).total_seconds()))
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _cells(row: Row, now: datetime) -> tuple[str, ...]:
    version = f"{row.version} stand-in" if row.stand_in else row.version
    return row.name, str(row.state), version, ago(row.since, now) if row.since else "", row.url


def _notes(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        if row.version and row.pinned and row.version != row.pinned:
            yield f"{row.name} runs {row.version}; {row.image} promises {row.pinned}"
