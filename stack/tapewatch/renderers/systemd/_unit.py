"""The text of a unit file, from data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tapewatch import layout

__all__ = ["Section", "command_line", "escaped", "unit_text"]

Section = Sequence[tuple[str, str]]
"""Settings in their order; a key may stand more than once."""

_PLAIN = re.compile(r"[A-Za-z0-9_./:=@,+-]+")


def unit_text(sections: Mapping[str, Section]) -> str:
    """The file, with the line that says who made it."""
    parts = ["\n".join((f"[{name}]", *(f"{key}={value}" for key, value in each))) for name, each in sections.items()]
    return "\n\n".join((f"# {layout.HEADER}", *parts)) + "\n"


def command_line(words: Iterable[str]) -> str:
    """A command as systemd reads it: no word is split, and no variable or specifier put in."""
    return " ".join(_quoted(word.replace("$", "$$")) for word in words)


def escaped(name: str, value: str) -> str:
    """`NAME=value` for `Environment=`."""
    return _quoted(f"{name}={value}")


def _quoted(word: str) -> str:
    word = word.replace("%", "%%")
    if _PLAIN.fullmatch(word):
        return word
    inner = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{inner}"'
