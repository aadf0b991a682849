"""`tapewatch history`."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = ("serve", "sql", "export", "restore", "compact", "retain")
"""The subcommands, in the order in which `--help` lists them; each has a file in `_history`, imported when called."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"tapewatch.cli._history.{cmd_name}").command
        return command


@click.group("history", cls=_Commands)
def command() -> None:
    """Keep what the services say in one file, ask it, and show it live.

    \b
    Examples:
      tapewatch history serve
      tapewatch history sql "select * from trades limit 5"
      tapewatch history export /srv/backup/monday
    """
