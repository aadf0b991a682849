"""Dashboards before and after a change: which panels are gained, lost or changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapewatch import layout
from tapewatch.panels import all_panels
from tapewatch_sdk.plugins import Dashboard

__all__ = ["Difference", "dashboards_in", "differences"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A dashboard that is not as it was.

    Parameters:
        before, after: None where it was not there, or is not any more.
        marks_before, marks_after: title of a panel -> `gained`, `lost` or `changed`.
    """

    before: Dashboard | None
    after: Dashboard | None
    marks_before: Mapping[str, str]
    marks_after: Mapping[str, str]

    @property
    def title(self) -> str:
        """The dashboard's title."""
        board = self.after or self.before
        assert board is not None
        return board.title

    @property
    def words(self) -> str:
        """What happened, in a few words."""
        if self.before is None:
            return "new dashboard"
        if self.after is None:
            return "dashboard lost"
        marks = {**self.marks_before, **self.marks_after}
        counts = {kind: sum(mark == kind for mark in marks.values()) for kind in ("gained", "lost", "changed")}
        told = [f"{count} {'panel' if count == 1 else 'panels'} {kind}" for kind, count in counts.items() if count]
        return ", ".join(told) or "no panel changed"


def dashboards_in(files: Mapping[str, str]) -> list[Dashboard]:
    """The dashboards among generated files."""
    found = []
    for path, text in sorted(files.items()):
        if path.startswith(f"{layout.DASHBOARDS}/"):
            model: dict[str, Any] = json.loads(text)
            found.append(Dashboard(model["uid"], path.split("/")[-2], model))
    return found


def differences(before: Sequence[Dashboard], after: Sequence[Dashboard]) -> list[Difference]:
    """What differs, in the order of the dashboards of now, and lost ones last."""
    old, new = {board.uid: board for board in before}, {board.uid: board for board in after}
    found = []
    for uid in dict.fromkeys([*new, *old]):
        was, now = old.get(uid), new.get(uid)
        if was is None or now is None or _plain(was.model) != _plain(now.model):
            found.append(_difference(was, now))
    return found


def _difference(before: Dashboard | None, after: Dashboard | None) -> Difference:
    was, now = _panels(before), _panels(after)
    same = {title for title in was.keys() & now.keys() if was[title] == now[title]}
    lost = {title: "changed" if title in now else "lost" for title in was if title not in same}
    gained = {title: "changed" if title in was else "gained" for title in now if title not in same}
    return Difference(before, after, lost, gained)


def _panels(board: Dashboard | None) -> dict[str, Any]:
    """Panels by title, without their places: one that only moved has not changed."""
    panels = all_panels(board.model) if board else ()
    return {
        str(panel.get("title", "")): _plain({key: value for key, value in panel.items() if key != "gridPos"})
        for panel in panels
        if panel.get("type") != "row"
    }


def _plain(model: Any) -> Any:
    """As JSON has it, so that what was read compares equal to what was made."""
    return json.loads(json.dumps(model))
