"""`tapewatch down`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch.cli._common import FINDINGS, fail
from tapewatch.cli._compose import compose_options, open_stack
from tapewatch.cli._embedded import runs_here, without_containers
from tapewatch_sdk.problems import Place, Problem

if TYPE_CHECKING:
    from tapewatch.running.project import ComposeProject

_HOLDS = {
    "alertmanager": "silences, and what was notified",
    "grafana": "Grafana's users, and dashboards made by hand",
    "jaeger": "traces",
    "loki": "logs",
    "prometheus": "metrics, and the state of alerts",
    "secrets": "Grafana's password",
}
"""What is lost with each volume of the stack."""


@click.command("down")
@compose_options
@click.option("--volumes", is_flag=True, help="Remove the data too.")
@click.option("--yes", is_flag=True, help="With --volumes: yes, all data is to go.")
def command(project: Path, project_name: str | None, volumes: bool, yes: bool) -> None:
    """Stop the stack and remove its containers.

    Or end the stack that runs here without containers. The data stays, and the next `up` goes on with it, unless
    --volumes is given.

    \b
    Examples:
      tapewatch down
      tapewatch down --volumes --yes
    """
    if here := runs_here(project, project_name):
        if volumes:
            why = "there are no volumes without containers; the data is in data/"
            fail([without_containers("down --volumes", why, "`tapewatch down`, then remove the folder data/")])
        from tapewatch.running.here import end

        end(here, project)
        click.echo("the stack that ran here is down, its data stays in data/")
        return
    stack = open_stack(project, project_name)
    arguments = ["down", "--remove-orphans"]
    if volumes:
        _say_what_is_lost(stack, yes)
        arguments.append("--volumes")
    code = subprocess.run(stack.command(*arguments), check=False).returncode
    if code == 0:
        click.echo(f"the stack {stack.name} is down, its data {'is gone' if volumes else 'stays'}")
    sys.exit(FINDINGS if code else 0)


def _say_what_is_lost(stack: ComposeProject, yes: bool) -> None:
    """Name the volumes that there are; somebody at a terminal has to agree."""
    label = "com.docker.compose.volume"
    listed = stack.docker.ask(
        "volume",
        "ls",
        "--filter",
        f"label=com.docker.compose.project={stack.name}",
        "--format",
        f'{{{{.Label "{label}"}}}}',
    )
    names = sorted(listed.split())
    for name in names:
        click.echo(f"lost with the volume {name}: {_HOLDS.get(name, 'data of your own')}", err=True)
    if names and not yes and sys.stdin.isatty():
        fail([_not_agreed(stack.name)])


def _not_agreed(name: str) -> Problem:
    return Problem(
        code="compose/volumes",
        summary="all data of the stack would be lost, and nobody has agreed to that",
        must="--volumes comes with --yes at a terminal",
        fix="add --yes, or leave out --volumes to keep the data",
        where=Place(path=name),
    )
