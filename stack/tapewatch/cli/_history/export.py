"""`tapewatch history export`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tapewatch.cli._history._store import ask, counts, moment, store_options

__all__ = ["command"]


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@store_options
@click.option("--table", "tables", metavar="NAME", multiple=True, help="Only this one; may be given several times.")
@click.option("--start", metavar="TIME", callback=moment, help="Only rows from then on, such as 2026-11-20, in UTC.")
@click.option("--end", metavar="TIME", callback=moment, help="Only rows before this time.")
def command(
    folder: Path, project: Path, database: Path, tables: tuple[str, ...], start: datetime | None, end: datetime | None
) -> None:
    """Write the history to FOLDER, as Parquet files with a manifest. FOLDER is there when it is whole, never before.

    \b
    Examples:
      tapewatch history export backup
      tapewatch history export november --start 2026-11-01 --end 2026-12-01
      tapewatch history export audit --table events --table orders
    """
    from tapewatch.history.store import Store
    from tapewatch.history.store.failures import missing

    path, folder = project / database, folder.absolute()
    answer = ask(path, "export", folder=str(folder), tables=tables, start=start, end=end)
    if answer is not None:
        rows = answer["rows"]
    elif not path.exists():
        raise missing(path)
    else:
        with Store.open(path) as store:
            rows = store.export(folder, tables=tables, start=start, end=end)
    counts(rows, "exported")
