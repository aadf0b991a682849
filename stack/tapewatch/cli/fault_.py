"""`tapewatch fault`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tapewatch.cli._common import FINDINGS


@click.command("fault")
@click.argument("faults", metavar="[NAME[=VALUE]]...", nargs=-1)
@click.option("--off", is_flag=True, help="End these faults, or all of them if none is named.")
@click.option(
    "--project",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Folder of the project whose platform runs.",
)
def command(faults: tuple[str, ...], off: bool, project: Path) -> None:
    """Make something go wrong in the running sample platform, or list what can.

    \b
    Examples:
      tapewatch fault
      tapewatch fault kill-switch clock-drift=risk-manager
      tapewatch fault --off kill-switch
      docker compose exec platform tapewatch fault feed-disconnected
    """
    from tapewatch.simulating.control import ask, running
    from tapewatch.simulating.faults import FAULTS, parse

    try:
        wanted = parse(faults)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    message = {"off": [*(wanted or FAULTS)]} if off else {"on": wanted}
    answers = []
    for path in running(project):
        try:
            answers.append(ask(path, message))
        except OSError:
            continue  # it is about to end
    on = {name: value for answer in answers for name, value in answer.items()}
    if not faults and not off:
        _list(on)
    if not answers:
        click.echo("no sample platform of this project runs here; start one with `tapewatch simulate`", err=True)
        sys.exit(FINDINGS if faults or off else 0)
    if faults or off:
        click.echo("on: " + (", ".join(f"{name}={value}" if value else name for name, value in on.items()) or "none"))


def _list(on: dict[str, str]) -> None:
    from rich.console import Console
    from rich.table import Table

    from tapewatch.simulating.faults import FAULTS

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("fault", no_wrap=True)
    table.add_column("alerts", no_wrap=True)
    table.add_column("what goes wrong")
    for fault in FAULTS.values():
        value = f"\\[={on.get(fault.name) or fault.default}]" if fault.value else ""
        mark = " [red]on[/]" if fault.name in on else ""
        table.add_row(f"{fault.name}{value}{mark}", "\n".join((fault.alert, *fault.also)), fault.what)
    Console().print(table)
