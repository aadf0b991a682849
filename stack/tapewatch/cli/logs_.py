"""`tapewatch logs`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tapewatch.cli._compose import compose_options, open_stack


@click.command("logs")
@click.argument("services", metavar="SERVICE", nargs=-1)
@compose_options
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Only the last N lines of each service.")
def command(services: tuple[str, ...], project: Path, project_name: str | None, follow: bool, tail: int | None) -> None:
    """Show what the services say; without names, all of them.

    \b
    Examples:
      tapewatch logs loki
      tapewatch logs --follow --tail 20 prometheus alertmanager
    """
    stack = open_stack(project, project_name)
    words = [*(["--follow"] if follow else []), *(["--tail", str(tail)] if tail is not None else [])]
    arguments = stack.command("logs", *words, *stack.known(services))
    os.execvp(arguments[0], arguments)  # noqa: S606 -- compose itself from here on, with its signals and its exit code
