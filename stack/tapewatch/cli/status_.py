"""`tapewatch status`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from tapewatch.cli._common import code_of, print_problems
from tapewatch.cli._compose import compose_options, open_stack
from tapewatch.cli._table import rows_as_text


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
    from tapewatch.running.password import grafana_password
    from tapewatch.running.status import look

    stack = open_stack(project, project_name)
    if password:
        click.echo(grafana_password(stack))
        return
    status = look(stack)
    if output == "json":
        click.echo(json.dumps(status.to_dict(), indent=2))
    else:
        click.echo(rows_as_text(status.rows), nl=False)
        click.echo("\n" if status.problems else "", nl=False)
        print_problems(status.problems, "text", sys.stdout)
    sys.exit(code_of(status.problems))
