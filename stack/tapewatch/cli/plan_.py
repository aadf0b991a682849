"""`tapewatch plan`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from tapewatch.cli._common import FINDINGS, open_here, print_problems, project_options
from tapewatch.cli._others import WithOthers


class _Plan(WithOthers):
    package, others = "tapewatch.cli._plan", ("capacity",)


@click.command("plan", cls=_Plan)
@project_options
@click.option("--against", metavar="REVISION", help="Compare with a git revision instead of the files on disk.")
@click.option("--format", "output", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
def command(project: Path, use_env: bool, against: str | None, output: str) -> None:
    """Say what `generate` would change.

    Alerts gained, lost, loosened or tightened; targets, routes, panels, images. Writes nothing. Exit code 1 when there
    are changes, 0 when there are none.

    \b
    Examples:
      tapewatch plan
      tapewatch plan --against origin/main --format markdown
    """
    from tapewatch.planning import compare_files, files_at_revision, files_on_disk
    from tapewatch.planning.render import to_json, to_markdown, to_text

    opened = open_here(project, use_env)
    after = opened.render()
    before = files_at_revision(project, against) if against else files_on_disk(project, after)
    if opened.plugins.problems:  # a renderer that failed takes nothing away
        after = {**before, **after}
        print_problems(opened.plugins.problems, "text", sys.stderr)
    plan = compare_files(before, after)
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    text = {"text": lambda: to_text(plan, color), "json": lambda: to_json(plan), "markdown": lambda: to_markdown(plan)}
    click.echo(text[output](), nl=False, color=color)
    sys.exit(FINDINGS if plan else 0)
