"""The first look at an answer: every line is read, and where its value begins is noted for the next time.

The usual line is read by one regular expression. Any other goes to the strict reader of `tapewatch verify`, which knows
every corner of the formats, names in quotes and odd blanks among them, and says what is wrong and where.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter

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
    return re.compile(rb"(%b)(?:\{((?:%b(?:,%b)*+%b)?+)\})?+%b" % (_NAME, label, label, comma, blank))


_HEADS = {TEXT.name: _usual(rb"[ \t]++", b",?+", rb'["\\n]'), OPENMETRICS.name: _usual(b" ", b"", b".")}
_METADATA = re.compile(rb"# (?:HELP %b(?: .*+)?|TYPE (%b) ([a-z]++))" % (_NAME, _NAME))
_ANY_HEAD = re.compile(rb'[ \t]*+(?:%b)?+[ \t]*+(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*+")*+\})?+[ \t]*+' % _NAME)
"""Name and labels of a line of which it is known already that it is right."""

_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*+)="((?:[^"\\]|\\.)*+)"')
_ESCAPE = re.compile(r'\\(["\\n])')
_NEVER = ("", "__name__")
"""What no label may be called."""

_EOF = b"# EOF"


@dataclass(slots=True)
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

    series: list[Series] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    values: Values = field(default_factory=lambda: np.empty(0))
    kept: list[int] | None = None
    steady: bool = True


def read(lines: list[bytes], syntax: Syntax, known: Mapping[bytes, Series]) -> Reading:
    """Read an answer.

    Parameters:
        lines: of the answer, which is known to be UTF-8.
        syntax: its format.
        known: series of an earlier answer by the bytes before their values.

    Raises:
        FormatError: it breaks the format; the first offence.
    """
    reader = _Reader(syntax, known)
    last = len(lines) - (not lines[-1])
    if syntax is TEXT and last == len(lines):
        # Prometheus takes it. It may be a number that was cut off, and then be a wrong one.
        raise FormatError("the last line must end with a line feed too", last, len(lines[-1]))
    if syntax is OPENMETRICS and lines[last - 1 : last] != [_EOF]:
        raise FormatError("the answer must end with the line `# EOF`", max(last, 1), 1)
    for number, line in enumerate(lines[:last], 1):
        reader.read(line, number, number == last)
    return reader.finished(lines)


class _Reader:
    def __init__(self, syntax: Syntax, known: Mapping[bytes, Series]) -> None:
        self._syntax = syntax
        self._known = known
        self._head = _HEADS[syntax.name].match
        self._types: dict[str, str] = {}
        self._labels: dict[bytes, Labels | None] = {b"": ()}
        self._read = Reading()
        self._tails: list[bytes] = []

    def read(self, line: bytes, number: int, is_last: bool) -> None:
        """Takes the next line."""
        if line.startswith(b"#"):
            if not (is_last and self._syntax is OPENMETRICS):
                self._metadata(line, number)
            return
        end = line.rfind(b" ") + 1
        if found := self._known.get(line[:end]):
            self._take(found[0], found[1], line, end, number, found)
            return
        match = self._head(line)
        labels = self._labels_of(match[2] or b"") if match else None
        if match is None or labels is None:
            self._odd(line, number)
        else:
            self._take(match[1].decode(), labels, line, match.end(), number)

    def finished(self, lines: list[bytes]) -> Reading:
        """All that was read."""
        found = self._read
        values = numbers(self._tails, self._syntax)
        if values is None:
            values = np.array([self._number(*each, lines) for each in zip(self._tails, found.numbers, strict=True)])
        found.values = values
        if len(set(map(itemgetter(0, 1), found.series))) < len(found.series):
            self._keep_one_of_each()
        return found

    def _take(self, name: str, labels: Labels, line: bytes, end: int, number: int, same: Series | None = None) -> None:
        kind = self._types.get(name, "untyped")
        self._read.series.append(same if same and same.type == kind else Series(name, labels, kind))
        self._read.heads.append(line[:end])
        self._tails.append(line[end:])
        self._read.numbers.append(number)

    def _labels_of(self, text: bytes) -> Labels | None:
        """The labels between the braces; None if one stands there twice, or may not stand there."""
        try:
            return self._labels[text]
        except KeyError:
            pairs = _LABEL.findall(text.decode())
            if b"\\" in text:
                pairs = [(name, _ESCAPE.sub(_escaped, value)) for name, value in pairs]
            fine = len({name for name, _ in pairs}) == len(pairs) and not any(name in _NEVER for name, _ in pairs)
            self._labels[text] = labels = tuple(sorted(pairs)) if fine else None
            return labels

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
        if wrong := next((each for each in _NEVER if each in labels), None):
            raise FormatError(f"no label may be called `{wrong}`", number, 1)
        match = _ANY_HEAD.match(line)
        assert match is not None  # every part of it may be absent
        self._take(name, tuple(sorted(labels.items())), line, match.end(), number)

    def _metadata(self, line: bytes, number: int) -> None:
        match = _METADATA.fullmatch(line)
        if match is None or (match[2] and match[2].decode() not in self._syntax.types):
            keyword, name, kind = read_metadata(Cursor(line.decode(), number), self._syntax)
        else:
            keyword, name, kind = ("TYPE", match[1].decode(), match[2].decode()) if match[2] else ("HELP", "", "")
        if keyword == "TYPE":
            said = "untyped" if kind == "unknown" else kind
            self._types.update(dict.fromkeys(sample_names(name, kind, self._syntax), said))

    def _number(self, tail: bytes, number: int, lines: list[bytes]) -> float:
        """The value of one line, where not all of them are plain."""
        found = numbers([tail], self._syntax)
        if found is not None:
            return float(found[0])
        self._read.steady = False
        return read_sample(Cursor(lines[number - 1].decode(), number), self._syntax)[2]

    def _keep_one_of_each(self) -> None:
        """Of a series that stands there twice Prometheus keeps the first value, and of several moments the newest."""
        best: dict[tuple[str, Labels], tuple[float, int]] = {}
        for index, (name, labels, _) in enumerate(self._read.series):
            at = timestamp(self._tails[index], self._syntax)
            order = float("-inf") if at is None else at
            earlier = best.get((name, labels))
            if earlier:
                self._read.steady &= at is None and earlier[0] == float("-inf")
            if not earlier or order > earlier[0]:
                best[name, labels] = order, index
        self._read.kept = sorted(index for _, index in best.values())


def _escaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]
