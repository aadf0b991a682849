"""`tapewatch list`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch.cli._common import end, open_here, project_options

if TYPE_CHECKING:
    from tapewatch.project import Project

_Row = tuple[str, ...]


@click.command("list")
@click.argument("kind", type=click.Choice(["alerts", "dashboards", "metrics", "receivers", "services"]))
@project_options
def command(kind: str, project: Path, use_env: bool) -> None:
    """List what a project holds, one a line.

    \b
    Examples:
      tapewatch list alerts
      tapewatch list metrics | grep histogram
    """
    opened = open_here(project, use_env)
    rows = list(_ROWS[kind](opened))
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    end(opened)


def _alerts(project: Project) -> Iterator[_Row]:
    for rule in project.rules:
        yield rule.alert, rule.severity, rule.domain, f"for {rule.for_}", f"only {rule.service}" if rule.service else ""


def _dashboards(project: Project) -> Iterator[_Row]:
    for dashboard in project.dashboards:
        yield dashboard.uid, dashboard.folder, dashboard.title


def _metrics(project: Project) -> Iterator[_Row]:
    for family in project.catalogue.families.values():
        yield family.name, str(family.type), family.domain, ",".join(family.labels), family.unit


def _receivers(project: Project) -> Iterator[_Row]:
    for name, receiver in project.catalogue.receivers.items():
        ways = [way for way in ("webhook", "slack", "pagerduty", "email") if getattr(receiver, way)]
        yield name, ",".join(ways)


def _services(project: Project) -> Iterator[_Row]:
    for name, service in project.catalogue.services.items():
        found = "pushes" if service.mode == "push" else ",".join(service.targets) or "discovered"
        yield name, service.team, found, ",".join(service.emits)


_ROWS = {
    "alerts": _alerts,
    "dashboards": _dashboards,
    "metrics": _metrics,
    "receivers": _receivers,
    "services": _services,
}
