"""The text of a document and where its marks point."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from tapewatch.documents._path import DataPath, path_text
from tapewatch_sdk.problems import Place

__all__ = ["Source"]

_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""The line breaks of YAML 1.1, which the parser's line numbers count."""


class Source:
    """A text with a name, able to turn the parser's marks into places.

    Parameters:
        name: the file as the user wrote it.
        text: the whole text, without a byte order mark.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    @cached_property
    def lines(self) -> list[str]:
        """The text line by line."""
        return _LINE_BREAK.split(self.text)

    def line(self, number: int) -> str:
        """Line `number`, counted from 1; empty beyond the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def between(self, start: Any, end: Any, path: DataPath = ()) -> Place:
        """The place from mark `start` to mark `end`; what goes beyond the first line is not underlined."""
        excerpt = self.line(start.line + 1)
        stop = end.column if end.line == start.line else len(excerpt.rstrip())
        return self.at(start.line + 1, start.column + 1, stop - start.column, path)

    def at(self, line: int, column: int, length: int = 1, path: DataPath = ()) -> Place:
        """The place at a line and column, both counted from 1."""
        return Place(self.name, line, column, path_text(path), self.line(line), column, max(length, 1))

    def whole(self) -> Place:
        """The file as such, when no line is to blame."""
        return Place(file=self.name)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, counted from 1, of the character at `offset`, counted from 0."""
        before = _LINE_BREAK.split(self.text[:offset])
        return len(before), len(before[-1]) + 1

    def first_content(self, path: DataPath = ()) -> Place:
        """The first line that is neither empty nor a comment."""
        for number, line in enumerate(self.lines, start=1):
            content = line.strip()
            if content and not content.startswith(("#", "---", "%")):
                return self.at(number, len(line) - len(line.lstrip()) + 1, len(content), path)
        return self.whole()
