"""Two sets of generated files -> a plan. Only files that differ are read, so a plan of nothing costs nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tapewatch import documents, layout
from tapewatch.planning.alerts import alert_changes
from tapewatch.planning.changes import Action, Change, Files, Plan
from tapewatch.planning.dashboards import dashboard_changes
from tapewatch.planning.logs import log_alert_changes
from tapewatch.planning.routes import route_changes
from tapewatch.planning.shards import expected_changes, shard_changes, told_of
from tapewatch.planning.stack import image_changes, source_changes
from tapewatch.planning.targets import job_changes, target_changes
from tapewatch.planning.units import unit_changes
from tapewatch_sdk.errors import ProblemsError

__all__ = ["compare_files"]

_Data = Any
_Differ = Callable[[Mapping[str, _Data], Mapping[str, _Data]], Iterator[Change]]

_UNITS = (".service", ".target", ".conf")
"""Ends of the names of units and drop-ins."""

_DIFFERS: tuple[tuple[Callable[[str], bool], _Differ], ...] = (
    (lambda path: path.startswith(layout.RULE_FOLDERS) and not told_of(path), alert_changes),
    (lambda path: path.startswith(f"{layout.LOKI}/rules/"), log_alert_changes),
    (lambda path: path.startswith(f"{layout.TARGETS}/"), target_changes),
    (lambda path: path == f"{layout.PROMETHEUS}/prometheus.yml", job_changes),
    (lambda path: path == f"{layout.ALERTMANAGER}/alertmanager.yml", route_changes),
    (lambda path: path.startswith(f"{layout.DASHBOARDS}/"), dashboard_changes),
    (lambda path: path.endswith("/datasources/tapewatch.yml"), source_changes),
    (lambda path: path == layout.COMPOSE, image_changes),
    (lambda path: path.startswith(f"{layout.SYSTEMD}/") and "/systemd/system/" in path, unit_changes),
)
_SILENT = re.compile(
    "|".join(
        (
            f"{layout.MANIFEST}$",
            f"{layout.TESTS}/",
            rf"{layout.SYSTEMD}/([a-z]/)?etc/tapewatch/",
            f"{layout.PROMETHEUS}/prometheus-",
            f"{layout.RULES}/shards/",
        )
    )
)
"""Files that follow from others: their change is no news."""


def compare_files(before: Files, after: Files) -> Plan:
    """What changes when `after` takes the place of `before`."""
    differing = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    told: list[Change] = []
    services = any(map(told_of, differing))
    if services:
        told += _whole(shard_changes, before, after)
    for concerns, differ in _DIFFERS:
        paths = [path for path in differing if concerns(path)]
        if paths:
            told += _told(differ, paths, before, after)
        if services and differ is alert_changes:
            told += _whole(expected_changes, before, after)
    spoken = {change.path for change in told}
    told += [
        _file(path, before, after)
        for path in differing
        if path not in spoken and not _SILENT.match(path) and not _only_comments(path, before, after)
    ]
    if differing and not told:
        told = [_file(path, before, after) for path in differing if path != layout.MANIFEST]
    kinds = list(dict.fromkeys(change.kind for change in told))
    return Plan(tuple(sorted(told, key=lambda change: kinds.index(change.kind))), len(differing))


def _whole(differ: Callable[[Files, Files], Iterator[Change]], before: Files, after: Files) -> list[Change]:
    """What is told of all files, since a service that leaves one of them comes into another."""
    try:
        return list(differ(before, after))
    except (ProblemsError, ValueError, KeyError, TypeError, AttributeError):
        return []  # the file that was damaged is named below


def _told(differ: _Differ, paths: list[str], before: Files, after: Files) -> list[Change]:
    try:
        return list(
            differ(*({path: _read(path, files) for path in paths if path in files} for files in (before, after)))
        )
    except (ProblemsError, ValueError, KeyError, TypeError, AttributeError):
        # What stands there was not made by us or was damaged: the file is named, its content not interpreted.
        return [_file(path, before, after) for path in paths]


def _read(path: str, files: Files) -> _Data:
    if path.endswith(".json"):
        import json

        return json.loads(files[path])
    if path.endswith(_UNITS):
        from tapewatch.renderers.systemd import unit_settings

        return tuple(unit_settings(files[path]))
    return documents.parse_data(files[path], path)


def _only_comments(path: str, before: Files, after: Files) -> bool:
    """Whether two YAML files differ in nothing but their form."""
    if path not in before or path not in after or not path.endswith((".yml", ".yaml")):
        return False
    try:
        return bool(_read(path, before) == _read(path, after))
    except ProblemsError:
        return False


def _file(path: str, before: Files, after: Files) -> Change:
    if path not in before:
        return Change("file", path, Action.GAINED, f"{_lines(after[path])} lines", path)
    if path not in after:
        return Change("file", path, Action.LOST, "", path)
    old, new = set(before[path].splitlines()), set(after[path].splitlines())
    return Change("file", path, Action.CHANGED, f"+{len(new - old)} -{len(old - new)} lines", path)


def _lines(text: str) -> int:
    return text.count("\n")
