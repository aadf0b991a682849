"""`tapewatch reload`."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch.cli._common import code_of, fail, print_problems
from tapewatch.cli._compose import compose_options, open_stack
from tapewatch.cli._embedded import runs_here, without_containers
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

if TYPE_CHECKING:
    from tapewatch.running.containers import Container
    from tapewatch.running.project import ComposeProject


@click.command("reload")
@compose_options
@click.option("--restart", is_flag=True, help="Also restart the services that read a changed file only at their start.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=120.0, show_default=True, help="Seconds for a restart."
)
def command(project: Path, project_name: str | None, restart: bool, timeout: float) -> None:
    """Let the running servers read the files that `generate` wrote.

    Prometheus, Alertmanager and Grafana, every member of each, one after the other; each is waited for until it lives
    by its files. One that refuses them goes on with those that it had, and the others are reloaded all the same. Exit
    code 1 when one refused.

    \b
    Examples:
      tapewatch generate && tapewatch reload
      tapewatch reload --restart
    """
    from tapewatch.running.containers import containers
    from tapewatch.running.freshness import changed_since_start
    from tapewatch.running.reloading import reloaded

    if runs_here(project, project_name):
        why = "what runs here without containers reads the catalogue at its start alone"
        fail([without_containers("reload", why, "`tapewatch down`, then `tapewatch up`; that takes some seconds")])
    stack = open_stack(project, project_name)
    found = containers(stack)
    names = reloaded(found)
    changed = list(changed_since_start(stack, found))
    if not names and not changed:
        raise ToolError([_nothing_runs(stack.name)])
    problems = [problem for name in names for problem in _reload(stack, name, found)]
    for name, file in changed:
        problems += _restart(stack, name, timeout) if restart else []
        if not restart:
            click.echo(f"{name.ljust(_WIDTH)}  not read: {file} is read at a start alone; --restart does that")
    print_problems(problems, "text", sys.stderr)
    sys.exit(code_of(problems))


_WIDTH = len("alertmanager-b")


def _reload(stack: ComposeProject, name: str, found: Mapping[str, Container]) -> tuple[Problem, ...]:
    from tapewatch.running.reloading import reload_service

    start = time.monotonic()
    try:
        live = reload_service(stack, name, found[name])
    except ToolError as error:
        click.echo(f"{name.ljust(_WIDTH)}  not reloaded, see below")
        return error.problems
    click.echo(f"{name.ljust(_WIDTH)}  reloaded: {live} ({time.monotonic() - start:.1f} s)")
    return ()


def _restart(stack: ComposeProject, name: str, timeout: float) -> list[Problem]:
    from tapewatch.running.docker import failure
    from tapewatch.running.starting import settle

    start = time.monotonic()
    done = stack.call("restart", name)
    if done.returncode != 0:
        return [failure(done.stderr, "docker compose restart")]
    faults = settle(stack, [name], lambda *_: None, timeout)
    if not faults:
        click.echo(f"{name.ljust(_WIDTH)}  restarted ({time.monotonic() - start:.1f} s)")
    return [fault.problem for fault in faults]


def _nothing_runs(name: str) -> Problem:
    return Problem(
        code="compose/down",
        summary=f"the stack {name} does not run",
        must="the stack was started",
        fix="run `tapewatch up`",
        where=Place(path=name),
    )
