"""The command line. Each command has a file of its own, which is imported only when the command is called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from tapewatch.cli._common import fail
from tapewatch_sdk.errors import ProblemsError

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS = (
    "init",
    "check",
    "generate",
    "plan",
    "preview",
    "test",
    "verify",
    "up",
    "down",
    "status",
    "logs",
    "reload",
    "panels",
    "dashboards",
    "history",
    "simulate",
    "fault",
    "kill-switch",
    "drill",
    "backup",
    "restore",
    "systemd",
    "explain",
    "list",
    "schema",
    "plugins",
    "completion",
)
"""The commands, in the order in which `--help` lists them."""


class _Commands(click.Group):
    """Knows the commands by name and imports a command's file when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"tapewatch.cli.{cmd_name.replace('-', '_')}_").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from tapewatch.schema.nearest import nearest

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = nearest(args[0], COMMANDS) if args else ""
            if not near or near in error.message:
                raise
            raise click.UsageError(f"{error.message} Did you mean '{near}'?", ctx) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tapewatch")
def cli() -> None:
    """One service catalogue in, a proven monitoring stack out.

    Exit codes: 0 fine, 1 findings or changes, 2 cannot run.
    """


def main() -> None:
    """Entry point of the `tapewatch` program."""
    try:
        cli.main(prog_name="tapewatch")
    except ProblemsError as error:
        fail(error.problems)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(2)
