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

if TYPE_CHECKING:
    from tapewatch.embedded.parts import Part

__all__ = ["INTERRUPTED", "embedded", "may_do_without"]

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

_WITHOUT = frozenset({"compose/no-docker", "compose/missing", "compose/daemon"})
"""Problems for which the stack runs without containers."""


def may_do_without(project: Path, error: ToolError) -> bool:
    """Whether the stack comes up without containers: docker cannot be had, and nobody chose a daemon by name."""
    missing = {problem.code for problem in error.problems} <= _WITHOUT
    return missing and not os.environ.get("DOCKER_HOST") and (project / "catalogue.yaml").is_file()


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
