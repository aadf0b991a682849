"""`tapewatch history sql`."""

from __future__ import annotations

import csv
import json
import math
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tapewatch.cli._history._store import reader_of, store_options

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod

    from tapewatch.history.store import Answer, Reader

__all__ = ["command"]

_ENDLESS = 1_000_000
"""Columns of what is no terminal: a line that goes to a file or a pipe is not broken."""

_NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE"}

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


@click.command("sql")
@click.argument("statement", metavar="[SQL]", default="-")
@store_options
@click.option("--format", "output", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=1_000, show_default=True, help="Rows at most.")
@click.option(
    "--timeout", type=click.FloatRange(0.01, 300), default=10.0, show_default=True, help="Seconds that it may take."
)
def command(statement: str, project: Path, database: Path, output: str, limit: int, timeout: float) -> None:
    """Ask the history in SQL: one statement that reads. Without SQL it is read from standard input.

    While `tapewatch history serve` runs, that process answers, the last second included; otherwise the file is read.

    \b
    Examples:
      tapewatch history sql "SHOW TABLES"
      tapewatch history sql "SELECT * FROM trades ORDER BY timestamp DESC LIMIT 10"
      tapewatch history sql --format csv < question.sql
    """
    reader = _reader(project / database)
    try:
        text = sys.stdin.read() if statement == "-" else statement
        answer = reader.sql(text, limit=limit, timeout=timeout)
    finally:
        reader.close()
    _PRINTERS[output](answer)
    if answer.truncated:
        click.echo(f"there are more than these {limit:,} rows; --limit gives more of them", err=True)


def _reader(path: Path) -> Reader:
    from tapewatch.history.store import look_into

    return reader_of(path) or look_into(path)


def _table(answer: Answer) -> None:
    """A line for each row; where that is too wide for the terminal, a line for each value."""
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, kind in zip(answer.columns, answer.types, strict=True):
        justify: JustifyMethod = "right" if kind in _NUMBERS else "left"
        table.add_column(Text(name), justify=justify, no_wrap=True)
    for row in answer.rows:
        table.add_row(*(Text(_shown(value)) for value in row))
    console = Console(width=_ENDLESS)
    needed = Measurement.get(console, console.options, table).maximum
    width = Console().width if sys.stdout.isatty() or "COLUMNS" in os.environ else _ENDLESS
    if needed <= width:
        Console(width=max(needed, 1)).print(table)
    else:
        _records(answer, Console(width=width))


def _records(answer: Answer, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    for number, row in enumerate(answer.rows, 1):
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in zip(answer.columns, row, strict=True):
            table.add_row(Text(name, style="bold"), Text(_shown(value)))
        console.rule(f"row {number}", align="left", characters="-", style="dim")
        console.print(table)


def _shown(value: Any) -> str:
    """As a terminal may see it: what an event or a label says must not steer it."""
    return _text(value).translate(_CONTROLS)


def _json(answer: Answer) -> None:
    rows = [{name: _plain(value) for name, value in row.items()} for row in answer.dicts()]
    click.echo(json.dumps(rows, indent=2, ensure_ascii=False))


def _csv(answer: Answer) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(map(_cells, answer.rows))


def _cells(row: tuple[Any, ...]) -> Iterator[str]:
    return map(_text, row)


_PRINTERS = {"table": _table, "json": _json, "csv": _csv}


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.15g}"
        case datetime():
            return value.replace(tzinfo=None).isoformat(" ", "milliseconds").removesuffix(".000")
        case dict() | list():
            return json.dumps(_plain(value), ensure_ascii=False)
    return str(value)


def _plain(value: Any) -> Any:
    """As JSON takes it; it has no NaN and no infinities, so they are texts."""
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
        case datetime():
            return value.isoformat()
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
    return value
