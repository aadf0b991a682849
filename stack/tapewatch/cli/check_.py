"""`tapewatch check`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch.cli._common import counted, format_option, open_here, project_options, show

if TYPE_CHECKING:
    from tapewatch.project import Project


def _places(project: Project) -> Iterator[str]:
    """Where rules are evaluated, if there are shards."""
    stack = project.catalogue.stack
    if stack.shard_count == 1:
        return
    from tapewatch.sharding.placing import placement

    placed = placement(project.request)
    engine = stack.long_term.engine if stack.long_term else "nobody"
    yield f"{stack.shard_count} shards; each evaluates the rules of its own services, {engine} those over several:" + (
        "" if placed else " there are none"
    )
    yield from (f"  recording rule {name}: {reason}" for (name, _), reason in placed.records.items())
    yield from (f"  alert {name}: {reason}" for (name, _), reason in placed.alerts.items())


@click.command("check")
@project_options
@format_option()
def command(project: Path, use_env: bool, output: str) -> None:
    """Find what is wrong before a file is written.

    Every metric, label and type that a query uses is held against what the services declare.

    \b
    Examples:
      tapewatch check
      tapewatch check --format github     # annotations in a pull request
      tapewatch check --format json
    """
    opened = open_here(project, use_env)
    problems = opened.check()
    code = show(problems, output)
    if not problems and output == "text":
        alerts = len({rule.alert for rule in opened.rules})
        click.echo(
            f"{counted(len(opened.catalogue.services), 'service')}, {len(opened.catalogue.families)} metric families, "
            f"{counted(alerts, 'alert')}, {counted(len(opened.dashboards), 'dashboard')}: no findings"
        )
        for line in _places(opened):
            click.echo(line)
    sys.exit(code)
