"""`tapewatch history retain`."""

from __future__ import annotations

from pathlib import Path

import click

from tapewatch.cli._history._store import ask, counts, store_options

__all__ = ["command"]


@click.command("retain")
@store_options
@click.option("--keep", metavar="NAME=PERIOD", multiple=True, help="Keep this for so long; may be given several times.")
def command(project: Path, database: Path, keep: tuple[str, ...]) -> None:
    """Remove what is older than it is kept for. `tapewatch history serve` does this by itself.

    NAME is samples, 1m, 5m, 1h, candles, scrapes, events, audit, collected or a collector's table; PERIOD a number of
    h, d, w or y. Without --keep the defaults hold, or those of the process that has the store open.

    \b
    Examples:
      tapewatch history retain
      tapewatch history retain --keep samples=2d --keep market_data=1y
    """
    from tapewatch.history.store import Store
    from tapewatch.history.store.failures import missing
    from tapewatch.history.store.retention import Retention

    path, retention = project / database, Retention.parse(keep)
    answer = ask(path, "retain", keep=keep)
    if answer is not None:
        rows = answer["rows"]
    elif not path.exists():
        raise missing(path)
    else:
        with Store.open(path) as store:
            rows = store.retain(retention)
    counts(rows, "removed")
