"""`tapewatch history compact`."""

from __future__ import annotations

from pathlib import Path

import click

from tapewatch.cli._history._store import ask, store_options

__all__ = ["command"]


@click.command("compact")
@store_options
def command(project: Path, database: Path) -> None:
    """Make the store's file as small as it can be; for a while a second one lies beside it.

    Whoever has the store open goes on writing and answering meanwhile.

    \b
    Examples:
      tapewatch history compact
    """
    from tapewatch.history.store import Store
    from tapewatch.history.store.failures import missing

    path = project / database
    answer = ask(path, "compact")
    if answer is not None:
        before, after = answer["before"], answer["after"]
    elif not path.exists():
        raise missing(path)
    else:
        with Store.open(path) as store:
            before, after = store.compact()
    click.echo(f"{before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now")
