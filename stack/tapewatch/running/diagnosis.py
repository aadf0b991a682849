"""Why a service is not as it should be, from what the daemon knows and from the service's own log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tapewatch.running.containers import BAD, GOOD, Container, State, log_tail, state_of
from tapewatch.running.ports import clash_in
from tapewatch.running.project import ComposeProject
from tapewatch.running.selection import dependents
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Fault", "diagnose"]

LOG_LINES = 10
"""How much of its log is shown of a service that is not well."""

_LONGEST = 300
"""Characters of a log line or of a health check's answer that are told."""

_COMPLAINT = re.compile(r"level=(error|fatal)|\b(error|fatal|panic|failed)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """A service that is not well.

    Parameters:
        problem: what is wrong.
        log: the last lines that it wrote.
    """

    problem: Problem
    log: tuple[str, ...] = ()


def diagnose(project: ComposeProject, found: Mapping[str, Container], names: list[str], within: str) -> list[Fault]:
    """What is wrong with services; those that are well are not named.

    Parameters:
        project: the stack.
        found: its containers by service.
        names: the services that should be well.
        within: how long they were waited for, in words, such as `120 s`.
    """
    states = {name: state_of(project.services[name], found.get(name)) for name in names}
    services = {name: project.services[name] for name in names}
    idle = {name for name in names if _never_ran(states[name], found.get(name))}
    culprits = {name for name, state in states.items() if state not in GOOD} - idle
    waiting = dependents(services, culprits)
    faults = []
    for name in names:
        if name in idle and name in waiting:
            faults.append(Fault(_waits(name, waiting[name])))
        elif states[name] not in GOOD:
            faults.append(_fault(project, name, found.get(name), states[name], within))
    return faults


def _never_ran(state: State, container: Container | None) -> bool:
    return state is State.MISSING or (state is State.CREATED and container is not None and not container.error)


def _fault(project: ComposeProject, name: str, container: Container | None, state: State, within: str) -> Fault:
    if container is None:
        return Fault(_not_started(name, f"it has no container within {within}"))
    if state is State.CREATED:
        clash = clash_in(container.error, project.services.values())
        return Fault(clash or _not_started(name, container.error or f"docker did not start it within {within}"))
    log = tuple(log_tail(project.docker, container, LOG_LINES))
    if state in (State.EXITED, State.RESTARTING):
        return Fault(_ended(name, container, log), log)
    if state is State.PAUSED:
        return Fault(_not_started(name, "it is paused"), log)
    return Fault(_unhealthy(name, container, "" if state in BAD else f" within {within}", log), log)


def _ended(name: str, container: Container, log: tuple[str, ...]) -> Problem:
    often = f", {container.restarts + 1} times" if container.restarts else ""
    reason = _complaint(log)
    if container.is_starved:
        sure = "the kernel ended it" if container.out_of_memory else "it was killed, most likely by the kernel"
        reason = f"{sure}: it used more memory than it may"
    return Problem(
        code="compose/ended",
        summary=f"{name} ended with code {container.exit_code}{often}: {container.error or reason}",
        must=f"{name} goes on running",
        fix="raise its mem_limit in docker-compose.override.yml"
        if container.is_starved
        else f"`tapewatch logs {name}` shows all that it said",
        where=Place(path=name),
    )


def _unhealthy(name: str, container: Container, when: str, log: tuple[str, ...]) -> Problem:
    check = container.checks[-1] if container.checks else ""
    said = f"its health check says: {_cut(check)}" if check else "its health check fails without a word"
    return Problem(
        code="compose/unhealthy",
        summary=f"{name} did not get healthy{when}: {said}; its log says: {_complaint(log)}",
        must=f"the health check of {name} passes",
        fix=f"`tapewatch logs {name}` shows all that it said; a slow machine may need a longer --timeout",
        where=Place(path=name),
    )


def _not_started(name: str, reason: str) -> Problem:
    return Problem(
        code="compose/not-started",
        summary=f"{name} was not started: {_cut(reason)}",
        must=f"docker can start {name}",
        fix="mend what is named, then run `tapewatch up` again",
        where=Place(path=name),
    )


def _waits(name: str, needed: str) -> Problem:
    return Problem(
        code="compose/waits",
        summary=f"{name} was not started: it waits for {needed}",
        must=f"{needed} is well before {name} starts",
        fix=f"see what is said of {needed}",
        where=Place(path=name),
    )


def _complaint(log: tuple[str, ...]) -> str:
    """The last line of a log that complains; the last one at all when none does."""
    complaints = [line for line in log if _COMPLAINT.search(line)]
    return _cut((complaints or list(log) or ["nothing"])[-1])


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}..."
