"""`tapewatch check`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tapewatch.cli._common import counted, format_option, open_here, project_options, show


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
    sys.exit(code)
