"""The text of a unit file, from data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tapewatch import layout

__all__ = ["Section", "command_line", "escaped", "unit_settings", "unit_text"]

Section = Sequence[tuple[str, str]]
"""Settings in their order; a key may stand more than once."""

_PLAIN = re.compile(r"[A-Za-z0-9_./:=@,+-]+")


def unit_text(sections: Mapping[str, Section]) -> str:
    """The file, with the line that says who made it; a section without settings is left out."""
    parts = [
        "\n".join((f"[{name}]", *(f"{key}={value}" for key, value in each))) for name, each in sections.items() if each
    ]
    return "\n\n".join((f"# {layout.HEADER}", *parts)) + "\n"


def unit_settings(text: str) -> Iterator[tuple[str, str, str]]:
    """Section, key and value of each line of such a file, in their order."""
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            yield section, key, value


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
