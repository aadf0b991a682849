"""Tables, log lines, traces, texts, queries: what is read and not measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tapewatch.panels import query_text
from tapewatch.previewing.canvas import Box, Canvas, width_of
from tapewatch.previewing.fields import Fields
from tapewatch.previewing.theme import BORDER, FAINT, INK, color
from tapewatch.viewing import Line, Series

__all__ = ["draw_logs", "draw_queries", "draw_table", "draw_text", "draw_traces"]

_ROW, _SIZE = 21.0, 11.5
_LEVELS = {
    "critical": "purple",
    "error": "red",
    "warning": "yellow",
    "warn": "yellow",
    "info": "green",
    "debug": "blue",
}


def draw_table(canvas: Canvas, box: Box, fields: Fields, series: Sequence[Series]) -> None:
    """A line for each series: its labels, and its value at the end."""
    hidden, names = _organised(fields.panel)
    columns = [name for name in dict.fromkeys(key for each in series for key in each.labels) if name not in hidden]
    columns = [name for name in columns if name != "__name__"]
    head = [*(names.get(name, name) for name in columns), names.get("Value", "Value")]
    rows = [[*(each.labels.get(name, "") for name in columns), fields.text(each.last)] for each in series]
    inks = [fields.color_of(each.last) if fields.word(each.last) else INK for each in series]
    _rows(canvas, box, head, rows, inks)


def draw_traces(canvas: Canvas, box: Box, lines: Sequence[Line]) -> None:
    """A line for each trace."""
    rows = [
        [line.labels["trace_id"][:16], line.text, line.labels["time"], f"{line.labels['duration_ms']} ms"]
        for line in lines
    ]
    _rows(canvas, box, ["Trace", "Name", "Start", "Duration"], rows, [INK] * len(rows))


def draw_logs(canvas: Canvas, box: Box, lines: Sequence[Line]) -> None:
    """Newest first, a stripe in the colour of the level before each."""
    for index, line in enumerate(lines[: int(box.h / 17)]):
        y = box.y + index * 17
        canvas.rect(Box(box.x, y + 2, 3, 13), color(_LEVELS.get(line.labels.get("level", "").lower(), "blue")))
        at = datetime.fromtimestamp(line.timestamp, UTC).strftime("%H:%M:%S")
        canvas.text(box.x + 9, y + 12.5, at, size=10.5, fill=FAINT, mono=True)
        canvas.text(box.x + 70, y + 12.5, line.text, size=10.5, mono=True, width=box.w - 72)


def draw_text(canvas: Canvas, box: Box, panel: Mapping[str, Any]) -> None:
    """Words, line by line; headings are bold, the rest of Markdown stays as it is written."""
    content = str(panel.get("options", {}).get("content") or panel.get("content") or "")
    for index, line in enumerate(content.splitlines()[: int(box.h / 18)]):
        heading = line.startswith("#")
        canvas.text(box.x, box.y + 14 + index * 18, line.lstrip("# "), size=12.5, bold=heading, width=box.w)


def draw_queries(canvas: Canvas, box: Box, fields: Fields) -> None:
    """What the panel will ask, and where its limits are: shown while there is nothing to draw."""
    y = box.y + 12
    for limit in fields.limits:
        canvas.line(box.x, y - 4, box.x + 18, y - 4, limit.color, 1.5, "5 4")
        canvas.text(box.x + 24, y, f"limit {fields.text(limit.value)}", size=11, fill=limit.color)
        y += 16
    for target in fields.panel.get("targets", ()):
        for line in _wrapped(query_text(target), box.w, 10.5):
            if y > box.y + box.h:
                return
            canvas.text(box.x, y, line, size=10.5, fill=FAINT, mono=True)
            y += 14
        y += 5


def _rows(canvas: Canvas, box: Box, head: list[str], rows: list[list[str]], inks: list[str]) -> None:
    shown = rows[: max(int(box.h / _ROW) - 1, 1)]
    wanted = [max(width_of(text, _SIZE) for text in column) + 14 for column in zip(head, *shown, strict=True)]
    factor = min(1.0, box.w / sum(wanted)) if sum(wanted) > box.w else box.w / sum(wanted)
    widths = [width * factor for width in wanted]
    for index, row in enumerate([head, *shown]):
        x, y = box.x, box.y + index * _ROW
        canvas.line(box.x, y + _ROW, box.x + box.w, y + _ROW, BORDER)
        for column, (text, width) in enumerate(zip(row, widths, strict=True)):
            ink = FAINT if index == 0 else inks[index - 1] if column == len(row) - 1 else INK
            canvas.text(x + 2, y + 14.5, text, size=_SIZE, fill=ink, bold=index == 0, width=width - 6)
            x += width
    if len(rows) > len(shown):
        rest = f"+{len(rows) - len(shown)} more"
        canvas.text(box.x + box.w, box.y + box.h - 1, rest, size=10.5, fill=FAINT, anchor="end")


def _organised(panel: Mapping[str, Any]) -> tuple[set[str], Mapping[str, str]]:
    """The columns that the panel hides, and the headings that it gives."""
    hidden: set[str] = set()
    names: dict[str, str] = {}
    for each in panel.get("transformations", ()):
        if each["id"] == "organize":
            hidden |= {name for name, gone in each["options"].get("excludeByName", {}).items() if gone}
            names.update(each["options"].get("renameByName", {}))
    return hidden, names


def _wrapped(text: str, width: float, size: float) -> list[str]:
    """A query in lines, broken behind a comma, a bracket or a blank where that can be."""
    most = max(int(width / (size * 0.61)), 8)
    lines, rest = [], " ".join(text.split())
    while len(rest) > most:
        cut = max(rest.rfind(mark, 0, most) for mark in (" ", ",", "(", ")", "}")) + 1
        cut = cut if cut > most * 0.4 else most
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*lines, rest] if rest else lines
