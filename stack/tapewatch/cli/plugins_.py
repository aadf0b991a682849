"""`tapewatch plugins`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import click

from tapewatch.cli._common import FINDINGS, print_problems

if TYPE_CHECKING:
    from tapewatch.plugins import Found, Plugins

KIND_NAMES = ("renderer", "rules", "dashboards", "collector", "exporter", "check", "event-sink")
"""The kinds that `new` makes, those of `tapewatch.newplugin.KINDS`, which is loaded when it is used."""

_BELOW = " " * 6


@click.group("plugins")
def command() -> None:
    """Show the installed plugins, or begin a new one."""


@command.command("list")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_plugins(output: str) -> None:
    """List every plugin: its kind, what it adds, where it comes from, and why one cannot be used.

    \b
    Examples:
      tapewatch plugins list
      tapewatch plugins list --format json
    """
    from tapewatch.plugins import discover
    from tapewatch_sdk.plugins import GROUPS

    plugins = discover(GROUPS)
    if output == "json":
        click.echo(json.dumps([_as_data(found) for found in plugins.found], indent=2))
    else:
        _print(plugins)
        print_problems(plugins.problems, "text", sys.stderr)
    sys.exit(FINDINGS if plugins.problems else 0)


@command.command("new")
@click.argument("kind", type=click.Choice(KIND_NAMES))
@click.argument("name")
@click.option("--directory", type=click.Path(path_type=Path), help="The new folder; by default NAME.")
def new(kind: str, name: str, directory: Path | None) -> None:
    """Begin a plugin: a project that works, with tests that pass.

    It is a package with an entry point, an example, and the suite that tapewatch has for this kind.

    \b
    Example:
      tapewatch plugins new check acme-redundancy
      cd acme-redundancy && pip install -e '.[test]' && pytest && tapewatch plugins list
    """
    from tapewatch.newplugin import KINDS, project_files, write_project

    files = project_files(KINDS[kind], name)
    folder = directory or Path(name)
    write_project(folder, files)
    for path in files:
        click.echo(f"created {folder / path}")
    click.echo(f"next: cd {folder} && pip install -e '.[test]' && pytest && tapewatch plugins list")


def _print(plugins: Plugins) -> None:
    """A block for each kind: name, state and distribution, and below what it adds, or where a broken one is found."""
    from tapewatch_sdk.plugins import GROUPS

    width = min(shutil.get_terminal_size().columns, 120)
    for group in GROUPS:
        found = [each for each in plugins.found if each.group == group]
        click.echo(group.removeprefix("tapewatch."))
        if not found:
            click.echo("  none")
        for each in found:
            distribution, _, place = each.origin.partition(": ")
            click.echo(f"  {each.name:20} {'failed' if each.problem else 'ok':7} {distribution}")
            if text := place if each.problem else _adds(each):
                click.echo(fill(text, width, initial_indent=_BELOW, subsequent_indent=_BELOW, break_on_hyphens=False))


def _adds(found: Found) -> str:
    """The first line of the docstring of a plugin's class."""
    lines = (type(found.plugin).__doc__ or "").strip().splitlines() if found.plugin is not None else []
    return lines[0] if lines else ""


def _as_data(found: Found) -> dict[str, object]:
    return {
        "group": found.group,
        "name": found.name,
        "origin": found.origin,
        "adds": _adds(found),
        "problem": found.problem.to_dict() if found.problem else None,
    }
