"""How the stack is: each service with its state, version and address."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from tapewatch.running.containers import Container, State, containers, state_of
from tapewatch.running.freshness import stale
from tapewatch.running.images import present
from tapewatch.running.project import ComposeProject, Service
from tapewatch.running.versions import version_of
from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = ["Row", "Status", "look"]


@dataclass(frozen=True, slots=True)
class Row:
    """A service.

    Parameters:
        name: the service.
        state: how it is.
        image: the image's name with its tag.
        pinned: the version that the tag promises.
        version: the version that runs; empty when nothing runs.
        stand_in: whether its image was made on this machine in place of the pinned one.
        url: where it is opened; empty when it publishes nothing.
        since: when it was started; `None` when it does not run.
        exit_code: the code with which it ended, if it did.
        restarts: how often docker started it again.
    """

    name: str
    state: State
    image: str
    pinned: str
    version: str = ""
    stand_in: bool = False
    url: str = ""
    since: datetime | None = None
    exit_code: int | None = None
    restarts: int = 0

    def to_dict(self) -> dict[str, object]:
        """The service as plain data; the form that `--format json` prints."""
        return {
            "name": self.name,
            "state": str(self.state),
            "version": self.version,
            "pinned": self.pinned,
            "stand_in": self.stand_in,
            "image": self.image,
            "url": self.url,
            "since": self.since.isoformat() if self.since else None,
            "exit_code": self.exit_code,
            "restarts": self.restarts,
        }


@dataclass(frozen=True, slots=True)
class Status:
    """The stack.

    Parameters:
        project: compose's name for it.
        rows: its services, in the order of the file.
        problems: what is not as it should be.
    """

    project: str
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]

    def to_dict(self) -> dict[str, object]:
        """The stack as plain data."""
        return {
            "project": self.project,
            "services": [row.to_dict() for row in self.rows],
            "problems": [problem.to_dict() for problem in self.problems],
        }


def look(project: ComposeProject) -> Status:
    """How the stack is now.

    Parameters:
        project: the stack; services of a profile are shown when they have a container.
    """
    found = containers(project)
    shown = [service for service in project.services.values() if service.name in found or not service.profiles]
    with ThreadPoolExecutor() as pool:  # most of the time is spent waiting for answers
        rows = tuple(pool.map(lambda service: _row(service, found.get(service.name)), shown))
    return Status(project.name, rows, (*_problems(project, rows), *stale(project, found)))


def _row(service: Service, container: Container | None) -> Row:
    state = state_of(service, container)
    if container is None:
        return Row(service.name, state, service.image, service.pinned)
    runs = container.status in ("running", "restarting", "paused")
    return Row(
        service.name,
        state,
        service.image,
        service.pinned,
        version=version_of(service, container),
        stand_in=container.is_stand_in,
        url=container.url(service),
        since=container.started if runs else None,
        exit_code=container.exit_code if container.status in ("exited", "dead", "restarting") else None,
        restarts=container.restarts,
    )


def _problems(project: ComposeProject, rows: tuple[Row, ...]) -> list[Problem]:
    if not any(row.state is not State.MISSING for row in rows):
        return [_nothing_runs(project.name)]
    missing = [project.services[row.name] for row in rows if row.state is State.MISSING]
    here = present(project.docker, (service.image for service in missing))
    problems = [_not_here(service, service.image in here) for service in missing]
    return problems + [_unwell(row) for row in rows if row.state in _UNWELL]


_UNWELL: Mapping[State, str] = {
    State.CREATED: "was never started",
    State.STARTING: "is not healthy yet",
    State.UNHEALTHY: "fails its health check",
    State.RESTARTING: "ends again and again",
    State.EXITED: "has ended",
    State.PAUSED: "is paused",
}


def _unwell(row: Row) -> Problem:
    code = f" (code {row.exit_code})" if row.exit_code is not None else ""
    return Problem(
        code="compose/unwell",
        summary=f"{row.name} {_UNWELL[row.state]}{code}",
        must=f"{row.name} runs, and its health check passes",
        fix=f"`tapewatch logs {row.name}` shows what it says; `tapewatch up` starts what does not run",
        where=Place(path=row.name),
    )


def _not_here(service: Service, has_image: bool) -> Problem:
    """Without its image it cannot be there, which is known since `up`; with it, somebody took it away."""
    reason = "" if has_image else f": its image {service.image} is not on this machine"
    return Problem(
        code="compose/not-made",
        summary=f"{service.name} is not there{reason}",
        must="every service of the stack runs",
        fix="run `tapewatch up`",
        where=Place(path=service.name),
        severity=Severity.ERROR if has_image else Severity.WARNING,
    )


def _nothing_runs(name: str) -> Problem:
    return Problem(
        code="compose/down",
        summary=f"the stack {name} does not run",
        must="the stack was started",
        fix="run `tapewatch up`",
        where=Place(path=name),
    )
