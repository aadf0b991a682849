"""`tapewatch drill disaster`."""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tapewatch.cli._common import FINDINGS
from tapewatch.cli._saving import Where, key_of, place_options, store_options, target_from

if TYPE_CHECKING:
    from tapewatch.saving.disaster import Report
    from tapewatch.saving.places import Place

__all__ = ["command"]


@click.command("disaster")
@click.argument("source", required=False)
@place_options
@store_options
@click.option("--backup", "name", metavar="NAME", default="", help="Which one of SOURCE; the newest by default.")
@click.option(
    "--allow", type=click.FloatRange(min=0), metavar="SECONDS", help="How much may be lost; by default one scrape."
)
@click.option(
    "--hours", type=click.IntRange(1, 8760), default=24, show_default=True, help="How far back samples are counted."
)
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    source: str | None, key_file: Path | None, endpoint: str, region: str, credentials_file: Path | None, name: str,
    allow: float | None, hours: int, output: str, **where: Any,
) -> None:  # fmt: skip
    """Restore a backup into an empty place, compare, and tell what was lost and how long it took.

    Without SOURCE a backup is taken first. Prometheus and Alertmanager are started on what came back, on free ports of
    loopback; the running stack is only asked. Exit code 1 when more was lost than may be.

    \b
    Examples:
      tapewatch drill disaster
      tapewatch drill disaster /srv/backups --key-file backup.key
      tapewatch drill disaster --data /var/lib/tapewatch --allow 15 --format json
    """
    from tapewatch.saving.disaster import Report, drill
    from tapewatch.saving.restoring import Backup
    from tapewatch.saving.targets import Folder

    for ended in (signal.SIGINT, signal.SIGTERM):  # either way it clears up
        signal.signal(ended, lambda number, frame: sys.exit(128 + number))

    def told(text: str) -> None:
        click.echo(text, err=True)

    stack = Where(**where)
    live = _live(stack, needed=source is None)
    report = Report(name)
    with tempfile.TemporaryDirectory(prefix="tapewatch-disaster-") as folder:
        if source is None:
            target: Any = Folder(Path(folder) / "backups")
            _take(stack, live, target, report)
        else:
            target = target_from(source, endpoint, region, credentials_file)
        backup = Backup(target, name, key_of(key_file))
        report.backup = backup.name
        (empty := Path(folder) / "empty").mkdir()
        drill(backup, live, stack.project, empty, allowed=allow, hours=hours, report=report, told=told)
    if output == "json":
        click.echo(json.dumps(report.to_data(), indent=2))
    else:
        _show(report)
    sys.exit(0 if report.passed else FINDINGS)


def _live(stack: Where, *, needed: bool) -> Place | None:
    """The stack that there is; a backup can come back without it."""
    from tapewatch_sdk.errors import ProblemsError

    try:
        return stack.place()
    except ProblemsError:
        if needed:
            raise
        return None


def _take(stack: Where, live: Place | None, target: Any, report: Report) -> None:
    from tapewatch.saving.taking import take

    assert live is not None
    with report.timed("take a backup", lambda text: click.echo(text, err=True)):
        take(live, stack.project, target, None, lambda text: None)


def _show(report: Report) -> None:
    for finding in report.findings:
        lost = "unknown" if finding.lost is None else f"{finding.lost:.1f} s"
        limit = "" if finding.allowed is None else f" of at most {finding.allowed:g} s"
        click.echo(f"{'LOST' if finding.bad else 'fine':<5} {finding.what}: {lost}{limit} lost")
        click.echo(f"      {finding.words}")
    for step, seconds in report.took.items():
        click.echo(f"{step:<24} {seconds:7.1f} s")
    verdict = "no more was lost than may be" if report.passed else "more was lost than may be"
    click.echo(f"{report.backup}: {verdict}; back after {sum(report.took.values()):.1f} s")
