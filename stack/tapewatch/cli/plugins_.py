"""`tapewatch plugins`."""

from __future__ import annotations

import sys

import click

from tapewatch.cli._common import FINDINGS, print_problems


@click.group("plugins")
def command() -> None:
    """Show the installed plugins."""


@command.command("list")
def list_plugins() -> None:
    """List every plugin: its kind, what it adds, where it comes from, and why one failed to load.

    \b
    Example:
      tapewatch plugins list
    """
    from tapewatch.plugins import discover

    plugins = discover()
    for found in plugins.found:
        state = "failed" if found.problem else "ok"
        click.echo(f"{found.group.removeprefix('tapewatch.'):11} {found.name:20} {state:7} {found.origin}")
        if found.plugin is not None and (text := (type(found.plugin).__doc__ or "").strip().splitlines()):
            click.echo(f"{'':11} {text[0]}")
    print_problems(plugins.problems, "text", sys.stderr)
    sys.exit(FINDINGS if plugins.problems else 0)
