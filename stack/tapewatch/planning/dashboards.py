"""Changes of dashboards, panel by panel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tapewatch.panels import all_panels
from tapewatch.planning.changes import Action, Change

__all__ = ["dashboard_changes"]


def dashboard_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Dashboards and panels gained, lost or changed; a panel is known by its title."""
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old is None and new is not None:
            yield Change("dashboard", new["title"], Action.GAINED, f"{len(_panels(new))} panels", path)
        elif new is None and old is not None:
            yield Change("dashboard", old["title"], Action.LOST, f"{len(_panels(old))} panels", path)
        elif old is not None and new is not None:
            yield from _panel_changes(old, new, path)


def _panel_changes(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Change]:
    was, now = _panels(old), _panels(new)
    found = False
    renamed = [title for title in now if _legends_alone(was.get(title), now[title])]
    if renamed:
        found = True
        what = f"legends of {', '.join(renamed)}"
        yield Change("dashboard", new["title"], Action.CHANGED, what, path)
        was, now = ({title: panel for title, panel in each.items() if title not in renamed} for each in (was, now))
    for title in [*now, *(title for title in was if title not in now)]:
        if was.get(title) != now.get(title):
            found = True
            action = Action.CHANGED if title in was and title in now else Action.GAINED if title in now else Action.LOST
            yield Change("panel", f"{new['title']} / {title}", action, _what(was.get(title), now.get(title)), path)
    if not found:
        keys = sorted(key for key in {*old, *new} - {"panels", "version"} if old.get(key) != new.get(key))
        yield Change("dashboard", new["title"], Action.CHANGED, ", ".join(keys) or "order of panels", path)


def _panels(model: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Panels by title; a second one of the same title is told apart by its number."""
    found: dict[str, Mapping[str, Any]] = {}
    for panel in all_panels(model):
        title = panel.get("title") or panel.get("type", "panel")
        name, count = title, 2
        while name in found:
            name, count = f"{title} ({count})", count + 1
        found[name] = panel
    return found


def _legends_alone(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> bool:
    """Whether lines are only called otherwise: with a second service of a kind, legends name the service."""
    return old is not None and old != new and _unnamed(old) == _unnamed(new)


def _unnamed(panel: Mapping[str, Any]) -> dict[str, Any]:
    targets = [{**target, "legendFormat": ""} for target in panel.get("targets", ())]
    return {**panel, "targets": targets}


_WORDS = {"targets": "queries", "gridPos": "place", "fieldConfig": "units or thresholds", "type": "kind of panel"}


def _what(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    if old is None or new is None:
        return ""
    keys = sorted(key for key in {*old, *new} - {"id"} if old.get(key) != new.get(key))
    return ", ".join(_WORDS.get(key, key) for key in keys)
