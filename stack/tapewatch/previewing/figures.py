"""Single values: numbers, dials, bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tapewatch.previewing.canvas import Box, Canvas, polyline, width_of
from tapewatch.previewing.fields import Fields
from tapewatch.previewing.numbers import formatted
from tapewatch.previewing.theme import FAINT, GRID, INK, color
from tapewatch.viewing import Moment, Series

__all__ = ["draw_bars", "draw_dials", "draw_numbers"]

_MOST = 12
"""Values that one panel shows; Grafana shows more, and they are as hard to read there."""


def draw_numbers(canvas: Canvas, box: Box, fields: Fields, series: Sequence[Series], moment: Moment) -> None:
    """One number for each series, its name above when there are several."""
    shown = series[:_MOST]
    filled = fields.options.get("colorMode") == "background"
    boxes = box.columns(len(shown), 4) if box.w >= box.h * len(shown) * 0.6 else box.rows(len(shown), 4)
    for each, part in zip(shown, boxes, strict=True):
        value, shade = each.last, fields.color_of(each.last)
        if filled:
            canvas.rect(part, shade, radius=3)
        ink = "#ffffff" if filled else shade
        if fields.options.get("graphMode") == "area" and len(each.points) > 1:
            _spark(canvas, part, each, ink)
        _number(canvas, part, fields.text(value), each.name if len(shown) > 1 else "", ink)


def _number(canvas: Canvas, box: Box, text: str, name: str, ink: str) -> None:
    size = min(box.h * 0.5, 46.0, 0.92 * box.w / max(width_of(text, 1, bold=True), 1e-9))
    middle = box.y + box.h / 2 + (size * 0.36 if not name else size * 0.5)
    canvas.text(box.x + box.w / 2, middle, text, size=round(size, 1), fill=ink, anchor="middle", bold=True)
    if name:
        canvas.text(box.x + box.w / 2, middle - size, name, size=11, fill=ink, anchor="middle", width=box.w - 6)


def _spark(canvas: Canvas, box: Box, series: Series, ink: str) -> None:
    points = [(at, value) for at, value in series.points if math.isfinite(value)]
    low, high = min(value for _, value in points), max(value for _, value in points)
    first, length = points[0][0], max(points[-1][0] - points[0][0], 1e-9)
    room, base = box.h * 0.35, box.y + box.h - 2
    at = [
        (box.x + (time - first) / length * box.w, base - (value - low) / ((high - low) or 1) * room)
        for time, value in points
    ]
    canvas.path(f"{polyline(at)}L{box.x + box.w:.1f},{base:.1f}L{box.x:.1f},{base:.1f}Z", fill=ink, opacity=0.15)


def draw_dials(canvas: Canvas, box: Box, fields: Fields, series: Sequence[Series], moment: Moment) -> None:
    """A dial for each series, the thresholds on its rim."""
    shown = series[:_MOST]
    per_row = max(1, min(len(shown), int(box.w / max(box.h * 0.8, 90))))
    lines = box.rows(math.ceil(len(shown) / per_row), 4)
    for index, each in enumerate(shown):
        part = lines[index // per_row].columns(min(per_row, len(shown) - index // per_row * per_row), 6)[
            index % per_row
        ]
        _dial(canvas, part, fields, each, named=len(shown) > 1)


def _dial(canvas: Canvas, box: Box, fields: Fields, series: Series, *, named: bool) -> None:
    low, high = fields.minimum or 0.0, fields.maximum if fields.maximum is not None else 100.0
    radius = max(min(box.w / 2 - 6, (box.h - (20 if named else 4)) / 1.5 - 4), 12)
    x, y = box.x + box.w / 2, box.y + 8 + radius
    value = series.last

    def share(number: float) -> float:
        return min(max((number - low) / ((high - low) or 1), 0.0), 1.0)

    _arc(canvas, x, y, radius * 0.86, radius * 0.2, 0, 1, GRID)
    if math.isfinite(value):
        _arc(canvas, x, y, radius * 0.86, radius * 0.2, 0, share(value), fields.color_of(value))
    ends = [*(step.value for step in fields.steps[1:]), high]
    for step, end in zip(fields.steps, ends, strict=True):
        _arc(canvas, x, y, radius, radius * 0.05, share(max(step.value, low)), share(end), step.color)
    text = fields.text(value)
    size = min(radius * 0.42, 1.2 * radius / max(width_of(text, 1, bold=True), 1e-9))
    canvas.text(x, y + size * 0.3, text, size=round(size, 1), anchor="middle", bold=True)
    if named:
        canvas.text(x, box.y + box.h - 5, series.name, size=11, fill=FAINT, anchor="middle", width=box.w)


def _arc(
    canvas: Canvas, x: float, y: float, radius: float, width: float, begin: float, end: float, stroke: str
) -> None:
    """A piece of a dial of 240 degrees; 0 is its left end, 1 its right one."""
    if end - begin < 1e-4:
        return
    first, last = (math.radians(210 - 240 * share) for share in (begin, end))
    large = 1 if (end - begin) * 240 > 180 else 0
    here = f"{x + radius * math.cos(first):.1f},{y - radius * math.sin(first):.1f}"
    there = f"{x + radius * math.cos(last):.1f},{y - radius * math.sin(last):.1f}"
    canvas.path(f"M{here}A{radius:.1f},{radius:.1f} 0 {large} 1 {there}", stroke=stroke, width=width)


def draw_bars(canvas: Canvas, box: Box, fields: Fields, series: Sequence[Series], moment: Moment) -> None:
    """A bar for each series, lying or standing."""
    shown = series[: 2 * _MOST]
    values = [each.last for each in shown]
    finite = [value for value in values if math.isfinite(value)]
    low = fields.minimum if fields.minimum is not None else min([0.0, *finite])
    high = fields.maximum if fields.maximum is not None else max(finite, default=1.0)
    share = [min(max((value - low) / ((high - low) or 1), 0), 1) if math.isfinite(value) else 0.0 for value in values]
    standing = fields.options.get("orientation") == "vertical"
    draw = _standing if standing else _lying
    parts = box.columns(len(shown), 5) if standing else box.rows(len(shown), 4)
    for each, part, length in zip(shown, parts, share, strict=True):
        draw(canvas, part, each.name, fields.text(each.last), length, _shade(fields, each.last))


def _shade(fields: Fields, value: float) -> str:
    shade = fields.color_of(value)
    return shade if len(fields.steps) > 1 else color("blue")


def _lying(canvas: Canvas, box: Box, name: str, text: str, share: float, shade: str) -> None:
    names, numbers = min(box.w * 0.32, 130), min(box.w * 0.24, 84)
    height = min(box.h, 26)
    bar = Box(box.x + names, box.y + (box.h - height) / 2, max(box.w - names - numbers, 1), height)
    middle = bar.y + bar.h / 2 + 4
    canvas.text(box.x, middle, name, size=11.5, width=names - 6)
    canvas.rect(bar, GRID, radius=2)
    canvas.rect(Box(bar.x, bar.y, bar.w * share, bar.h), shade, radius=2, opacity=0.85)
    canvas.text(box.x + box.w, middle, text, size=11.5, anchor="end", bold=True, width=numbers - 4)


def _standing(canvas: Canvas, box: Box, name: str, text: str, share: float, shade: str) -> None:
    bar = box.inset(0, 16, 0, 16)
    canvas.rect(bar, GRID, radius=2)
    height = bar.h * share
    canvas.rect(Box(bar.x, bar.y + bar.h - height, bar.w, height), shade, radius=2, opacity=0.85)
    middle = box.x + box.w / 2
    canvas.text(middle, box.y + 10, text, size=10, fill=INK, anchor="middle", width=box.w + 4)
    canvas.text(middle, box.y + box.h - 3, _bound(name), size=10, fill=FAINT, anchor="middle", width=box.w + 4)


def _bound(name: str) -> str:
    """A bucket's bound as a short number; another name as it is."""
    try:
        return formatted(float(name), "short")
    except ValueError:
        return name
