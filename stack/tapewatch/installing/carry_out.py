"""Does what a plan says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from tapewatch.installing.failures import data_stays, not_active, not_reloaded
from tapewatch.installing.host import Host
from tapewatch.installing.plan import MANIFEST, Plan
from tapewatch.installing.units import FOLDERS, UNITS, USERS
from tapewatch.renderers.systemd import TARGET
from tapewatch.writing import apply, clear
from tapewatch_sdk.problems import Problem, Severity

__all__ = ["install", "remove"]

Say = Callable[[str], None]

_LOG_LINES = 3


def install(host: Host, plan: Plan, say: Say, *, force: bool) -> list[Problem]:
    """Bring the plan's files into force.

    Parameters:
        host: where.
        plan: of `plan_install`.
        say: is told before each step that may take long.
        force: overwrite and remove also what was edited by hand.

    Returns:
        What did not come up, or refused its files.

    Raises:
        ProblemsError: files cannot be written; a program of systemd failed. The next run completes what was begun.
    """
    _stop(host, plan, say)
    apply(host.etc, plan.files, manifest=MANIFEST, force=force)
    if plan.names("user"):
        host.tool("systemd-sysusers", _name(USERS))
    if plan.names("folder"):
        host.tool("systemd-tmpfiles", "--create", _name(FOLDERS))
    if host.live:
        host.run("systemctl", "daemon-reload")
    if plan.names("enable"):
        host.tool("systemctl", "enable", "--quiet", TARGET)
    return _run_units(host, plan, say) if host.live else []


def remove(host: Host, plan: Plan, say: Say, *, force: bool) -> list[Problem]:
    """Take everything off the host; what was installed is forgotten last, so that a run that is killed can be repeated.

    Parameters:
        host, plan, say, force: as for `install`; the plan is that of `plan_remove`.
    """
    _stop(host, plan, say)
    if plan.names("disable"):
        host.tool("systemctl", "disable", "--quiet", TARGET)
    problems = list(_without_data(host, plan.names("data")))
    if plan.changes:
        apply(host.etc, {}, manifest=MANIFEST, force=force)
    clear(host.etc, MANIFEST)
    for folder in (UNITS, *(str(PurePosixPath(path).parent) for path in (USERS, FOLDERS))):
        (host.etc / folder).mkdir(parents=True, exist_ok=True)  # systemd's own, which may be empty now
    if host.live:
        host.run("systemctl", "daemon-reload")
        host.call("systemctl", "reset-failed", "tapewatch*")
    return problems


def _stop(host: Host, plan: Plan, say: Say) -> None:
    if names := plan.names("stop"):
        say(f"stopping {', '.join(names)}; each may take a minute")
        host.run("systemctl", "stop", *names)


def _run_units(host: Host, plan: Plan, say: Say) -> list[Problem]:
    """Restarts first, then starts: systemd itself knows the order among those of one call."""
    for kind, word in (("restart", "restarting"), ("start", "starting")):
        if names := plan.names(kind):  # type: ignore[arg-type]
            say(f"{word} {', '.join(names)}, until each answers")
            host.call("systemctl", "reset-failed", *names)
            host.call("systemctl", kind, *names)  # who failed is asked below
    if names := plan.names("reload"):
        host.call("systemctl", "reload", *names)
    if not any(problem.severity is Severity.ERROR for problem in plan.problems):
        host.call("systemctl", "start", TARGET)
    return list(_failed(host, plan))


def _failed(host: Host, plan: Plan) -> Iterable[Problem]:
    states = host.states(plan.names("start", "restart", "reload"))
    for name, state in states.items():
        if state.active != "active":
            yield not_active(name, state.active, _log(host, name))
        elif state.refused:
            yield not_reloaded(name, _log(host, name))


def _log(host: Host, unit: str) -> str:
    said = host.call("journalctl", "--quiet", "--no-pager", "--output=cat", f"--lines={_LOG_LINES}", f"--unit={unit}")
    return " / ".join(line.strip() for line in said.stdout.splitlines())[:600]


def _without_data(host: Host, paths: Iterable[str]) -> Iterable[Problem]:
    for path in paths:
        folder = host.at(path)
        try:
            shutil.rmtree(folder)
        except OSError as error:
            # Such as a link to another disk, which is followed by nobody who deletes.
            yield data_stays(path, error.strerror or str(error))


def _name(path: str) -> str:
    return path.rpartition("/")[2]
