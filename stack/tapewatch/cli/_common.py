"""What the commands share: options, opening a project, printing problems."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from tapewatch_sdk.problems import Problem, Severity

if TYPE_CHECKING:
    from tapewatch.project import Project

__all__ = [
    "CANNOT_RUN",
    "FINDINGS",
    "code_of",
    "counted",
    "end",
    "environ_of",
    "fail",
    "format_option",
    "open_here",
    "print_problems",
    "project_options",
    "show",
]

FINDINGS = 1
"""Exit code: there are findings, or changes."""
CANNOT_RUN = 2
"""Exit code: the command could not do its work."""

Command = TypeVar("Command", bound=Callable[..., Any])

FORMATS = ("text", "json", "github")


def project_options(command: Command) -> Command:
    """`--project` and `--env`, for every command that reads a catalogue."""
    command = click.option(
        "--project",
        type=click.Path(file_okay=False, path_type=Path),
        default=".",
        show_default=True,
        help="Folder that holds catalogue.yaml.",
    )(command)
    return click.option(
        "--env",
        "use_env",
        is_flag=True,
        help="Take ${NAME:-default} from the environment; otherwise the defaults hold, as in the committed files.",
    )(command)


def format_option(*more: str) -> Callable[[Command], Command]:
    """`--format`: how problems are printed."""

    def add(command: Command) -> Command:
        return click.option(
            "--format", "output", type=click.Choice([*FORMATS, *more]), default="text", show_default=True
        )(command)

    return add


def environ_of(use_env: bool) -> Mapping[str, str]:
    """The variables that a catalogue is read with."""
    return os.environ if use_env else {}


def open_here(project: Path, use_env: bool = False) -> Project:
    """Open a project, finishing first what an interrupted run may have left."""
    from tapewatch.project import open_project
    from tapewatch.writing import recover

    if project.is_dir():
        recover(project)
    return open_project(project, environ_of(use_env))


def show(problems: Sequence[Problem], output: str) -> int:
    """Print problems to standard output as asked for, and give the exit code that follows from them."""
    print_problems(problems, output, sys.stdout)
    return code_of(problems)


def code_of(problems: Iterable[Problem]) -> int:
    """The exit code that follows from problems: warnings alone are no findings."""
    return FINDINGS if any(problem.severity is Severity.ERROR for problem in problems) else 0


def counted(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def end(project: Project) -> NoReturn:
    """End a command that shows something; what could not be loaded is missing in that, so it is named."""
    print_problems(project.plugins.problems, "text", sys.stderr)
    sys.exit(code_of(project.plugins.problems))


def print_problems(problems: Iterable[Problem], output: str, stream: Any) -> None:
    """Print problems; in colour on a terminal only."""
    from tapewatch.report import render

    color = stream.isatty() and "NO_COLOR" not in os.environ
    width = min(shutil.get_terminal_size().columns, 120)
    click.echo(render(list(problems), output, color=color, width=width), file=stream, color=color, nl=False)


def fail(problems: Sequence[Problem]) -> NoReturn:
    """Print problems and end with the exit code for a command that could not run.

    They go to standard error as text; with `--format` to standard output, where a machine reads them.
    """
    output = _asked_format(sys.argv)
    print_problems(problems, output, sys.stderr if output == "text" else sys.stdout)
    sys.exit(CANNOT_RUN)


def _asked_format(arguments: Sequence[str]) -> str:
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        value = following if argument == "--format" else argument.removeprefix("--format=")
        if argument.startswith("--format") and value in FORMATS:
            return value
    return "text"
