"""`tapewatch logs`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from tapewatch.cli._compose import compose_options, open_stack
from tapewatch.cli._embedded import runs_here

if TYPE_CHECKING:
    from tapewatch.running.here import Here


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
    if here := runs_here(project, project_name):
        _tail(here, services, follow, tail)
    stack = open_stack(project, project_name)
    words = [*(["--follow"] if follow else []), *(["--tail", str(tail)] if tail is not None else [])]
    arguments = stack.command("logs", *words, *stack.known(services))
    os.execvp(arguments[0], arguments)  # noqa: S606 -- compose itself from here on, with its signals and its exit code


def _tail(here: Here, names: tuple[str, ...], follow: bool, lines: int | None) -> NoReturn:
    """Become `tail` over the files of the parts."""
    from tapewatch.schema.nearest import nearest

    known = [part.name for part in here.parts if not part.absent]
    if unknown := next((name for name in names if name not in known), None):
        near = nearest(unknown, known)
        hint = f" Did you mean '{near}'?" if near else ""
        raise click.UsageError(f"no part that runs here is called {unknown}; there are {', '.join(known)}.{hint}")
    files = [str(here.log(name)) for name in names or known]
    count = "+1" if lines is None else str(lines)
    os.execvp("tail", ["tail", "-n", count, *(["-F"] if follow else []), "--", *files])  # noqa: S606 -- as compose's
