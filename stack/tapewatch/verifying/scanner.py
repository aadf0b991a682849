"""A whole exposition, read strictly: the first thing that breaks its format has a line and a column.

prometheus-client's parsers are more lenient, and name no line. What Prometheus itself forgives, such as a TYPE line
that comes too late, is a mistake here as well: it means that the service does not say what it is meant to say.
"""

from __future__ import annotations

import re

from tapewatch.verifying.exposition import UNTYPED, Exposed, Exposition, Sample
from tapewatch.verifying.lines import OPENMETRICS, TEXT, Cursor, FormatError, Syntax, read_metadata, read_sample

__all__ = ["sample_names", "scan"]

_ENDINGS = {
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
}
"""Endings of the samples of a type; of any other type the sample has the family's name."""

_OPENMETRICS_ENDINGS = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "summary": ("", "_sum", "_count", "_created"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "info": ("_info",),
}

_FULL_NAMES = {"counter": "_total", "info": "_info"}
"""What OpenMetrics leaves out of the name on a TYPE line, and Prometheus stores."""

_EOF = "# EOF"

_UNDECODED = re.compile("[\udc80-\udcff]")
"""What stands for bytes that are no UTF-8."""


def scan(body: bytes, syntax: Syntax) -> Exposition:
    """Read an exposition.

    Parameters:
        body: the answer's body.
        syntax: its format.

    Raises:
        FormatError: it breaks the format; the first offence.
    """
    lines = body.decode(errors="surrogateescape").split("\n")
    scanner = _Scanner(syntax)
    for number, text in enumerate(lines[:-1] if lines[-1] == "" else lines, 1):
        _check_characters(text, number)
        scanner.read(Cursor(text, number))
    scanner.end(lines)
    return Exposition({family.exposed.name: family.exposed for family in scanner.families.values()}, lines)


def sample_names(name: str, kind: str, syntax: Syntax) -> list[str]:
    """The names that the samples of a family may have.

    Parameters:
        name: the family's, as its TYPE line has it.
        kind: its type.
        syntax: the format.
    """
    endings = _ENDINGS if syntax is TEXT else _OPENMETRICS_ENDINGS
    return [name + ending for ending in endings.get(kind, ("",))]


def _check_characters(text: str, number: int) -> None:
    if found := _UNDECODED.search(text):
        raise FormatError(f"the byte 0x{ord(found[0]) - 0xDC00:02X} is no UTF-8", number, found.start() + 1)
    if text.endswith("\r"):
        raise FormatError("the line ends in CR LF; it must end in LF alone", number, len(text))


class _Family:
    """A family while its lines are read."""

    def __init__(self, name: str, line: int, syntax: Syntax) -> None:
        self.name = name
        self.exposed = Exposed(name, line=line)
        self.said: dict[str, int] = {}
        self._syntax = syntax

    def set_type(self, kind: str, line: int) -> None:
        """Takes what its TYPE line says."""
        self.exposed.type = UNTYPED if kind == "unknown" else kind
        self.exposed.type_line = line
        if self._syntax is OPENMETRICS:
            self.exposed.name = self.name + _FULL_NAMES.get(kind, "")

    def sample_names(self) -> list[str]:
        """The names that its samples may have."""
        return sample_names(self.name, self.exposed.type, self._syntax)


class _Scanner:
    def __init__(self, syntax: Syntax) -> None:
        self.families: dict[str, _Family] = {}
        self._syntax = syntax
        self._now: _Family | None = None
        self._owners: dict[str, _Family] = {}
        self._ended = False

    def read(self, line: Cursor) -> None:
        """Takes the next line."""
        if self._ended:
            raise line.wrong("nothing may follow `# EOF`", 0, max(len(line.text), 1))
        if self._syntax is OPENMETRICS and line.text == _EOF:
            self._ended = True
            return
        stripped = line.text.lstrip(" \t") if self._syntax is TEXT else line.text
        if stripped.startswith("#"):
            self._read_metadata(line)
        elif stripped:
            self._read_sample(line)
        elif self._syntax is OPENMETRICS:
            raise line.wrong("OpenMetrics has no empty lines")

    def end(self, lines: list[str]) -> None:
        """Takes it that there are no more lines."""
        last = max(len(lines) - (lines[-1] == ""), 1)
        column = max(len(lines[last - 1]), 1)
        if self._syntax is TEXT and lines[-1]:
            raise FormatError("the last line must end with a line feed too", last, column)
        if self._syntax is OPENMETRICS and not self._ended:
            raise FormatError("the answer must end with the line `# EOF`", last, column)

    def _read_metadata(self, line: Cursor) -> None:
        keyword, name, text = read_metadata(line, self._syntax)
        if not keyword:
            return
        family = self._family(name, line)
        if keyword in family.said:
            first = family.said[keyword]
            raise line.wrong(f"`{name}` has a second {keyword} line, the first one is line {first}", 0, len(line.text))
        if family.exposed.samples:
            raise line.wrong(f"the {keyword} line of `{name}` must come before its samples", 0, len(line.text))
        family.said[keyword] = line.number
        if keyword == "TYPE":
            family.set_type(text, line.number)
            self._owners.update((each, family) for each in family.sample_names())

    def _family(self, name: str, line: Cursor) -> _Family:
        """The family that a line of metadata speaks of: the one whose lines are being read, or a new one."""
        if self._now is None or self._now.name != name:
            if name in self.families:
                raise self._apart(self.families[name], line)
            self._now = self.families[name] = _Family(name, line.number, self._syntax)
        return self._now

    def _read_sample(self, line: Cursor) -> None:
        name, labels, value = read_sample(line, self._syntax)
        family = self._owner(name, line)
        family.exposed.samples.append(Sample(name, labels, value, line.number))

    def _owner(self, name: str, line: Cursor) -> _Family:
        """The family of a sample: the one whose lines are being read, or a new one without a type."""
        if self._now is not None and name in self._now.sample_names():
            return self._now
        if name in self._owners:
            raise self._apart(self._owners[name], line)
        if name in self.families:
            raise self._misnamed(self.families[name], line)
        self._now = self.families[name] = self._owners[name] = _Family(name, line.number, self._syntax)
        return self._now

    def _misnamed(self, family: _Family, line: Cursor) -> FormatError:
        """A sample has its family's bare name, where the type wants an ending; or the family's lines are elsewhere."""
        kind, name = family.exposed.type, family.name
        if name in family.sample_names():
            return self._apart(family, line)
        if kind == "counter" and name.endswith("_total"):
            right = f"# TYPE {name.removesuffix('_total')} counter"
            message = f"OpenMetrics leaves `_total` out of a counter's TYPE line: `{right}`"
            return FormatError(message, family.exposed.type_line, len("# TYPE ") + 1, len(name))
        endings = ", ".join(each.removeprefix(name) for each in family.sample_names())
        return line.wrong(f"a sample of the {kind} `{name}` needs an ending: {endings}", 0, len(name))

    def _apart(self, family: _Family, line: Cursor) -> FormatError:
        first = family.exposed.line
        message = f"the lines of `{family.name}` must stand together; they begin in line {first}"
        return line.wrong(message, 0, len(line.text))
