"""Reads the configuration language of Alloy, as far as a file of ours uses it.

Blocks with dotted names and labels, attributes, texts, numbers, booleans, lists, objects, references to what a
component exports. What is not here (arithmetic, calls of functions, `import`) is an error, so that nothing passes
unseen. The language: docs/sources/get-started/configuration-syntax in Alloy's repository.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from support.keys.kinds import Blocks, Path

__all__ = ["File", "Name", "Reference", "parse"]

_TOKEN = re.compile(
    r"""
      (?P<space> [ \t\r]+ | //[^\n]* | /\*.*?\*/ )
    | (?P<line> \n )
    | (?P<string> "(?:[^"\\\n]|\\.)*" )
    | (?P<raw> `[^`]*` )
    | (?P<number> -?\d+(?:\.\d+)? )
    | (?P<word> [A-Za-z_][A-Za-z0-9_]* )
    | (?P<mark> [{}\[\],=.] )
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Reference:
    """What a component exports: `loki.write.loki.receiver`."""

    component: str
    label: str
    export: str


@dataclass(frozen=True)
class Name:
    """A name that the file gives to Alloy: of a block, an attribute, a key of an object, or in a reference.

    Parameters:
        path: where it stands.
        text: the name.
        start: its position in the file.
        line: its line, counted from 1.
    """

    path: Path
    text: str
    start: int
    line: int


@dataclass
class File:
    """A file that was read.

    Parameters:
        data: blocks and attributes by name; blocks with a label by that too.
        names: every name in it.
    """

    data: dict[str, Any] = field(default_factory=dict)
    names: list[Name] = field(default_factory=list)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    line: int


def parse(text: str) -> File:
    """Reads a file.

    Raises:
        ValueError: the file is none that Alloy could read, or uses what is not known here.
    """
    reader = _Reader(list(_tokens(text)))
    file = File(names=reader.names)
    file.data = reader.body((), "")
    return file


def _tokens(text: str) -> Iterator[_Token]:
    position, line = 0, 1
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ValueError(f"line {line}: {text[position]!r} has no place in a file of Alloy's")
        kind = found.lastgroup or ""
        if kind != "space":
            yield _Token(kind, found[0], position, line)
        line += found[0].count("\n")
        position = found.end()
    yield _Token("line", "\n", position, line)
    yield _Token("end", "", position, line)


class _Reader:
    def __init__(self, tokens: list[_Token]) -> None:
        self.names: list[Name] = []
        self._tokens = tokens
        self._next = 0

    def body(self, path: Path, end: str) -> dict[str, Any]:
        """Statements up to a closing brace, or to the end of the file."""
        found: dict[str, Any] = {}
        while True:
            self._skip_lines()
            if self._peek().text == end:
                self._take()
                return found
            self._statement(found, path)
            if self._peek().text != end and self._take().kind != "line":
                raise self._wrong(self._tokens[self._next - 1], "a line's end")

    def _statement(self, found: dict[str, Any], path: Path) -> None:
        first = self._peek()
        name = self._dotted()
        here = (*path, name)
        if self._peek().text == "=":
            self.names.append(Name(here, name, first.start, first.line))
            self._take()
            if name in found or "." in name:
                raise self._wrong(first, "an attribute once, without dots")
            found[name] = self._value(here)
            return
        self.names.append(Name(here, name, first.start, first.line))
        label = str(self._literal(self._take())) if self._peek().kind == "string" else ""
        self._expect("{")
        if path:
            blocks = found.setdefault(name, Blocks())
            blocks.append(self.body((*here, len(blocks)), "}"))
        else:
            self._component(found, name, label, first)

    def _component(self, found: dict[str, Any], name: str, label: str, first: _Token) -> None:
        """A block of the file itself: a component with a label, which is unique, or a block of settings without."""
        if not label:
            if name in found:
                raise self._wrong(first, f"`{name}` once")
            found[name] = self.body((name,), "}")
            return
        labelled = found.setdefault(name, {})
        if label in labelled:
            raise self._wrong(first, f'`{name} "{label}"` once')
        labelled[label] = self.body((name, label), "}")

    def _dotted(self) -> str:
        parts = [self._word()]
        while self._peek().text == ".":
            self._take()
            parts.append(self._word())
        return ".".join(parts)

    def _word(self) -> str:
        token = self._take()
        if token.kind != "word":
            raise self._wrong(token, "a name")
        return token.text

    def _value(self, path: Path) -> Any:
        token = self._peek()
        if token.text == "[":
            return self._list(path)
        if token.text == "{":
            return self._object(path)
        if token.kind == "word" and token.text not in _WORDS:
            return self._reference(path)
        return self._literal(self._take())

    def _list(self, path: Path) -> list[Any]:
        self._expect("[")
        found: list[Any] = []
        while True:
            self._skip_lines()
            if self._peek().text == "]":
                self._take()
                return found
            found.append(self._value((*path, len(found))))
            self._comma("]")

    def _object(self, path: Path) -> dict[str, Any]:
        self._expect("{")
        found: dict[str, Any] = {}
        while True:
            self._skip_lines()
            token = self._take()
            if token.text == "}":
                return found
            if token.kind not in ("word", "string"):
                raise self._wrong(token, "a key")
            key = str(self._literal(token)) if token.kind == "string" else token.text
            self.names.append(Name((*path, key), key, token.start + (token.kind == "string"), token.line))
            self._expect("=")
            found[key] = self._value((*path, key))
            self._comma("}")

    def _comma(self, end: str) -> None:
        """A comma between two items; before a closing bracket it may only be left out on the same line."""
        token = self._peek()
        if token.text == ",":
            self._take()
        elif token.text != end:
            raise self._wrong(token, f"a comma or `{end}`")

    def _reference(self, path: Path) -> Reference:
        token = self._peek()
        whole = self._dotted()
        *component, label, export = whole.rsplit(".", 2) if whole.count(".") > 1 else ("", "")
        if not component:
            raise self._wrong(token, "a reference such as loki.write.NAME.receiver")
        self.names.append(Name(path, whole, token.start, token.line))
        return Reference(component[0], label, export)

    def _literal(self, token: _Token) -> Any:
        if token.kind == "string":
            return json.loads(token.text)
        if token.kind == "raw":
            return token.text[1:-1]
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text)
        if token.text in _WORDS:
            return _WORDS[token.text]
        raise self._wrong(token, "a value")

    def _skip_lines(self) -> None:
        while self._peek().kind == "line":
            self._take()

    def _expect(self, text: str) -> None:
        token = self._take()
        if token.text != text:
            raise self._wrong(token, f"`{text}`")

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return self._tokens[self._next - 1]

    def _wrong(self, token: _Token, wanted: str) -> ValueError:
        return ValueError(f"line {token.line}: {token.text!r} stands where {wanted} belongs")
