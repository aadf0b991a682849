"""Expositions for tests: generated ones, what prometheus-client reads of one, and what each line alone says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from tapewatch.history.samples import Layout, Values
from tapewatch.verifying.lines import OPENMETRICS, TEXT, Cursor, Syntax, read_sample

__all__ = [
    "CONTENT_TYPES",
    "Exposed",
    "body_of",
    "by_line",
    "by_prometheus_client",
    "edited",
    "expositions",
    "pairs",
    "values",
]

CONTENT_TYPES = {
    TEXT.name: "text/plain; version=0.0.4; charset=utf-8",
    OPENMETRICS.name: "application/openmetrics-text; version=1.0.0; charset=utf-8",
}

Exposed = dict[tuple[str, tuple[tuple[str, str], ...]], str]
"""Name and labels -> the value as text, so that one NaN equals another."""

_NAMES = ("a", "a_b", "ab", "orders_total", "up:rate", "_x", "latency_sum")
_LABELS = ("a", "le", "symbol", "_venue", "quantile")
_NUMBERS = ("0", "1", "-1", "1.5", "-.5", "5.", "1e5", "1.25E-7", "+3", "NaN", "+Inf", "-Inf", "inf", "nan", "0001",
            "123456789012345678901234567890", "1e-400", "0.1", "1700000000")  # fmt: skip


def pairs(layout: Layout, read: Values) -> Exposed:
    """What a parser gave."""
    assert len(layout.series) == len(read)
    found = {(name, labels): repr(float(value)) for (name, labels, _), value in zip(layout.series, read, strict=True)}
    assert len(found) == len(read), "a series stands there twice"
    return found


def by_prometheus_client(body: bytes, syntax: Syntax) -> Exposed:
    """What prometheus-client reads; of a series that stands there twice what we keep.

    Raises:
        Exception: it refuses the answer, in whatever way.
    """
    families = (read_text if syntax is TEXT else read_openmetrics)(body.decode())
    return _once(
        # It gives a counter's name in the text format the ending that OpenMetrics wants.
        (s.name if s.name in body.decode() else s.name.removesuffix("_total"), s.labels, float(s.value), s.timestamp)
        for family in families for s in family.samples
    )  # fmt: skip


def by_line(body: bytes, syntax: Syntax) -> list[tuple[tuple[str, tuple[tuple[str, str], ...]], str]]:
    """What the strict reader of a line says of each that is no metadata: series and value.

    Raises:
        FormatError: it refuses one.
    """
    lines = [line for line in body.decode().split("\n") if line.strip(" \t") and not line.lstrip(" \t").startswith("#")]
    read = (read_sample(Cursor(line, 1), syntax) for line in lines)
    return [((name, tuple(sorted(labels.items()))), repr(value)) for name, labels, value in read]


def _once(samples: Iterable[tuple[str, dict[str, str], float, Any]]) -> Exposed:
    best: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[float, float]] = {}
    for name, labels, value, at in samples:
        key, order = (name, tuple(sorted(labels.items()))), -math.inf if at is None else float(at)
        if key not in best or order > best[key][0]:
            best[key] = order, value
    return {key: repr(float(value)) for key, (_, value) in best.items()}


values = st.sampled_from(_NUMBERS) | st.floats(allow_subnormal=True).map(repr) | st.integers(-(10**20), 10**20).map(str)
"""A value as text."""

_texts = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ('"', "\\", "\n", "} 1", "a 1\n", ",", " # {", '",b="', "BTC-USD")
)


@st.composite
def expositions(draw: st.DrawFn, syntax: Syntax) -> list[str]:
    """The lines of an answer that keeps its format, a sample's name, labels and value among them in every guise."""
    lines: list[str] = []
    for name in draw(st.lists(st.sampled_from(_NAMES), max_size=4, unique=True)):
        if draw(st.booleans()):
            lines.append(f"# HELP {name} {draw(_texts)}".replace("\n", "").rstrip("\r"))
        lines.extend(_type_lines(draw, name, syntax))
        for labels in draw(st.lists(st.dictionaries(st.sampled_from(_LABELS), _texts, max_size=3), max_size=4)):
            lines.append(_sample(draw, name, labels, syntax))
    return lines if syntax is TEXT else [*lines, "# EOF"]


def _type_lines(draw: st.DrawFn, name: str, syntax: Syntax) -> Sequence[str]:
    kinds = ("", "gauge", "untyped", "counter") if syntax is TEXT else ("", "gauge", "unknown")
    kind = draw(st.sampled_from(kinds))
    return [f"# TYPE {name} {kind}"] if kind else []


def _sample(draw: st.DrawFn, name: str, labels: dict[str, str], syntax: Syntax) -> str:
    blank = draw(st.sampled_from((" ", "  ", "\t", " \t"))) if syntax is TEXT else " "
    written = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
    if written and syntax is TEXT and draw(st.integers(0, 3)) == 0:
        return f"{name} {{ {written.replace('=', ' = ', 1)} }}{draw(values)}"
    if written or draw(st.booleans()):
        name += f"{{{written}{draw(st.sampled_from(('', ','))) if written and syntax is TEXT else ''}}}"
    line = name + blank + draw(values)
    if draw(st.integers(0, 4)) == 0:
        line += " 1700000000000" if syntax is TEXT else draw(st.sampled_from((" 1700000000", " 1700000000.125")))
    return line


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@st.composite
def edited(draw: st.DrawFn, lines: list[str], syntax: Syntax) -> bytes:
    """The answer after a change: other values, lines that come, go or change places, or bytes that break it."""
    lines = list(lines)
    for _ in range(draw(st.integers(1, 3))):
        if not lines:
            break
        place = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(("value", "value", "drop", "swap", "again", "insert", "delete", "all"))):
            case "value":
                lines[place] = _revalued(lines[place], draw(values))
            case "all":
                lines = [_revalued(line, draw(values)) for line in lines]
            case "drop":
                del lines[place]
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[place], lines[other] = lines[other], lines[place]
            case "again":
                lines.insert(draw(st.integers(0, len(lines))), lines[place])
            case "insert":
                at = draw(st.integers(0, len(lines[place])))
                mess = draw(st.sampled_from(('"', "\\", "{", "}", ",", "=", " ", "\t", "\r", "1", "_", "e", "#", "\n",
                                             " 5", " # {a=\"b\"} 1", "é", "\uff11", "+", "nan", "\0")))  # fmt: skip
                lines[place] = lines[place][:at] + mess + lines[place][at:]
            case "delete":
                at = draw(st.integers(0, len(lines[place])))
                lines[place] = lines[place][:at] + lines[place][at + draw(st.integers(1, 3)) :]
    return body_of(lines)


def body_of(lines: Sequence[str]) -> bytes:
    """The answer of these lines."""
    return "".join(f"{line}\n" for line in lines).encode()


def _revalued(line: str, value: str) -> str:
    return line if line.startswith("#") or " " not in line else f"{line.rpartition(' ')[0]} {value}"
