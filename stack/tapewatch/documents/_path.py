"""The path of a value inside a document."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["DataPath", "path_text"]

DataPath = Sequence[str | int]
"""Keys and list positions from the top of a document down to a value."""

_NEEDS_QUOTES = frozenset('.[]" \n\t')


def path_text(path: DataPath) -> str:
    """The path as people write it: `services.market-data.domains[2]`; a key with a dot or a space stands in quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = f'"{part}"' if not part or _NEEDS_QUOTES.intersection(part) else part
            text += f".{name}" if text else name
    return text
