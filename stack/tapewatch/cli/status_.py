"""`tapewatch status`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from tapewatch.cli._common import code_of, fail, print_problems
from tapewatch.cli._compose import compose_options, open_stack
from tapewatch.cli._embedded import runs_here, without_containers
from tapewatch.cli._table import rows_as_text

if TYPE_CHECKING:
    from tapewatch.running.status import Status


@click.command("status")
@compose_options
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--grafana-password", "password", is_flag=True, help="Print the password of Grafana's user admin alone.")
def command(project: Path, project_name: str | None, output: str, password: bool) -> None:
    """Say how the stack is: state, version, address of each service.

    Also whether the servers have read the files that are on disk. Exit code 0 when all is well, 1 when something is
    not.

    \b
    Examples:
      tapewatch status
      tapewatch status --format json | jq -r '.services[] | .name + " " + .state'
      tapewatch status --grafana-password
    """
    if here := runs_here(project, project_name):
        if password:
            fail([without_containers("status --grafana-password", "there is no Grafana without containers")])
        from tapewatch.embedded.status import look_here

        _show(look_here(here, project), output)
    from tapewatch.running.password import grafana_password
    from tapewatch.running.status import look

    stack = open_stack(project, project_name)
    if password:
        click.echo(grafana_password(stack))
        return
    _show(look(stack), output)


def _show(status: Status, output: str) -> NoReturn:
    if output == "json":
        click.echo(json.dumps(status.to_dict(), indent=2))
    else:
        click.echo(rows_as_text(status.rows), nl=False)
        click.echo("\n" if status.problems else "", nl=False)
        print_problems(status.problems, "text", sys.stdout)
    sys.exit(code_of(status.problems))
