"""Graphs over time: lines, bars, candles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tapewatch.previewing.canvas import Box, Canvas, polyline, width_of
from tapewatch.previewing.fields import Fields
from tapewatch.previewing.numbers import clock, formatted, ticks
from tapewatch.previewing.theme import FAINT, GRID, color, line_color
from tapewatch.viewing import Moment, Series

__all__ = ["Plot", "draw_candles", "draw_lines"]

SMALL = 10.5
"""Size of the text at an axis and in a legend."""

_LEGEND = 18.0
"""Pixels of a line of the legend."""


@dataclass(frozen=True, slots=True)
class Plot:
    """The area of a graph and its scales.

    Parameters:
        box: the area inside the axes.
        moment: what the width stands for.
        low, high: what the height stands for.
    """

    box: Box
    moment: Moment
    low: float
    high: float

    def x(self, at: float) -> float:
        """Where a time is."""
        length = max(self.moment.end - self.moment.start, 1e-9)
        return self.box.x + (at - self.moment.start) / length * self.box.w

    def y(self, value: float) -> float:
        """Where a value is."""
        return self.box.y + self.box.h - (value - self.low) / (self.high - self.low) * self.box.h

    def axes(self, canvas: Canvas, unit: str) -> None:
        """Grid, values at the left, times below."""
        for value in ticks(self.low, self.high, max(2, round(self.box.h / 38))):
            canvas.line(self.box.x, self.y(value), self.box.x + self.box.w, self.y(value), GRID)
            label = formatted(value, unit)
            canvas.text(self.box.x - 6, self.y(value) + 3.5, label, size=SMALL, fill=FAINT, anchor="end")
        times(canvas, self.box, self.moment)

    def right_axis(self, canvas: Canvas, unit: str) -> None:
        """Values at the right."""
        for value in ticks(self.low, self.high, max(2, round(self.box.h / 38))):
            label = formatted(value, unit)
            canvas.text(self.box.x + self.box.w + 6, self.y(value) + 3.5, label, size=SMALL, fill=FAINT)


def times(canvas: Canvas, box: Box, moment: Moment) -> None:
    """Times of day below a graph."""
    count = max(2, int(box.w / 90))
    for index in range(1, count):
        at = moment.start + (moment.end - moment.start) * index / count
        canvas.text(
            box.x + box.w * index / count, box.y + box.h + 14, clock(at), size=SMALL, fill=FAINT, anchor="middle"
        )


def plot_for(canvas: Canvas, box: Box, moment: Moment, fields: Fields, values: Iterable[float], legend: int) -> Plot:
    """The area and the scale that show these values and the limits, with the axes drawn."""
    low, high = scale(values, fields)
    wide = max(width_of(formatted(value, fields.unit), SMALL) for value in (*ticks(low, high, 4), low, high))
    inner = box.inset(wide + 10, 6, 8, 20 + legend * _LEGEND)
    made = Plot(inner, moment, low, high)
    made.axes(canvas, fields.unit)
    return made


def scale(values: Iterable[float], fields: Fields) -> tuple[float, float]:
    """The ends of the axis: the panel's own, or what shows all values and the ends that it asks for at least."""
    found = [value for value in values if math.isfinite(value)]
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    low = min(low, fields.custom.get("axisSoftMin", low))
    high = max(high, fields.custom.get("axisSoftMax", high))
    low = fields.minimum if fields.minimum is not None else low
    high = fields.maximum if fields.maximum is not None else high
    if high <= low:
        high = low + (abs(low) * 0.1 or 1.0)
    room = (high - low) * 0.06
    return (low - room if low < 0 and fields.minimum is None else low), (
        high + room if fields.maximum is None else high
    )


def draw_lines(canvas: Canvas, box: Box, fields: Fields, series: Sequence[Series], moment: Moment) -> None:
    """Lines, areas or bars, as the panel says; limits as dashed lines; the legend below."""
    shown = series[:40]
    stacked = fields.custom.get("stacking", {}).get("mode") == "normal"
    lines = _stacked(shown) if stacked else [list(each.points) for each in shown]
    rows = legend_rows(shown, box.w, fields)
    right = [fields.right_unit(each.name) for each in shown]
    values = [value for line, unit in zip(lines, right, strict=True) if not unit for _, value in line]
    other = [value for line, unit in zip(lines, right, strict=True) if unit for _, value in line]
    margin = 52.0 if other else 0.0
    plot = plot_for(canvas, box.inset(0, 0, margin, 0), moment, fields, [*values, 0.0] if stacked else values, rows)
    beside = Plot(plot.box, moment, 0.0, max(other, default=1.0) * 1.1 or 1.0)
    if other:
        beside.right_axis(canvas, next(filter(None, right)))
    canvas.begin(clip=plot.box.inset(-1, -1, -1, -1))
    draw = _bars if fields.custom.get("drawStyle") == "bars" else _line
    for index in reversed(range(len(lines))):
        floor = lines[index - 1] if stacked and index else []
        shade = shade_of(fields, shown[index], index)
        draw(canvas, beside if right[index] else plot, lines[index], shade, 0.55 if stacked else 0.07, floor)
    canvas.end()
    draw_limits(canvas, plot, fields)
    legend(canvas, Box(box.x + 8, plot.box.y + plot.box.h + 20, box.w - 16, rows * _LEGEND), shown, rows, fields)


def shade_of(fields: Fields, series: Series, index: int) -> str:
    """The colour of a line: the panel's own, or that of its place."""
    return fields.colors.get(series.name) or line_color(index)


def draw_limits(canvas: Canvas, plot: Plot, fields: Fields) -> None:
    """A dashed line for each limit that the scale shows, with its value."""
    if fields.custom.get("thresholdsStyle", {}).get("mode", "off") == "off":
        return
    for limit in fields.limits:
        if plot.low <= limit.value <= plot.high:
            y = plot.y(limit.value)
            canvas.line(plot.box.x, y, plot.box.x + plot.box.w, y, limit.color, 1.2, "5 4")
            label = formatted(limit.value, fields.unit)
            canvas.text(plot.box.x + plot.box.w - 3, y - 3, label, size=SMALL, fill=limit.color, anchor="end")


def _line(
    canvas: Canvas, plot: Plot, points: Sequence[tuple[float, float]], stroke: str, fill: float,
    floor: Sequence[tuple[float, float]],
) -> None:  # fmt: skip
    for run in _runs(points):
        at = [(plot.x(time), plot.y(value)) for time, value in run]
        if len(at) == 1:
            canvas.circle(*at[0], 1.6, stroke)
            continue
        low = [(plot.x(time), plot.y(value)) for time, value in floor] or [(x, plot.y(max(plot.low, 0))) for x, _ in at]
        canvas.path(f"{polyline(at)}L{polyline(low[::-1])[1:]}Z", fill=stroke, opacity=fill)
        canvas.path(polyline(at), stroke=stroke)


def _bars(
    canvas: Canvas, plot: Plot, points: Sequence[tuple[float, float]], stroke: str, fill: float,
    floor: Sequence[tuple[float, float]],
) -> None:  # fmt: skip
    width = max(plot.box.w / max(len(points), 1) * 0.7, 1)
    below = dict(floor)
    for at, value in points:
        if math.isfinite(value) and value:
            base = plot.y(below.get(at, 0.0))
            top = plot.y(value)
            canvas.rect(Box(plot.x(at) - width / 2, min(top, base), width, abs(base - top)), stroke, opacity=0.75)


def _runs(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """The points between two gaps."""
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in points:
        if math.isfinite(value):
            runs[-1].append((at, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _stacked(series: Sequence[Series]) -> list[list[tuple[float, float]]]:
    """Each line on top of the one before, over all times that any has."""
    times_ = sorted({at for each in series for at, _ in each.points})
    total, made = dict.fromkeys(times_, 0.0), []
    for each in series:
        values = {at: value for at, value in each.points if math.isfinite(value)}
        total = {at: total[at] + values.get(at, 0.0) for at in times_}
        made.append(sorted(total.items()))
    return made


def legend_rows(series: Sequence[Series], width: float, fields: Fields) -> int:
    """How many lines the legend takes; two at most."""
    if fields.options.get("legend", {}).get("displayMode") == "hidden" or not series:
        return 0
    return min(2, math.ceil(sum(_entry(each) for each in series) / max(width - 16, 1)))


def legend(canvas: Canvas, box: Box, series: Sequence[Series], rows: int, fields: Fields) -> None:
    """Names of the lines, as many as fit; how many more there are."""
    x, row = box.x, 0
    for index, each in enumerate(series):
        if x + _entry(each) > box.x + box.w - (60 if row == rows - 1 else 0) and x > box.x:
            x, row = box.x, row + 1
        if row >= rows:
            rest = f"+{len(series) - index} more"
            canvas.text(box.x + box.w, box.y + (rows - 1) * _LEGEND + 12, rest, size=SMALL, fill=FAINT, anchor="end")
            return
        y = box.y + row * _LEGEND + 12
        canvas.rect(Box(x, y - 4.5, 12, 3), shade_of(fields, each, index), radius=1.5)
        canvas.text(x + 17, y, each.name, size=SMALL, width=box.w - 20)
        x += _entry(each)


def _entry(series: Series) -> float:
    return 17 + width_of(series.name, SMALL) + 14


def draw_candles(canvas: Canvas, box: Box, fields: Fields, series: Sequence[Series], moment: Moment) -> None:
    """Open, high, low and close; the volume as bars below."""
    by_name = {each.name: dict(each.points) for each in series}
    opens, closes = by_name.get("open", {}), by_name.get("close", {})
    highs, lows = by_name.get("high", {}), by_name.get("low", {})
    plot = plot_for(canvas, box, moment, fields, [*highs.values(), *lows.values()], 0)
    width = max(plot.box.w / max(len(closes), 1) * 0.6, 1.2)
    volume = by_name.get("volume", {})
    most = max((value for value in volume.values() if math.isfinite(value)), default=0.0)
    for at in sorted(set(highs) & set(lows) & set(closes)):
        begun = opens.get(at, closes[at])
        shade = color("green") if closes[at] >= begun else color("red")
        x = plot.x(at)
        if most and math.isfinite(volume.get(at, math.nan)):
            height = volume[at] / most * plot.box.h * 0.2
            canvas.rect(Box(x - width / 2, plot.box.y + plot.box.h - height, width, height), shade, opacity=0.25)
        canvas.line(x, plot.y(highs[at]), x, plot.y(lows[at]), shade)
        top, bottom = plot.y(max(begun, closes[at])), plot.y(min(begun, closes[at]))
        canvas.rect(Box(x - width / 2, top, width, max(bottom - top, 1)), shade)
