"""Colours and sizes of a preview."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BACKGROUND", "BORDER", "CHANGED", "FAINT", "GRID", "INK", "MONO", "PANEL", "SANS", "color", "line_color"]

BACKGROUND, PANEL, BORDER, GRID = "#f4f5f5", "#ffffff", "#dfe1e5", "#eceef1"
INK, FAINT = "#24292e", "#6e7680"
SANS = "Inter, system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, 'SF Mono', Menlo, 'DejaVu Sans Mono', monospace"

CHANGED: Mapping[str, str] = {"gained": "#2f9e44", "lost": "#e03131", "changed": "#f08c00"}
"""Outline of a panel that differs from before."""

_LINES = (
    "#5a9e4b", "#d9a520", "#4aa3c7", "#e0752d", "#bf1b00", "#5f78c4", "#ba43a9", "#7b68a6", "#3f6833", "#967302",
    "#2f575e", "#99440a",
)  # fmt: skip
"""Grafana's classic palette, a little darker, since this page is light."""

_NAMES: Mapping[str, str] = {
    "green": "#4f9a3d",
    "red": "#d6374b",
    "orange": "#e8862e",
    "yellow": "#d9a514",
    "blue": "#3b82d0",
    "purple": "#9b5fc0",
    "text": INK,
    "transparent": "none",
}
"""Grafana's names of colours."""


def color(name: str) -> str:
    """A colour by Grafana's name of it; what is no such name is a colour already. `dark-blue` counts as `blue`."""
    plain = name.removeprefix("semi-").removeprefix("super-").removeprefix("dark-").removeprefix("light-")
    return _NAMES.get(plain, name)


def line_color(index: int) -> str:
    """The colour of the n-th line of a graph."""
    return _LINES[index % len(_LINES)]
