"""Facts of a rendering, each with the place where it stands, and the differences of two renderings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["KINDS", "Fact", "Meaning", "differences"]

KINDS = (
    "setting", "target", "rule", "route", "receiver", "inhibition", "time interval", "data source", "dashboard",
)  # fmt: skip


class Fact(NamedTuple):
    """One thing that a rendering says.

    Parameters:
        value: plain data, without what differs by design: hosts and ports of the stack itself.
        place: file and path in it.
    """

    value: Any
    place: str


@dataclass
class Meaning:
    """All that a rendering says.

    Parameters:
        name: of the rendering.
        homes: the file or folder that holds the facts of a kind; a fact that is missing is missing there.
        facts: by kind and by a name that is the same in every rendering.
    """

    name: str
    homes: dict[str, str]
    facts: dict[str, dict[str, Fact]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    def add(self, kind: str, name: str, value: Any, place: str) -> None:
        """A fact; that it is there once alone is a part of the meaning."""
        found = self.facts[kind]
        number = 2
        key = name
        while key in found:
            key, number = f"{name} (number {number})", number + 1
        found[key] = Fact(value, place)


def differences(one: Meaning, other: Meaning) -> list[str]:
    """Everything in which two renderings differ, each with the places of both."""
    return [text for kind in KINDS for text in _of_kind(kind, one, other)]


def _of_kind(kind: str, one: Meaning, other: Meaning) -> Iterator[str]:
    first, second = one.facts[kind], other.facts[kind]
    for name in sorted({*first, *second}):
        if name not in second:
            yield f"{kind} {name}: in {first[name].place}, and not in {other.homes[kind]}"
        elif name not in first:
            yield f"{kind} {name}: in {second[name].place}, and not in {one.homes[kind]}"
        else:
            for where, mine, theirs in _unequal(first[name].value, second[name].value, ""):
                yield (
                    f"{kind} {name}{where}: {_short(mine)} in {first[name].place},"
                    f" {_short(theirs)} in {second[name].place}"
                )


def _unequal(one: Any, other: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted({*one, *other}):
            yield from _unequal(one.get(key), other.get(key), f"{where}, {key}")
    elif one != other:
        yield where, one, other


def _short(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}..."
