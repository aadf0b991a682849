"""`tapewatch completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a shell's completion script.

    \b
    Examples:
      source <(tapewatch completion bash)
      tapewatch completion fish > ~/.config/fish/completions/tapewatch.fish
    """
    from tapewatch.cli import cli

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(completion(cli, {}, "tapewatch", "_TAPEWATCH_COMPLETE").source())
