"""One panel: its frame and title, and what it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tapewatch.previewing.canvas import Box, Canvas
from tapewatch.previewing.cells import buckets, draw_heatmap, draw_states
from tapewatch.previewing.fields import Fields
from tapewatch.previewing.figures import draw_bars, draw_dials, draw_numbers
from tapewatch.previewing.graph import draw_graph
from tapewatch.previewing.lines import draw_candles, draw_lines
from tapewatch.previewing.theme import BORDER, CHANGED, FAINT, PANEL, color
from tapewatch.previewing.words import draw_logs, draw_queries, draw_table, draw_text, draw_traces
from tapewatch.viewing import Answer, Line, Moment, PanelView, Series, State

__all__ = ["draw_panel"]

Draw = Callable[[Canvas, Box, Fields, Sequence[Series], Moment], None]

_DRAWN: Mapping[str, Draw] = {
    "timeseries": draw_lines,
    "candlestick": draw_candles,
    "stat": draw_numbers,
    "gauge": draw_dials,
    "bargauge": draw_bars,
    "heatmap": draw_heatmap,
    "state-timeline": draw_states,
    "histogram": draw_bars,
}

_TITLE = 28.0
"""Pixels of a panel's title."""


def draw_panel(canvas: Canvas, box: Box, view: PanelView, moment: Moment, mark: str = "") -> None:
    """Draw a panel.

    Parameters:
        canvas: where.
        box: its place.
        view: the panel, with what it was answered.
        moment: its time range.
        mark: `gained`, `lost` or `changed` against before; empty where it is as it was.
    """
    canvas.rect(box, PANEL, stroke=CHANGED.get(mark, BORDER), radius=3, line=2.5 if mark else 1)
    canvas.begin(str(view.panel.get("description", "")))
    title = moment.fill(view.title, view.chosen)
    canvas.text(box.x + 9, box.y + 19, title, size=13, bold=True, width=box.w - (80 if mark else 18))
    canvas.end()
    if mark:
        canvas.text(box.x + box.w - 8, box.y + 18, mark, size=11, fill=CHANGED[mark], anchor="end", bold=True)
    inner = box.inset(9, _TITLE + 2, 9, 8)
    canvas.begin(clip=box.inset(1, 1, 1, 1))
    _content(canvas, inner, view, moment)
    canvas.end()


def _content(canvas: Canvas, box: Box, view: PanelView, moment: Moment) -> None:
    fields, kind = Fields(view.panel), str(view.panel.get("type"))
    if kind == "text":
        draw_text(canvas, box, view.panel)
    elif not view.answers:
        draw_queries(canvas, box, fields)
        canvas.text(box.x + box.w, box.y + box.h, kind, size=10.5, fill=FAINT, anchor="end")
    elif any(answer.state is State.ERROR for answer in view.answers):
        _failure(canvas, box, next(answer for answer in view.answers if answer.error))
    elif all(answer.state is State.EMPTY for answer in view.answers):
        _nothing(canvas, box, view.no_value or "No data", red=not view.no_value)
    else:
        drawn = [answer for answer in view.answers if fields.is_data(answer.ref)]
        _answers(canvas, box, kind, fields, drawn, moment)


def _answers(canvas: Canvas, box: Box, kind: str, fields: Fields, answers: Sequence[Answer], moment: Moment) -> None:
    lines: list[Line] = [line for answer in answers for line in answer.lines]
    series = [each for answer in answers for each in answer.series]
    if kind == "logs":
        draw_logs(canvas, box, lines)
    elif kind == "nodeGraph":
        draw_graph(canvas, box, lines)
    elif lines:
        draw_traces(canvas, box, lines)
    elif kind == "table":
        draw_table(canvas, box, fields, series)
    elif draw := _DRAWN.get(kind):
        bucketed = kind != "heatmap" and _targets(fields.panel)[0].get("format") == "heatmap"
        draw(canvas, box, fields, buckets(series) if bucketed else series, moment)
    else:
        _nothing(canvas, box, f"{kind} panels are not drawn here", red=False)


def _targets(panel: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return panel.get("targets") or [{}]


def _failure(canvas: Canvas, box: Box, answer: Answer) -> None:
    canvas.text(box.x, box.y + 14, f"Query {answer.ref} is refused", size=12.5, fill=color("red"), bold=True)
    canvas.text(box.x, box.y + 32, answer.error, size=11, fill=color("red"), width=box.w)


def _nothing(canvas: Canvas, box: Box, text: str, *, red: bool) -> None:
    size = min(20.0, max(12.0, box.h * 0.2))
    canvas.text(
        box.x + box.w / 2, box.y + box.h / 2 + size / 3, text, size=size, fill=color("red") if red else FAINT,
        anchor="middle", width=box.w,
    )  # fmt: skip
