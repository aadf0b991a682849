"""Rows of panels, and their places in Grafana's grid."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grafanalib import core

__all__ = ["Row", "placed", "row"]

_WIDTH = 24
"""Columns of Grafana's grid."""

_HEADING = 1
"""Rows of the grid that a heading takes."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, all of one height.

    Parameters:
        panels: grafanalib panels.
        height: rows of Grafana's grid (30 pixels each).
        title: a heading above them; the rows up to the next heading belong to it.
        collapsed: whether they are shown only when the heading is clicked, and asked for only then.
        widths: columns of each panel, 24 in all; equal shares where it is empty.
    """

    panels: Sequence[core.Panel]
    height: int = 8
    title: str = ""
    collapsed: bool = False
    widths: Sequence[int] = ()

    def shares(self) -> list[int]:
        """Columns of each panel; what cannot be divided goes to the first ones."""
        if self.widths:
            if len(self.widths) != len(self.panels) or sum(self.widths) != _WIDTH:
                raise ValueError(f"widths {list(self.widths)} must be {len(self.panels)} numbers that sum to {_WIDTH}")
            return list(self.widths)
        each, more = divmod(_WIDTH, len(self.panels))
        return [each + (index < more) for index in range(len(self.panels))]


def row(
    *panels: core.Panel, height: int = 8, title: str = "", collapsed: bool = False, widths: Sequence[int] = ()
) -> Row:
    """Panels side by side.

    Parameters:
        panels: from left to right.
        height: rows of Grafana's grid (30 pixels each).
        title: a heading above them.
        collapsed: whether this row is hidden behind its heading at first; rows without a heading follow it there.
        widths: columns of each panel, 24 in all.
    """
    return Row(panels, height, title, collapsed, widths)


def placed(rows: Iterable[Row]) -> list[core.Panel]:
    """The panels with their places and ids, headings among them; a row that has no panel takes no place.

    Raises:
        ValueError: two panels have one title, or the widths of a row are wrong.
    """
    made: list[core.Panel] = []
    titles: set[str] = set()
    into, top = made, 0
    for each in (row for row in rows if row.panels):
        if each.title:
            heading = core.RowPanel(title=each.title, collapsed=each.collapsed, id=panel_id(f"row {each.title}"))
            heading.gridPos = core.GridPos(h=_HEADING, w=_WIDTH, x=0, y=top)
            made.append(heading)
            into = heading.panels if each.collapsed else made
            top += _HEADING
        left = 0
        for panel, width in zip(each.panels, each.shares(), strict=True):
            if panel.title in titles:
                raise ValueError(f"two panels are called {panel.title!r}: their ids would be one")
            titles.add(panel.title)
            panel.id = panel_id(panel.title)
            panel.gridPos = core.GridPos(h=each.height, w=width, x=left, y=top)
            into.append(panel)
            left += width
        top += each.height
    return made


def panel_id(title: str) -> int:
    """An id that follows from the title, so that a panel keeps its id when another one is added before it."""
    return zlib.crc32(title.encode()) % 1_000_000 + 1
