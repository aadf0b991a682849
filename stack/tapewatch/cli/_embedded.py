"""`tapewatch up` without containers."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

if TYPE_CHECKING:
    from tapewatch.embedded.parts import Part
    from tapewatch.running.here import Here

__all__ = ["INTERRUPTED", "embedded", "may_do_without", "runs_here", "without_containers"]

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

_WITHOUT = frozenset({"compose/no-docker", "compose/missing", "compose/daemon"})
"""Problems for which the stack runs without containers."""


def may_do_without(project: Path, error: ToolError) -> bool:
    """Whether the stack comes up without containers: docker cannot be had, and nobody chose a daemon by name."""
    missing = {problem.code for problem in error.problems} <= _WITHOUT
    return missing and not os.environ.get("DOCKER_HOST") and (project / "catalogue.yaml").is_file()


def runs_here(project: Path, project_name: str | None) -> Here | None:
    """The stack of a project without containers, if it runs now: then it is the one that is meant.

    Parameters:
        project: the project's folder.
        project_name: compose's name of a stack; whoever gives one means containers.
    """
    from tapewatch.running.here import find

    return None if project_name else find(project)


def without_containers(command: str, why: str, fix: str = "leave it out") -> Problem:
    """What a command cannot do for the stack that runs here."""
    return Problem(
        code="embedded/cannot",
        summary=f"`tapewatch {command}`: {why}",
        must="the stack runs in containers",
        fix=fix,
        where=Place(path="tapewatch up --embedded"),
    )


def embedded(project: Path) -> None:
    """Run until Ctrl-C or SIGTERM, or until a part ends by itself."""
    from tapewatch.cli._board import board
    from tapewatch.embedded import NAMES, ended, run

    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with ExitStack() as running:
        try:
            with board(NAMES) as shown:
                stack = running.enter_context(run(project, os.environ, shown.told))
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        _show(stack.parts)
        with suppress(KeyboardInterrupt):
            if part := stack.watch(over):
                raise ended(part)
        click.echo("ending", err=True)


def _show(parts: Sequence[Part]) -> None:
    """What runs, and where it is looked at."""
    for part in parts:
        state = "running" if part.process else "left out"
        click.echo(f"{part.name:<13} {state:<9} {part.version:<8} {part.url or part.absent}".rstrip())
    page = next(part.url for part in parts if part.name == "history")
    click.echo(f"\nthe page is at {page}; Ctrl-C ends everything")
