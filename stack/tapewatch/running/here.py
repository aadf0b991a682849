"""Whether the stack of a project runs here without containers, for the other commands.

The process of `tapewatch up` writes down what it runs, and keeps that file locked for as long as it lives; so a file
that a killed one left behind says nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from tapewatch_sdk.errors import ProblemsError, ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["FOLDER", "Here", "PartHere", "digest", "end", "find", "held"]

FOLDER = "data/embedded"
"""Below the project: the copy of the catalogue, what was generated from it, logs and the servers' data."""

Found = TypeVar("Found")

ENDED_WITHIN = 100.0
"""Seconds that all parts together have to end; each is killed after 20 s."""

TRIED_FOR = 1.0
"""Seconds for which a file that another one looks at or writes at this moment is tried again."""

_FILE = "running.json"


@dataclass(frozen=True, slots=True)
class PartHere:
    """One part, as the process that runs it tells it to others.

    Parameters:
        name: its name.
        url: where people open it; empty where they do not.
        ready: the URL that answers 200 while it is well; empty where it does not run.
        version: of the program; empty for what is part of tapewatch.
        absent: why it does not run; empty where it does.
    """

    name: str
    url: str = ""
    ready: str = ""
    version: str = ""
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Here:
    """The stack of a project, while it runs here.

    Parameters:
        folder: where its copy of the catalogue, its logs and its data are.
        process: the id of the process of `tapewatch up`.
        since: when it was started.
        catalogue: SHA-256 of the catalogue that it was started with.
        parts: all of them; none while it is only about to start them.
    """

    folder: Path
    process: int
    since: datetime
    catalogue: str
    parts: tuple[PartHere, ...]

    def log(self, part: str) -> Path:
        """The file that takes what a part prints."""
        return self.folder / "logs" / f"{part}.log"


def digest(catalogue: Path) -> str:
    """The SHA-256 of a file; empty if it cannot be read."""
    try:
        return hashlib.sha256(catalogue.read_bytes()).hexdigest()
    except OSError:
        return ""


@contextmanager
def held(folder: Path, catalogue: str) -> Iterator[Callable[[Sequence[PartHere]], None]]:
    """Hold the folder for this process alone; what it gives is told the parts once they are known.

    Parameters:
        folder: exists.
        catalogue: SHA-256 of the project's catalogue.

    Raises:
        ProblemsError: another process runs the stack there.
    """
    descriptor = os.open(folder / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
    since = datetime.now(UTC)

    def tell(parts: Sequence[PartHere]) -> None:
        told = {"process": os.getpid(), "since": since.isoformat(), "catalogue": catalogue}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({**told, "parts": [asdict(each) for each in parts]}).encode(), 0)

    try:
        if not _again(lambda: _locked(descriptor, fcntl.LOCK_EX)):
            raise ProblemsError([_runs(_again(lambda: _read(folder, descriptor)))])
        tell([])
        yield tell
    finally:
        os.close(descriptor)


def find(project: Path) -> Here | None:
    """The stack that runs here, if it does.

    Parameters:
        project: the project's folder.
    """
    folder = (project / FOLDER).absolute()
    try:
        descriptor = os.open(folder / _FILE, os.O_RDWR)
    except OSError:
        return None  # never started, or another user's
    try:
        return None if _locked(descriptor, fcntl.LOCK_SH) else _again(lambda: _read(folder, descriptor))
    finally:
        os.close(descriptor)


def end(here: Here, project: Path) -> None:
    """End it as Ctrl-C in its terminal does, and wait until all of it is gone.

    Parameters:
        here: what runs.
        project: the project's folder.

    Raises:
        ToolError: it belongs to another user, or goes on.
    """
    try:
        os.kill(here.process, signal.SIGTERM)
    except ProcessLookupError:
        return
    except PermissionError:
        raise ToolError([_goes_on(here, "it belongs to another user")]) from None
    until = time.monotonic() + ENDED_WITHIN
    while (now := find(project)) is not None and now.process == here.process:
        if time.monotonic() > until:
            raise ToolError([_goes_on(here, f"it has not ended within {ENDED_WITHIN:g} s")])
        time.sleep(0.05)


def _locked(descriptor: int, how: int) -> bool:
    """Whether the lock could be had at once."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _again(attempt: Callable[[], Found]) -> Found:
    """What comes of several attempts: the first that is something, or the last."""
    until = time.monotonic() + TRIED_FOR
    while not (found := attempt()) and time.monotonic() < until:
        time.sleep(0.01)
    return found


def _read(folder: Path, descriptor: int) -> Here | None:
    """What is written there; None while it is being written."""
    try:
        data = json.loads(os.pread(descriptor, 100_000, 0))
    except ValueError:
        return None
    parts = tuple(PartHere(**each) for each in data["parts"])
    return Here(folder, data["process"], datetime.fromisoformat(data["since"]), data["catalogue"], parts)


def _runs(here: Here | None) -> Problem:
    return Problem(
        code="embedded/runs",
        summary="the stack of this project runs here already" + (f", as process {here.process}" if here else ""),
        must="one stack at a time runs in a project without containers",
        fix="`tapewatch status` shows it, `tapewatch down` ends it",
        where=Place(file=f"{FOLDER}/{_FILE}"),
    )


def _goes_on(here: Here, why: str) -> Problem:
    return Problem(
        code="embedded/goes-on",
        summary=f"the stack that runs here goes on: {why}",
        must=f"process {here.process} ends",
        fix="end it by Ctrl-C in its terminal, or as its user",
        where=Place(file=f"{FOLDER}/{_FILE}"),
    )
