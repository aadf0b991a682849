"""Who calls whom: services in columns from the first caller to the last one called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tapewatch.previewing.canvas import Box, Canvas
from tapewatch.previewing.theme import FAINT, color
from tapewatch.viewing import Line

__all__ = ["draw_graph"]


def draw_graph(canvas: Canvas, box: Box, calls: Sequence[Line]) -> None:
    """Nodes and arrows; the number of calls stands at each arrow."""
    edges = {(call.labels["parent"], call.labels["child"]): call.labels["calls"] for call in calls}
    columns = layers(edges)
    places: dict[str, tuple[float, float]] = {}
    for column, part in zip(columns, box.inset(10, 0, 10, 0).columns(len(columns)), strict=True):
        for name, cell in zip(column, part.rows(len(column)), strict=True):
            places[name] = (cell.x + cell.w / 2, cell.y + cell.h / 2)
    for (parent, child), count in edges.items():
        (x1, y1), (x2, y2) = places[parent], places[child]
        canvas.line(x1, y1, x2, y2, FAINT, 1.2)
        canvas.text((x1 + x2) / 2, (y1 + y2) / 2 - 5, count, size=10.5, fill=FAINT, anchor="middle")
    for name, (x, y) in places.items():
        canvas.circle(x, y, 11, "#ffffff", color("blue"))
        canvas.circle(x, y, 5, color("blue"))
        canvas.text(x, y + 26, name, size=11, anchor="middle", width=box.w / max(len(columns), 1))


def layers(edges: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Nodes by how many calls lead to them at most; calls in a circle end the counting."""
    pairs = list(edges)
    depth = dict.fromkeys(sorted({name for pair in pairs for name in pair}), 0)
    for _ in depth:
        for parent, child in pairs:
            if parent != child and depth[parent] + 1 < len(depth):
                depth[child] = max(depth[child], depth[parent] + 1)
    return [[name for name in depth if depth[name] == level] for level in sorted(set(depth.values()))]
