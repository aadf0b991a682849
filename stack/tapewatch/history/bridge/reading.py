"""The first look at an answer: every line is read, and where its value begins is noted for the next time.

The usual line is read by one regular expression. Any other goes to the strict reader of `tapewatch verify`, which knows
every corner of the formats, names in quotes and odd blanks among them, and says what is wrong and where.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from tapewatch.history.bridge.numbers import numbers, timestamp
from tapewatch.history.samples import Series, Values
from tapewatch.verifying.lines import OPENMETRICS, TEXT, Cursor, FormatError, Syntax, read_metadata, read_sample
from tapewatch.verifying.scanner import sample_names

__all__ = ["Reading", "read"]

Labels = tuple[tuple[str, str], ...]

_NAME = rb"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_LABEL_NAME = rb"[a-zA-Z_][a-zA-Z0-9_]*+"


def _usual(blank: bytes, comma: bytes, escaped: bytes) -> re.Pattern[bytes]:
    """Name and labels as most services write them.

    Parameters:
        blank: what stands before the value.
        comma: what may stand behind the last label.
        escaped: what may stand behind a backslash.
    """
    label = rb'%b="(?:[^"\\]|\\%b)*+"' % (_LABEL_NAME, escaped)
    # Behind a name and a blank there may also be labels: those lines are not usual.
    return re.compile(rb"(%b)(?:\{((?:%b(?:,%b)*+%b)?+)\})?+%b(?![{ \t])" % (_NAME, label, label, comma, blank))


_HEADS = {TEXT.name: _usual(rb"[ \t]++", b",?+", rb'["\\n]'), OPENMETRICS.name: _usual(b" ", b"", b".")}
_METADATA = re.compile(rb"# (?:HELP %b(?: .*+)?|TYPE (%b) ([a-z]++))" % (_NAME, _NAME))
_ANY_HEAD = re.compile(rb'[ \t]*+(?:%b)?+[ \t]*+(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*+")*+\})?+[ \t]*+' % _NAME)
"""Name and labels of a line of which it is known already that it is right."""

_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*+)="((?:[^"\\]|\\.)*+)"')
_ESCAPE = re.compile(r'\\(["\\n])')
_NEVER = ("", "__name__")
"""What no label may be called."""

_EOF = b"# EOF"


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer holds.

    Parameters:
        series: in the order of the lines, duplicates among them.
        heads: of each line of a sample the bytes before its value.
        numbers: of each such line its place in the answer, counted from 1.
        values: one for each series.
        kept: the places of the series that are kept; None if all are.
        steady: whether the same lines with other values would be read alike.
    """

    series: list[Series]
    heads: list[bytes]
    numbers: list[int]
    values: Values
    kept: list[int] | None = None
    steady: bool = True


def read(lines: list[bytes], syntax: Syntax, known: Mapping[bytes, Series]) -> Reading:
    """Read an answer.

    Parameters:
        lines: of the answer, which is known to be UTF-8.
        syntax: its format.
        known: series of an earlier answer in this format by the bytes before their values.

    Raises:
        FormatError: it breaks the format; the first offence.
    """
    last = len(lines) - (not lines[-1])
    if syntax is TEXT and last == len(lines):
        # Prometheus takes it. It may be a number that was cut off, and then be a wrong one.
        raise FormatError("the last line must end with a line feed too", last, len(lines[-1]))
    if syntax is OPENMETRICS:
        if lines[last - 1 : last] != [_EOF]:
            raise FormatError("the answer must end with the line `# EOF`", max(last, 1), 1)
        last -= 1
    reader = _Reader(syntax, known)
    reader.read(lines[:last])
    return reader.finished(lines)


class _Reader:
    def __init__(self, syntax: Syntax, known: Mapping[bytes, Series]) -> None:
        self._syntax = syntax
        self._known = known
        self._types: dict[str, str] = {}
        self._known_names: dict[bytes, str] = {}
        self._known_ends: dict[bytes, Labels] = {}
        """Labels by the bytes from behind the brace that opens to the value."""
        # Of the samples, a list for each part: much of the time of a first look goes into what it makes.
        self._names: list[str] = []
        self._label_sets: list[Labels] = []
        self._kinds: list[str] = []
        self._heads: list[bytes] = []
        self._tails: list[bytes] = []
        self._numbers: list[int] = []

    def read(self, lines: list[bytes]) -> None:
        """Takes all lines."""
        known, names, ends = self._known, self._known_names, self._known_ends
        for number, line in enumerate(lines, 1):
            if line[:1] == b"#":
                self._metadata(line, number)
                continue
            end = line.rfind(b" ") + 1
            head = line[:end]
            if known and (found := known.get(head)):
                self._take(found[0], found[1], head, line[end:], number)
                continue
            # Most names stand with many labels, and most labels with many names; what is right of both is right.
            name, _, rest = head.partition(b"{")
            labels = ends.get(rest)
            if labels is not None and (text := names.get(name)) is not None:
                self._take(text, labels, head, line[end:], number)
            else:
                self._usual(line, number)

    def finished(self, lines: list[bytes]) -> Reading:
        """All that was read."""
        values, steady = numbers(self._tails, self._syntax), True
        if values is None:
            values, steady = self._one_by_one(lines)
        # What `Series` itself would do, without a call of Python for each.
        parts = zip(self._names, self._label_sets, self._kinds, strict=True)
        series = list(map(tuple.__new__, repeat(Series), parts))
        kept = None
        if len(set(zip(self._names, self._label_sets, strict=True))) < len(series):
            kept, is_timeless = self._one_of_each()
            steady &= is_timeless
        return Reading(series, self._heads, self._numbers, values, kept, steady)

    def _take(self, name: str, labels: Labels, head: bytes, tail: bytes, number: int) -> None:
        self._names.append(name)
        self._label_sets.append(labels)
        self._kinds.append(self._types.get(name, "untyped"))
        self._heads.append(head)
        self._tails.append(tail)
        self._numbers.append(number)

    def _usual(self, line: bytes, number: int) -> None:
        """Takes a line whose name or labels are new, and remembers them."""
        match = _HEADS[self._syntax.name].match(line)
        labels = None if match is None else self._labels_of(match[2] or b"")
        if match is None or labels is None:
            self._odd(line, number)
            return
        name, head = match[1].decode(), match[0]
        self._take(name, labels, head, line[match.end() :], number)
        if b"{" in head:
            self._known_names[match[1]] = name
            self._known_ends[head[len(match[1]) + 1 :]] = labels

    def _labels_of(self, text: bytes) -> Labels | None:
        """The labels between the braces; None if one stands there twice, or may not stand there."""
        pairs = _LABEL.findall(text.decode())
        if b"\\" in text:
            pairs = [(name, _ESCAPE.sub(_escaped, value)) for name, value in pairs]
        names = {name for name, _ in pairs}
        return tuple(sorted(pairs)) if len(names) == len(pairs) and names.isdisjoint(_NEVER) else None

    def _odd(self, line: bytes, number: int) -> None:
        """Takes a line that is not like most: the strict reader's."""
        text = line.decode()
        stripped = text.lstrip(" \t") if self._syntax is TEXT else text
        if self._syntax is TEXT and not stripped:
            return
        if stripped.startswith("#"):
            self._metadata(line, number)
            return
        name, labels, _ = read_sample(Cursor(text, number), self._syntax)
        if wrong := next((f"`{each}`" for each in _NEVER if each in labels), ""):
            raise FormatError(f"no label may be called {wrong}", number, 1)
        match = _ANY_HEAD.match(line)
        assert match is not None  # every part of it may be absent
        self._take(name, tuple(sorted(labels.items())), match[0], line[match.end() :], number)

    def _metadata(self, line: bytes, number: int) -> None:
        match = _METADATA.fullmatch(line)
        if match is None or (match[2] and match[2].decode() not in self._syntax.types):
            keyword, name, kind = read_metadata(Cursor(line.decode(), number), self._syntax)
        else:
            keyword, name, kind = ("TYPE", match[1].decode(), match[2].decode()) if match[2] else ("HELP", "", "")
        if keyword == "TYPE":
            said = "untyped" if kind == "unknown" else kind
            self._types.update(dict.fromkeys(sample_names(name, kind, self._syntax), said))

    def _one_by_one(self, lines: list[bytes]) -> tuple[Values, bool]:
        """The values of lines of which one is not surely right, and whether all are after all."""
        found, steady = np.empty(len(self._tails)), True
        for index, (tail, number) in enumerate(zip(self._tails, self._numbers, strict=True)):
            value = numbers([tail], self._syntax)
            if value is None:
                steady = False
                found[index] = read_sample(Cursor(lines[number - 1].decode(), number), self._syntax)[2]
            else:
                found[index] = value[0]
        return found, steady

    def _one_of_each(self) -> tuple[list[int], bool]:
        """Of a series that stands there twice Prometheus keeps the first value, and of several moments the newest.

        Gives the places of what is kept, and whether that depends on no timestamp.
        """
        best: dict[tuple[str, Labels], tuple[float, int]] = {}
        is_timeless = True
        for index, series in enumerate(zip(self._names, self._label_sets, strict=True)):
            at = timestamp(self._tails[index], self._syntax)
            order, earlier = -math.inf if at is None else at, best.get(series)
            if earlier is not None:
                is_timeless &= order == earlier[0] == -math.inf
            if earlier is None or order > earlier[0]:
                best[series] = order, index
        return sorted(index for _, index in best.values()), is_timeless


def _escaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]
