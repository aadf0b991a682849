"""One line of an exposition, read from left to right, so that a mistake has a column.

Two formats are known: Prometheus's text format 0.0.4 (and 1.0.0, which adds names in quotes) and OpenMetrics 1.0. They
differ in how strict they are about blanks, commas and escapes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

__all__ = ["OPENMETRICS", "TEXT", "Cursor", "FormatError", "Syntax", "read_metadata", "read_sample"]


class FormatError(Exception):
    """A text breaks the format.

    Parameters:
        message: what is wrong.
        line, column: where, counted from 1.
        length: how many characters are wrong.
    """

    def __init__(self, message: str, line: int, column: int, length: int = 1) -> None:
        self.message = message
        self.line = line
        self.column = column
        self.length = length
        super().__init__(f"{line}:{column}: {message}")


@dataclass(frozen=True, slots=True)
class Syntax:
    """What the two formats see differently.

    Parameters:
        name: what people call it.
        gap: what separates name, value and timestamp.
        after_brace: the same between labels and value.
        blank: what may stand at the ends of the line and around braces, commas and equal signs.
        quoted: a text in quotes, with the escapes that are allowed.
        types: the types of a TYPE line.
        timestamp: a timestamp; milliseconds in the one, seconds in the other.
    """

    name: str
    gap: re.Pattern[str]
    after_brace: re.Pattern[str]
    blank: re.Pattern[str]
    quoted: re.Pattern[str]
    types: tuple[str, ...]
    timestamp: re.Pattern[str]


TEXT = Syntax(
    "the text format",
    re.compile(r"[ \t]+"),
    re.compile(r"[ \t]*"),
    re.compile(r"[ \t]*"),
    re.compile(r'"(?:[^"\\]|\\["\\n])*"'),
    ("counter", "gauge", "histogram", "summary", "untyped"),
    re.compile(r"[0-9]+"),
)

OPENMETRICS = Syntax(
    "OpenMetrics",
    re.compile(r" "),
    re.compile(r" "),
    re.compile(r""),
    re.compile(r'"(?:[^"\\]|\\.)*"'),
    ("counter", "gauge", "histogram", "summary", "gaugehistogram", "info", "stateset", "unknown"),
    re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII),
)

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_WORD = re.compile(r"[^ \t]+")
_REST = re.compile(r".*", re.DOTALL)
_CLOSED = re.compile(r'"(?:[^"\\]|\\.)*"')
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_SPECIAL = re.compile(r"nan|[+-]?inf(?:inity)?", re.IGNORECASE | re.ASCII)
_ESCAPE = re.compile(r'\\(["\\n])')


class Cursor:
    """Walks over a line.

    Parameters:
        text: the line, without its end.
        number: of the line, counted from 1.
    """

    def __init__(self, text: str, number: int) -> None:
        self.text = text
        self.number = number
        self.at = 0

    def sees(self, text: str) -> bool:
        """Whether the text comes next."""
        return self.text.startswith(text, self.at)

    def sees_after(self, blank: re.Pattern[str], text: str) -> bool:
        """Whether the text comes next after blanks."""
        match = blank.match(self.text, self.at)
        return self.text.startswith(text, match.end() if match else self.at)

    def skip(self, text: str) -> bool:
        """Steps over the text if it comes next; whether it did."""
        found = self.sees(text)
        self.at += len(text) if found else 0
        return found

    def take(self, pattern: re.Pattern[str], expected: str) -> str:
        """Steps over what fits the pattern.

        Raises:
            FormatError: something else comes next.
        """
        match = pattern.match(self.text, self.at)
        if match is None:
            found = _WORD.match(self.text, self.at)
            there = f"not `{found[0][:40]}`" if found else ("not a blank" if self.rest else "and the line ends")
            raise self.wrong(f"{expected} should stand here, {there}")
        self.at = match.end()
        return match[0]

    @property
    def rest(self) -> str:
        """What was not walked over yet."""
        return self.text[self.at :]

    def wrong(self, message: str, start: int | None = None, length: int = 1) -> FormatError:
        """A mistake where the cursor is, or at `start`."""
        return FormatError(message, self.number, (self.at if start is None else start) + 1, length)


def read_sample(line: Cursor, syntax: Syntax) -> tuple[str, dict[str, str], float]:
    """Name, labels and value of a line; its timestamp and exemplar are read, and left.

    Raises:
        FormatError: the line breaks the format.
    """
    line.take(syntax.blank, "")
    name = "" if line.sees("{") else line.take(_METRIC, "a metric name")
    labels: dict[str, str] = {}
    gap = syntax.gap
    if line.sees_after(syntax.blank, "{"):
        line.take(syntax.blank, "")
        line.skip("{")
        name = _labels(line, syntax, name, labels)
        gap = syntax.after_brace
    line.take(gap, "a blank and the value")
    value = _value(line)
    _ending(line, syntax)
    return name, labels, value


def _labels(line: Cursor, syntax: Syntax, name: str, labels: dict[str, str]) -> str:
    """Reads up to the closing brace; gives the metric's name, which may stand among the labels in quotes."""
    while True:
        line.take(syntax.blank, "")
        if line.skip("}"):
            break
        name = _label(line, syntax, name, labels)
        line.take(syntax.blank, "")
        if line.skip(","):
            if syntax is OPENMETRICS and line.sees("}"):
                raise line.wrong("a label should follow the comma")
        elif not line.sees("}"):
            raise line.wrong("`,` or `}` should stand here")
    if not name:
        raise line.wrong("the metric has no name", line.at - 1)
    return name


def _label(line: Cursor, syntax: Syntax, name: str, labels: dict[str, str]) -> str:
    start = line.at
    if line.sees('"'):
        key = _quoted(line, syntax)
        line.take(syntax.blank, "")
        if not line.sees("="):
            if name:
                raise line.wrong("the metric has a name already", start, line.at - start)
            return key
    else:
        key = line.take(_LABEL, "a label or `}`")
        line.take(syntax.blank, "")
    if key in labels:
        raise line.wrong(f"the label `{key}` stands here a second time", start, len(key))
    if not line.skip("="):
        raise line.wrong("`=` should stand here")
    line.take(syntax.blank, "")
    labels[key] = _quoted(line, syntax)
    return name


def _quoted(line: Cursor, syntax: Syntax) -> str:
    match = syntax.quoted.match(line.text, line.at)
    if match is None:
        raise _wrong_quotes(line)
    line.at = match.end()
    return _ESCAPE.sub(lambda found: "\n" if found[1] == "n" else found[1], match[0][1:-1])


def _wrong_quotes(line: Cursor) -> FormatError:
    if not line.sees('"'):
        return line.wrong("a value in double quotes should stand here")
    closed = _CLOSED.match(line.text, line.at)
    if closed is None:
        return line.wrong("the quotes that begin here are never closed")
    wrong = re.compile(r'(?:[^\\]|\\["\\n])*').match(line.text, line.at)
    assert wrong is not None
    return line.wrong('`\\` may only stand before `\\`, `"` and `n`', wrong.end(), 2)


def _value(line: Cursor) -> float:
    start, word = line.at, line.take(_WORD, "the value")
    if _SPECIAL.fullmatch(word):
        return float(word)
    if not _DECIMAL.fullmatch(word) or math.isinf(value := float(word)):
        raise line.wrong(f"`{word[:40]}` is no number", start, len(word))
    return value


def _ending(line: Cursor, syntax: Syntax) -> None:
    """Reads what may follow a value: a timestamp, and in OpenMetrics an exemplar."""
    if line.rest and not line.sees(" # "):
        line.take(syntax.gap, "a blank")
        if line.rest or syntax is OPENMETRICS:
            line.take(syntax.timestamp, "a timestamp")
    if syntax is OPENMETRICS and line.skip(" # "):
        if not line.skip("{"):
            raise line.wrong("`{` should stand here: the labels of an exemplar")
        _labels(line, syntax, "exemplar", {})
        line.take(syntax.gap, "a blank")
        _value(line)
        if line.skip(" "):
            line.take(syntax.timestamp, "a timestamp")
    line.take(syntax.blank, "")
    if line.rest:
        raise line.wrong("the line should end here", length=len(line.rest))


def read_metadata(line: Cursor, syntax: Syntax) -> tuple[str, str, str]:
    """Keyword (HELP, TYPE, UNIT; empty for a comment), metric and text of a line that begins with `#`.

    Raises:
        FormatError: the line breaks the format.
    """
    line.take(syntax.blank, "")
    line.skip("#")
    keyword = _keyword(line, syntax)
    if not keyword:
        return "", "", ""
    name = _quoted(line, syntax) if line.sees('"') else line.take(_METRIC, "a metric name")
    if line.rest or keyword != "HELP":
        line.take(syntax.gap, "a blank")
    start, text = line.at, line.take(_REST, "")
    if keyword == "TYPE":
        if text not in syntax.types:
            raise line.wrong(f"`{text[:40]}` is no type of {syntax.name}", start, max(len(text), 1))
    elif keyword == "UNIT" and text and not name.endswith(f"_{text}"):
        raise line.wrong(f"the name `{name}` does not end in its unit", start, len(text))
    return keyword, name, text


def _keyword(line: Cursor, syntax: Syntax) -> str:
    keywords = ("HELP", "TYPE") if syntax is TEXT else ("HELP", "TYPE", "UNIT")
    start, gap = line.at, syntax.gap.match(line.text, line.at)
    line.at = gap.end() if gap else line.at
    word = _WORD.match(line.text, line.at)
    if gap and word and word[0] in keywords:
        line.at = word.end()
        line.take(syntax.gap, "a blank and a metric name")
        return word[0]
    if syntax is OPENMETRICS:
        line.at = start + (gap is not None)
        raise line.wrong("HELP, TYPE, UNIT or EOF should stand here: OpenMetrics has no other comments")
    return ""
