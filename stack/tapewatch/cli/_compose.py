"""What the commands share that work on the running stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tapewatch.running.project import ComposeProject

__all__ = ["compose_options", "open_stack"]

Command = TypeVar("Command", bound=Callable[..., Any])


def compose_options(command: Command) -> Command:
    """`--project` and `--project-name`: which stack is meant."""
    command = click.option(
        "--project-name", metavar="NAME", help="Compose's name of the stack, if it is not the one in the file."
    )(command)
    return click.option(
        "--project",
        type=click.Path(file_okay=False, path_type=Path),
        default=".",
        show_default=True,
        help="Folder that holds docker-compose.yml.",
    )(command)


def open_stack(project: Path, name: str | None, profiles: Iterable[str] | None = None) -> ComposeProject:
    """The stack of a folder, after what an interrupted `generate` may have left was finished.

    Parameters:
        project: the folder.
        name: another name than the file's.
        profiles: profiles besides what always belongs to the stack; without them all.
    """
    from tapewatch.running.docker import Docker
    from tapewatch.running.project import EVERY_PROFILE, ComposeProject
    from tapewatch.writing import recover

    if project.is_dir():
        recover(project)
    return ComposeProject(project, Docker.find(), name, EVERY_PROFILE if profiles is None else tuple(profiles))
