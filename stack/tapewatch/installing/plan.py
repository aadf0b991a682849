"""What would be done on a host. Only looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from tapewatch import layout
from tapewatch.installing.failures import edited, foreign, missing_program, missing_secret, not_installed
from tapewatch.installing.host import Host, State
from tapewatch.installing.units import DROP_IN, TARGET_WANTS, Unit, folders, told, units, users
from tapewatch.planning import Change, compare_files
from tapewatch.renderers.systemd import TARGET
from tapewatch.writing import Changes, FileSet, compare
from tapewatch_sdk.problems import Problem

__all__ = ["MANIFEST", "Plan", "Step", "plan_install", "plan_remove"]

MANIFEST = "tapewatch/manifest.json"
"""What was installed, below `etc`."""

_LOST = {
    "alertmanager": "silences, and what was notified",
    "grafana": "Grafana's users, and dashboards made by hand",
    "history": "the history",
    "jaeger": "traces",
    "loki": "logs",
    "prometheus": "metrics, and the state of alerts",
}
"""What is lost with each part's data."""

Kind = Literal["user", "folder", "enable", "disable", "start", "restart", "reload", "stop", "data", "stays"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done, or that stays as it is.

    Parameters:
        kind: what.
        name: to whom: a user, a folder, a unit.
        why: in a few words; may be empty.
    """

    kind: Kind
    name: str
    why: str = ""


@dataclass(frozen=True)
class Plan:
    """All that would be done.

    Parameters:
        files: the set that the host shall have, by path below `etc`.
        changes: of the files.
        words: the same in the words of an operator.
        steps: everything else.
        hand: files that somebody edited or put there, as problems; they are lost only with `force`.
        problems: what keeps a unit from running.
    """

    files: FileSet
    changes: Changes
    words: tuple[Change, ...]
    steps: tuple[Step, ...]
    hand: tuple[Problem, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def works(self) -> bool:
        """Whether anything would be changed."""
        return bool(self.changes) or any(step.kind != "stays" for step in self.steps)

    def names(self, *kinds: Kind) -> list[str]:
        """To whom something is done."""
        return [step.name for step in self.steps if step.kind in kinds]


def plan_install(host: Host, files: FileSet) -> Plan:
    """What brings these files into force.

    Parameters:
        host: where.
        files: the whole set, by path below `etc`.
    """
    changes = compare(host.etc, files, manifest=MANIFEST)
    mine = units(files)
    gone = [each for each in _installed(host) if each.name not in {unit.name for unit in mine}]
    states = host.states([*(each.name for each in (*mine, *gone)), TARGET])
    without_program = [unit for unit in mine if not host.at(unit.program).is_file()]
    missing = {file for unit in mine for file in unit.secrets if not host.at(file).is_file()}
    kept = {unit.name for unit in mine if unit in without_program or not missing.isdisjoint(unit.secrets)}
    steps = [
        *(Step("stop", unit.name, "it has left the stack") for unit in gone if states[unit.name].runs),
        *(Step("user", name) for name in users(files) if not host.has_user(name)),
        *(Step("folder", path) for path in folders(files) if not host.at(path).is_dir()),
        *((Step("enable", TARGET),) if not _enabled(host) else ()),
        *_others(host, changes),
    ]
    if host.live:
        touched = {
            f"/etc/{path}" for path in (*changes.created, *changes.updated, *changes.removed, *_by_hand(changes))
        }
        steps += (
            step
            for unit in mine
            if (step := _unit_step(host, unit, states[unit.name], touched))
            # What runs can still read its files again; it would not come back from a restart.
            and (step.kind == "reload" or unit.name not in kept)
        )
    return Plan(
        files, changes, _words(host, files, changes), tuple(steps), tuple(_hand(changes, files)),
        (
            *(missing_secret([unit.name for unit in mine if file in unit.secrets], file, image=not host.live)
              for file in sorted(missing)),
            *(missing_program(unit.name, unit.program) for unit in without_program),
        ),
    )  # fmt: skip


def plan_remove(host: Host, *, data: bool) -> Plan:
    """What takes everything off the host.

    Parameters:
        host: which.
        data: whether the data goes too.
    """
    known = (host.etc / MANIFEST).is_file()
    changes = compare(host.etc, {}, manifest=MANIFEST)
    if known and not changes:
        changes = Changes(removed=(MANIFEST,))  # a run was killed when it had removed all but that
    if not known:
        changes = Changes()
    mine = _installed(host)
    states = host.states([*(each.name for each in mine), TARGET])
    steps = [
        *(Step("stop", name) for name, state in states.items() if state.runs),
        *((Step("disable", TARGET),) if known and _enabled(host) else ()),
        *_data(host, data),
        *(Step("stays", path, "secrets") for path in _secret_folders(host, mine)),
        *(Step("stays", f"/etc/{each.file}.d", "settings of your own") for each in mine if _drop_in(host, each)),
        *(Step("stays", name, "user without login, to whom files may belong")
          for name in users(_texts(host, changes)) if host.has_user(name)),
    ]  # fmt: skip
    words = _words(host, {}, changes)
    problems = () if known or any(step.kind == "data" for step in steps) else (not_installed(str(host.root)),)
    return Plan({}, changes, words, tuple(steps), tuple(_hand(changes, {})), problems)


def _unit_step(host: Host, unit: Unit, state: State, touched: set[str]) -> Step | None:
    """What makes a unit run with its files: nothing where it does."""
    if not state.runs:
        return Step("start", unit.name, "" if state.active == "inactive" else f"it is {state.active}")
    at_start = [f"/etc/{unit.file}", *unit.secrets, *(() if unit.reloads else unit.reads)]
    if changed := _newest(host, at_start, state.started, touched):
        return Step("restart", unit.name, f"{changed} changed")
    if state.active == "activating":
        return Step("start", unit.name, "it is not ready yet")
    if unit.reloads and state.refused:
        return Step("reload", unit.name, "it refused its files the last time")
    if unit.reloads and (changed := _newest(host, list(unit.reads), state.read, touched)):
        return Step("reload", unit.name, f"{changed} changed")
    return None


def _others(host: Host, changes: Changes) -> Iterator[Step]:
    """Services that we monitor and never start or stop, whose drop-ins change while they run."""
    changed = (*changes.created, *changes.updated, *changes.removed, *_by_hand(changes))
    names = dict.fromkeys(
        PurePosixPath(path).parent.name.removesuffix(".d") for path in changed if path.endswith(DROP_IN)
    )
    for name, state in host.states(name for name in names if "@." not in name).items():  # a template runs as others
        if state.runs:
            yield Step("stays", name, "its limits hold at once, the rest from its next start")


def _newest(host: Host, paths: list[str], since: float, touched: set[str]) -> str:
    """A file that is about to change, or has changed since; empty when there is none."""
    for path in paths:
        if near := next((each for each in sorted(touched) if each == path or each.startswith(f"{path}/")), ""):
            return near
        here = host.at(path)
        for file in sorted(here.rglob("*")) if here.is_dir() else [here]:
            # When it came here counts as well: one that was moved here has an older time of its own.
            if file.is_file() and file.stat().st_ctime > since:
                return f"/{file.relative_to(host.root)}"
    return ""


def _installed(host: Host) -> list[Unit]:
    """The units that were installed, as far as their files are there."""
    return units(_texts(host, compare(host.etc, {}, manifest=MANIFEST)))


def _texts(host: Host, changes: Changes) -> Mapping[str, str]:
    """What is on the host of files that change."""
    paths = [path for path in (*changes.updated, *changes.removed, *_by_hand(changes)) if path != MANIFEST]
    found = {path: host.etc / path for path in paths}
    return {path: file.read_text("utf-8", errors="replace") for path, file in found.items() if file.is_file()}


def _words(host: Host, files: FileSet, changes: Changes) -> tuple[Change, ...]:
    before = {told(path): text for path, text in _texts(host, changes).items()}
    after = {
        told(path): files[path] for path in (*changes.created, *changes.updated, *_by_hand(changes)) if path in files
    }
    found = compare_files(before, after).changes
    # A file of which no more can be told goes by its name on the host.
    here = {told(path): f"/etc/{path}" for path in (*files, *_texts(host, changes))}
    return tuple(replace(each, name=here.get(each.name, each.name)) for each in found)


def _hand(changes: Changes, files: FileSet) -> Iterator[Problem]:
    yield from (edited(f"/etc/{path}", stays=path in files) for path in changes.edited_by_hand)
    yield from (foreign(f"/etc/{path}") for path in changes.foreign)


def _by_hand(changes: Changes) -> tuple[str, ...]:
    return (*changes.edited_by_hand, *changes.foreign)


def _enabled(host: Host) -> bool:
    return (host.etc / TARGET_WANTS / TARGET).is_symlink()


def _data(host: Host, lost: bool) -> Iterator[Step]:
    """Each folder of data and logs; without `lost` the two in which they lie."""
    for top in (layout.NATIVE_DATA, layout.NATIVE_LOGS):
        found = sorted(each.name for each in host.at(top).iterdir()) if host.at(top).is_dir() else []
        if not found:
            continue
        if not lost:
            yield Step("stays", top, "data" if top == layout.NATIVE_DATA else "logs")
        for name in found if lost else ():
            part = name.rpartition("-")[0] if len(name.rpartition("-")[2]) == 1 else name
            yield Step("data", f"{top}/{name}", _LOST.get(part, "") if top == layout.NATIVE_DATA else "its log files")


def _secret_folders(host: Host, mine: list[Unit]) -> list[str]:
    found = {str(Path(secret).parent) for unit in mine for secret in unit.secrets if host.at(secret).is_file()}
    return sorted(found)


def _drop_in(host: Host, unit: Unit) -> bool:
    return (host.etc / f"{unit.file}.d").is_dir()
