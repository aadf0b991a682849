"""Fields of colour over time: heatmaps and state timelines."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tapewatch.previewing.canvas import Box, Canvas, width_of
from tapewatch.previewing.fields import Fields
from tapewatch.previewing.lines import SMALL, times
from tapewatch.previewing.numbers import formatted
from tapewatch.previewing.theme import FAINT, GRID, color
from tapewatch.viewing import Moment, Series

__all__ = ["buckets", "draw_heatmap", "draw_states"]

_PALE, _DARK = (222, 235, 247), (8, 60, 125)
"""Ends of the colour scale: light blue is once, dark blue most often."""


def buckets(series: Sequence[Series]) -> list[Series]:
    """The buckets of a classic histogram, each without those below it, lowest first."""
    made: list[Series] = []
    below: dict[float, float] = {}
    for each in sorted(series, key=lambda one: _bound(one.name)):
        counts = {at: value for at, value in each.points if math.isfinite(value)}
        points = [(at, max(value - below.get(at, 0.0), 0.0)) for at, value in sorted(counts.items())]
        made.append(Series(each.name, each.labels, points))
        below = counts
    return made


def draw_heatmap(canvas: Canvas, box: Box, fields: Fields, series: Sequence[Series], moment: Moment) -> None:
    """A row for each bucket, a column for each time: the darker, the more often."""
    rows = buckets(series)
    unit = str(fields.options.get("yAxis", {}).get("unit") or fields.unit)
    names = [formatted(_bound(each.name), unit) for each in rows]
    inner = box.inset(max((width_of(name, SMALL) for name in names), default=30) + 10, 4, 8, 20)
    most = max((value for each in rows for _, value in each.points), default=0.0)
    length = max(moment.end - moment.start, 1e-9)
    height, width = inner.h / max(len(rows), 1), inner.w * min((_step(each) for each in rows), default=length) / length
    for index, each in enumerate(rows):
        y = inner.y + inner.h - (index + 1) * height
        if index % max(1, math.ceil(14 / height)) == 0:
            canvas.text(inner.x - 6, y + height / 2 + 3.5, names[index], size=SMALL, fill=FAINT, anchor="end")
        for time, value in each.points:
            if value > 1e-9:
                right = inner.x + (time - moment.start) / length * inner.w
                left = max(right - width, inner.x)
                cell = Box(left, y, max(right - left - 0.4, 0.6), max(height - 1, 0.6))
                canvas.rect(cell, _mixed((value / most) ** 0.5))
    times(canvas, inner, moment)


def draw_states(canvas: Canvas, box: Box, fields: Fields, series: Sequence[Series], moment: Moment) -> None:
    """A band for each series, in the colour of its state."""
    shown = series[: max(1, int((box.h - 20) / 15))]
    names = min(max((width_of(each.name, SMALL) for each in shown), default=0) + 10, box.w * 0.35)
    inner = box.inset(names, 4, 8, 20)
    length = max(moment.end - moment.start, 1e-9)
    for each, band in zip(shown, inner.rows(max(len(shown), 1), 4), strict=False):
        canvas.text(inner.x - 6, band.y + band.h / 2 + 3.5, each.name, size=SMALL, anchor="end", width=names - 8)
        canvas.rect(band, GRID)
        step = _step(each)
        for begin, end, value in _runs(each, step):
            left = inner.x + max(begin - moment.start, 0) / length * inner.w
            right = inner.x + min(end - moment.start, length) / length * inner.w
            canvas.begin(fields.text(value))
            canvas.rect(Box(left, band.y, max(right - left, 1), band.h), _state_color(fields, value), opacity=0.85)
            canvas.end()
    times(canvas, inner, moment)


def _state_color(fields: Fields, value: float) -> str:
    return fields.color_of(value) if fields.word(value) or len(fields.steps) > 1 else color("blue")


def _runs(series: Series, step: float) -> list[tuple[float, float, float]]:
    """Begin, end and value of each stretch of time with one value; a gap ends a stretch."""
    made: list[tuple[float, float, float]] = []
    for at, value in series.points:
        if not math.isfinite(value):
            continue
        if made and made[-1][2] == value and at - made[-1][1] <= step * 0.5:
            made[-1] = (made[-1][0], at + step, value)
        else:
            made.append((at, at + step, value))
    return made


def _step(series: Series) -> float:
    gaps = [after[0] - here[0] for here, after in zip(series.points, series.points[1:], strict=False)]
    return min(gaps, default=15.0)


def _mixed(share: float) -> str:
    red, green, blue = (round(low + (high - low) * share) for low, high in zip(_PALE, _DARK, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _bound(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return math.inf
