"""A command that has subcommands besides what it does by itself."""

from __future__ import annotations

from importlib import import_module

import click

__all__ = ["WithOthers"]


class WithOthers(click.Group):
    """A command of its own, unless the first word names one of its subcommands.

    Subclasses say where those are; each has a file, which is imported when it is called.
    """

    allow_interspersed_args = True  # options may come after arguments, as with any command
    package = ""
    """Where the files are."""
    others: tuple[str, ...] = ()
    """The subcommands."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **{**kwargs, "invoke_without_command": True, "subcommand_metavar": ""})  # type: ignore[arg-type]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.others)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.others:
            return None
        command: click.Command = import_module(f"{self.package}.{cmd_name}").command
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        if args and args[0] in self.others:
            other = self.get_command(parent or click.Context(self), args[0])
            assert other is not None
            return other.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)
