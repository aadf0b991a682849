"""How the stack that runs here without containers is, as `tapewatch status` shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tapewatch.project import CATALOGUE
from tapewatch.running.clients import Server
from tapewatch.running.containers import State
from tapewatch.running.here import FOLDER, Here, PartHere, digest
from tapewatch.running.status import Row, Status
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = ["NAME", "look_here"]

NAME = "embedded"
"""What takes the place of compose's name of the stack."""


def look_here(here: Here, project: Path) -> Status:
    """How it is now.

    Parameters:
        here: what runs.
        project: the project's folder.
    """
    rows = tuple(_row(here, part) for part in here.parts if not part.absent)
    return Status(NAME, rows, (*_unwell(here, rows), *_absent(here), *_changed(here, project)))


def _row(here: Here, part: PartHere) -> Row:
    state = State.HEALTHY if _is_well(part) else State.UNHEALTHY
    return Row(part.name, state, image="", pinned="", version=part.version, url=part.url, since=here.since)


def _is_well(part: PartHere) -> bool:
    try:
        Server(part.ready).get("")
    except ToolError:
        return False
    return True


def _unwell(here: Here, rows: tuple[Row, ...]) -> Iterator[Problem]:
    for row in rows:
        if row.state is State.UNHEALTHY:
            yield Problem(
                code="embedded/unwell",
                summary=f"{row.name} does not say that it is well",
                must=f"{row.name} has started, and answers",
                fix=f"`tapewatch logs {row.name}` shows what it says",
                where=Place(file=f"{FOLDER}/logs/{row.name}.log"),
            )


def _absent(here: Here) -> Iterator[Problem]:
    for part in here.parts:
        if part.absent:
            yield Problem(
                code="embedded/left-out",
                summary=f"{part.name} is left out: {part.absent}",
                must=f"{part.name} is installed",
                fix="install it, then `tapewatch down` and `tapewatch up`",
                where=Place(path=part.name),
                severity=Severity.WARNING,
            )


def _changed(here: Here, project: Path) -> Iterator[Problem]:
    """Whether the catalogue is another one than what runs was made from."""
    if digest(project / CATALOGUE) != here.catalogue:
        yield Problem(
            code="embedded/changed",
            summary="the catalogue has changed since the stack was started",
            must="what runs is what the catalogue says",
            fix="`tapewatch down`, then `tapewatch up`: without containers it is read at the start alone",
            where=Place(file=CATALOGUE),
            severity=Severity.WARNING,
        )
