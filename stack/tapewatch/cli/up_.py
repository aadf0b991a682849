"""`tapewatch up`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch.cli._board import Board, board
from tapewatch.cli._common import code_of, counted, print_problems
from tapewatch.cli._compose import compose_options, open_stack
from tapewatch.cli._embedded import INTERRUPTED, embedded, may_do_without
from tapewatch.cli._table import rows_as_text
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

if TYPE_CHECKING:
    from tapewatch.running.diagnosis import Fault
    from tapewatch.running.project import ComposeProject


@click.command("up")
@compose_options
@click.option("--profile", "profiles", metavar="NAME", multiple=True, help="Also what belongs to this profile.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=120.0, show_default=True, help="Seconds until all is well."
)
@click.option("--no-pull", is_flag=True, help="Take the images that are here; neither pull nor build any.")
@click.option(
    "--containers/--embedded",
    "in_containers",
    default=None,
    help="In containers, or without; by default in containers where docker can be had.",
)
def command(
    project: Path,
    project_name: str | None,
    profiles: tuple[str, ...],
    timeout: float,
    no_pull: bool,
    in_containers: bool | None,
) -> None:
    """Bring the stack up and wait until it is healthy.

    Without docker the sample platform, the history with its live page, and Prometheus and Alertmanager where they are
    installed run on this machine, until Ctrl-C.

    Images that are not here are pulled or built; a service whose image cannot be had is left out and named, and the
    rest starts. Exit code 0 when all that was started is well, 1 when something is not.

    \b
    Examples:
      tapewatch up
      tapewatch up --profile logs
      tapewatch up --no-pull --timeout 300
      tapewatch up --embedded
    """
    if in_containers is False:
        embedded(project)
        return
    try:
        stack = open_stack(project, project_name, profiles)
    except ToolError as error:
        if in_containers or not may_do_without(project, error):
            raise
        click.echo(f"without containers, because {error.problems[0].summary}", err=True)
        embedded(project)
        return
    try:
        with board(list(stack.services)) as shown:
            without = _get_images(stack, shown, no_pull)
            faults = _start(stack, [name for name in stack.services if name not in without], shown, timeout)
    except KeyboardInterrupt:
        click.echo("interrupted; what runs goes on: `tapewatch up` continues, `tapewatch down` ends it", err=True)
        sys.exit(INTERRUPTED)
    _report(stack, without, faults)


def _get_images(stack: ComposeProject, shown: Board, no_pull: bool) -> dict[str, Problem]:
    """The services that are left out, with the reason; the images of all others are here."""
    from tapewatch.running.images import fetch, present
    from tapewatch.running.selection import left_out

    services = stack.services.values()
    here = present(stack.docker, (service.image for service in services))
    missing = [service for service in services if service.image not in here]
    if no_pull:
        unavailable = {service.image: "--no-pull was given" for service in missing}
    else:
        unavailable = fetch(stack, missing, shown.told)
    without = left_out(stack.services, unavailable)
    for name in without:
        shown.told(name, "left out")
    if len(without) == len(stack.services):
        raise ToolError([*without.values(), _nothing_to_start()])
    return without


def _start(stack: ComposeProject, names: Sequence[str], shown: Board, timeout: float) -> list[Fault]:
    from tapewatch.running.containers import containers
    from tapewatch.running.ports import taken_ports
    from tapewatch.running.starting import start

    taken = taken_ports(stack.docker, [stack.services[name] for name in names], containers(stack))
    if taken:
        raise ToolError(taken)
    return start(stack, names, shown.told, timeout)


def _report(stack: ComposeProject, without: Mapping[str, Problem], faults: Sequence[Fault]) -> None:
    """The table, what is left out, what is not well and why."""
    from tapewatch.running.containers import GOOD
    from tapewatch.running.status import look

    status = look(stack)
    click.echo(rows_as_text(status.rows), nl=False)
    for fault in faults:
        if fault.log:
            click.echo(f"\nthe end of the log of {fault.problem.where.path}:", err=True)
            click.echo("".join(f"  {line}\n" for line in fault.log), nl=False, err=True)
    stale = [each for each in status.problems if each.code.startswith("server/") or each.code == "compose/changed"]
    problems = [*without.values(), *(fault.problem for fault in faults), *stale]
    click.echo()
    print_problems(problems, "text", sys.stderr)
    well = [row for row in status.rows if row.state in GOOD]
    if any(row.name == "grafana" for row in well):
        click.echo("Grafana's user is admin; `tapewatch status --grafana-password` prints the password")
    if not faults:
        left = f", {counted(len(without), 'service')} left out" if without else ""
        click.echo(f"the stack is up: {counted(len(well), 'service')}{left}")
    sys.exit(code_of(fault.problem for fault in faults))


def _nothing_to_start() -> Problem:
    return Problem(
        code="compose/nothing-to-start",
        summary="no service can be started: there is not one image",
        must="at least one image is on this machine, or can be pulled",
        fix="see to the network, or run `make images`",
        where=Place(path="docker-compose.yml"),
    )
