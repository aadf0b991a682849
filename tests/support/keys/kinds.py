"""What a value may be: the words in which the tables are written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tapewatch.schema import nearest

__all__ = [
    "BOOLEAN",
    "DURATION",
    "NAME",
    "NUMBER",
    "TEXT",
    "URL",
    "Blocks",
    "Finding",
    "Keys",
    "Kind",
    "ListOf",
    "MapOf",
    "OneOf",
    "Path",
    "Text",
]

Path = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Finding:
    """Something that the program would not understand.

    Parameters:
        path: keys and list positions down to it.
        what: what is wrong.
        line: where it stands in a file whose lines are known; 0 elsewhere.
    """

    path: Path
    what: str
    line: int = 0

    def __str__(self) -> str:
        place = " > ".join(map(str, self.path))
        return f"line {self.line}, {place}: {self.what}" if self.line else f"{place}: {self.what}"


class Kind(Protocol):
    """A kind of value."""

    def findings(self, value: Any, path: Path) -> Iterator[Finding]:
        """What is wrong with a value at a path."""


class Blocks(list[Any]):
    """The blocks of one name in a file of Alloy's; an attribute with a list is none."""


@dataclass(frozen=True)
class Text:
    """A text that matches a pattern as a whole."""

    pattern: str
    name: str

    def findings(self, value: Any, path: Path) -> Iterator[Finding]:
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value, re.DOTALL):
            yield Finding(path, f"{value!r} is no {self.name}")


@dataclass(frozen=True)
class _Plain:
    """A number or a boolean."""

    types: tuple[type, ...]
    name: str

    def findings(self, value: Any, path: Path) -> Iterator[Finding]:
        if type(value) not in self.types:  # to Python, True is a number as well
            yield Finding(path, f"{value!r} is no {self.name}")


@dataclass(frozen=True)
class OneOf:
    """One of some texts."""

    values: Sequence[str]

    def findings(self, value: Any, path: Path) -> Iterator[Finding]:
        if value not in self.values:
            yield Finding(path, f"{value!r} is none of {', '.join(self.values)}")


@dataclass(frozen=True)
class ListOf:
    """A list, each item of one kind."""

    item: Kind

    def findings(self, value: Any, path: Path) -> Iterator[Finding]:
        if not isinstance(value, list) or isinstance(value, Blocks):
            yield Finding(path, f"{value!r} is no list")
            return
        for index, each in enumerate(value):
            yield from self.item.findings(each, (*path, index))


@dataclass(frozen=True)
class MapOf:
    """A mapping whose keys are names of somebody's own, of one kind too."""

    key: Kind
    value: Kind

    def findings(self, value: Any, path: Path) -> Iterator[Finding]:
        if not isinstance(value, dict):
            yield Finding(path, f"{value!r} is no mapping")
            return
        for key, each in value.items():
            yield from self.key.findings(key, (*path, key))
            yield from self.value.findings(each, (*path, key))


@dataclass(frozen=True)
class Keys:
    """A mapping with keys that the program knows.

    Parameters:
        documented: where the project itself describes them.
        known: kind by key.
        required: keys without which it does not start.
    """

    documented: str
    known: Mapping[str, Kind]
    required: frozenset[str] = field(default=frozenset())

    def findings(self, value: Any, path: Path) -> Iterator[Finding]:
        if not isinstance(value, dict):
            yield Finding(path, f"{value!r} is no mapping")
            return
        for key in sorted(self.required - value.keys()):
            yield Finding(path, f"`{key}` is missing")
        for key, each in value.items():
            if key in self.known:
                yield from self.known[key].findings(each, (*path, key))
            else:
                near = nearest(key, self.known)
                hint = f"; did you mean `{near}`?" if near else ""
                yield Finding((*path, key), f"unknown key `{key}`{hint} ({self.documented})")


TEXT = Text(r".+", "text")
NAME = Text(r"[a-z][a-z0-9_]*", "name")
URL = Text(r"https?://[^\s/]+(/\S*)?", "URL")
DURATION = Text(r"-?(\d+(\.\d+)?(ns|us|ms|s|m|h|d|w))+", "duration")
NUMBER = _Plain((int, float), "number")
BOOLEAN = _Plain((bool,), "boolean")
