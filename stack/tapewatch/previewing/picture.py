"""A whole dashboard as one SVG, with the layout that Grafana gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapewatch.panels import all_panels
from tapewatch.previewing.canvas import Box, Canvas
from tapewatch.previewing.panel import draw_panel
from tapewatch.previewing.theme import BACKGROUND, FAINT, INK
from tapewatch.viewing import Moment, View

__all__ = ["WIDTH", "picture"]

WIDTH = 1320.0
"""Pixels; a screen's width without Grafana's margins."""

_GAP, _UNIT, _HEAD = 8.0, 30.0, 58.0
"""Pixels between panels, of a row of Grafana's grid, and of the dashboard's title."""

_COLUMNS = 24


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a panel or a heading is drawn; collapsed rows are drawn open, so that a reviewer sees all."""

    panel: Mapping[str, Any]
    box: Box


def picture(view: View, moment: Moment, marks: Mapping[str, str] | None = None, name: str = "") -> str:
    """The picture of a dashboard.

    Parameters:
        view: the dashboard, looked at.
        moment: its time range.
        marks: title of a panel -> `gained`, `lost` or `changed`, for a comparison.
        name: tells two pictures of one dashboard apart that stand on one page.
    """
    canvas, places = Canvas(f"{view.dashboard.uid}{name}"), list(_places(view.dashboard.model))
    canvas.text(_GAP + 4, 25, view.dashboard.title, size=19, bold=True, width=WIDTH - 20)
    canvas.text(_GAP + 4, 44, str(view.dashboard.model.get("description", "")), size=13, fill=FAINT, width=WIDTH - 20)
    by_id = {panel.panel.get("id"): panel for panel in view.panels}
    for place in places:
        if place.panel["type"] == "row":
            words = f"{place.panel.get('title', '')}{'  (collapsed)' if place.panel.get('collapsed') else ''}"
            canvas.text(place.box.x + 4, place.box.y + 20, words, size=14, fill=INK, bold=True)
        else:
            shown = by_id[place.panel.get("id")]
            draw_panel(canvas, place.box, shown, moment, (marks or {}).get(shown.title, ""))
    height = max((place.box.y + place.box.h for place in places), default=_HEAD) + _GAP
    return canvas.svg(WIDTH, height, BACKGROUND)


def _places(model: Mapping[str, Any]) -> Iterator[_Place]:
    """Every panel with its place; below an opened row all moves down, as in Grafana."""
    down = 0
    for panel in model.get("panels", ()):
        yield _Place(panel, _box(panel, down))
        inner: Sequence[Mapping[str, Any]] = list(all_panels(panel))
        for each in inner:
            yield _Place(each, _box(each, down))
        if inner:
            bottom = max(each["gridPos"]["y"] + each["gridPos"]["h"] for each in inner)
            following = [one["gridPos"]["y"] for one in model["panels"] if one["gridPos"]["y"] > panel["gridPos"]["y"]]
            down += max(bottom - min(following), 0) if following else 0


def _box(panel: Mapping[str, Any], down: int) -> Box:
    grid, column = panel["gridPos"], (WIDTH - _GAP) / _COLUMNS
    top = _HEAD + (grid["y"] + down) * _UNIT
    return Box(_GAP + grid["x"] * column, top, grid["w"] * column - _GAP, grid["h"] * _UNIT - _GAP)
