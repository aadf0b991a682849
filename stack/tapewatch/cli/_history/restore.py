"""`tapewatch history restore`."""

from __future__ import annotations

from pathlib import Path

import click

from tapewatch.cli._history._store import counts, store_options

__all__ = ["command"]


@click.command("restore")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@store_options
def command(folder: Path, project: Path, database: Path) -> None:
    """Take over what the export in FOLDER has and the store has not; the store is made if it is not there.

    No process may have the store open. A damaged export is refused whole. Doing it twice changes nothing more.

    \b
    Examples:
      tapewatch history restore backup
      tapewatch history restore backup --database another.duckdb
    """
    from tapewatch.history.store import Store

    counts(Store.restore(project / database, folder), "restored")
