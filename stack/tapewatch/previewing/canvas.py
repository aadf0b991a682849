"""Writes SVG: text is measured by estimate and cut where it would not fit, so that nothing lies on something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from tapewatch.previewing.theme import INK, MONO, SANS

__all__ = ["Box", "Canvas", "fitting", "polyline", "width_of"]

_MONO_WIDTH = 0.61
_NARROW, _WIDE = set("iljtfr.,:;|'()[]{}!I "), set("mwMW@%")
"""Characters of a proportional font that take about half, and one and a half of the usual width."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, in pixels."""

    x: float
    y: float
    w: float
    h: float

    def inset(self, left: float, top: float, right: float, bottom: float) -> Box:
        """The rectangle inside, with these margins."""
        return Box(self.x + left, self.y + top, max(self.w - left - right, 0), max(self.h - top - bottom, 0))

    def columns(self, count: int, gap: float = 0.0) -> list[Box]:
        """Equal rectangles side by side."""
        width = (self.w - gap * (count - 1)) / count
        return [Box(self.x + index * (width + gap), self.y, width, self.h) for index in range(count)]

    def rows(self, count: int, gap: float = 0.0) -> list[Box]:
        """Equal rectangles one below the other."""
        height = (self.h - gap * (count - 1)) / count
        return [Box(self.x, self.y + index * (height + gap), self.w, height) for index in range(count)]


def width_of(text: str, size: float, *, mono: bool = False, bold: bool = False) -> float:
    """About how many pixels a text takes; rather too many than too few."""
    if mono:
        return len(text) * size * _MONO_WIDTH
    units = sum(0.33 if each in _NARROW else 0.9 if each in _WIDE else 0.6 for each in text)
    return units * size * (1.14 if bold else 1)


def fitting(text: str, size: float, width: float, *, mono: bool = False, bold: bool = False) -> str:
    """A text, cut with an ellipsis where it is too long."""
    if width_of(text, size, mono=mono, bold=bold) <= width:
        return text
    while text and width_of(f"{text}…", size, mono=mono, bold=bold) > width:
        text = text[:-1]
    return f"{text.rstrip()}…" if text else ""


class Canvas:
    """Collects the elements of one picture.

    Parameters:
        name: tells its ids from those of other pictures on the same page.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._parts: list[str] = []
        self._clips = 0

    def rect(
        self, box: Box, fill: str, *, stroke: str = "none", radius: float = 0, opacity: float = 1, line: float = 1
    ) -> None:
        """A rectangle."""
        self._add(
            "rect", x=box.x, y=box.y, width=box.w, height=box.h, fill=fill, stroke=stroke,
            rx=radius or None, opacity=opacity if opacity != 1 else None,
            stroke_width=line if stroke != "none" else None,
        )  # fmt: skip

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1, dash: str = "") -> None:
        """A straight line."""
        self._add("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=width, stroke_dasharray=dash or None)

    def path(
        self, data: str, *, stroke: str = "none", fill: str = "none", width: float = 1.4, opacity: float = 1
    ) -> None:
        """A path."""
        self._add(
            "path", d=data, stroke=stroke, fill=fill, stroke_width=width if stroke != "none" else None,
            stroke_linejoin="round" if stroke != "none" else None, opacity=opacity if opacity != 1 else None,
        )  # fmt: skip

    def circle(self, x: float, y: float, radius: float, fill: str, stroke: str = "none") -> None:
        """A circle."""
        self._add("circle", cx=x, cy=y, r=radius, fill=fill, stroke=stroke)

    def text(
        self, x: float, y: float, text: str, *, size: float = 12, fill: str = INK, anchor: str = "start",
        bold: bool = False, mono: bool = False, width: float = 0,
    ) -> None:  # fmt: skip
        """A text on one line.

        Parameters:
            x, y: the end of its baseline that `anchor` names.
            width: pixels that it may take at most; 0 for any.
        """
        shown = fitting(text, size, width, mono=mono, bold=bold) if width else text
        if not shown:
            return
        attributes = _attributes(
            x=x, y=y, font_size=size, fill=fill, text_anchor=anchor if anchor != "start" else None,
            font_weight="600" if bold else None, font_family=MONO if mono else None,
        )  # fmt: skip
        title = f"<title>{escape(text)}</title>" if shown != text else ""
        self._parts.append(f"<text{attributes}>{escape(shown)}{title}</text>")

    def begin(self, title: str = "", clip: Box | None = None) -> None:
        """Begin a group, with a tooltip, and cut at a rectangle."""
        if clip is not None:
            self._clips += 1
            name = f"{self._name}-{self._clips}"
            self._parts.append(f'<clipPath id="{name}">')
            self.rect(clip, "none")
            self._parts.append(f'</clipPath><g clip-path="url(#{name})">')
        else:
            self._parts.append("<g>")
        if title:
            self._parts.append(f"<title>{escape(title)}</title>")

    def end(self) -> None:
        """End the group."""
        self._parts.append("</g>")

    def svg(self, width: float, height: float, background: str) -> str:
        """The whole picture."""
        head = _attributes(
            xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width:g} {height:g}", width=width, height=height,
            font_family=SANS,
        )  # fmt: skip
        floor = f'<rect width="100%" height="100%" fill="{background}"/>'
        return f"<svg{head}>{floor}{''.join(self._parts)}</svg>\n"

    def _add(self, name: str, **attributes: Any) -> None:
        self._parts.append(f"<{name}{_attributes(**attributes)}/>")


def polyline(points: Sequence[tuple[float, float]]) -> str:
    """A path through points."""
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points) if points else ""


def _attributes(**attributes: Any) -> str:
    return "".join(
        f' {name.replace("_", "-") if name != "viewBox" else name}="{_value(value)}"'
        for name, value in attributes.items()
        if value is not None
    )


def _value(value: Any) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(str(value), quote=True)
