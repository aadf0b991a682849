"""Changes of native units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from tapewatch.planning.changes import Action, Change

__all__ = ["unit_changes"]

_Settings = tuple[tuple[str, str, str], ...]
"""Section, key and value of each line."""


def unit_changes(before: Mapping[str, _Settings], after: Mapping[str, _Settings]) -> Iterator[Change]:
    """Units gained, lost, or with other settings: each with its new value, a long one by its name alone."""
    for path in sorted({*before, *after}):
        name = _name(PurePosixPath(path))
        was, now = before.get(path), after.get(path)
        if was is None or now is None:
            yield Change("unit", name, Action.GAINED if was is None else Action.LOST, "", path)
        elif was != now:
            yield Change("unit", name, Action.CHANGED, ", ".join(_differing(was, now)), path)


def _name(path: PurePosixPath) -> str:
    """A drop-in goes by the unit that it belongs to."""
    return f"{path.parent.name.removesuffix('.d')} (drop-in)" if path.suffix == ".conf" else path.name


def _differing(was: _Settings, now: _Settings) -> Iterator[str]:
    keys = dict.fromkeys(line[:2] for line in (*was, *now))
    for section, key in keys:
        old, new = ([line[2] for line in lines if line[:2] == (section, key)] for lines in (was, now))
        if old != new:
            texts = [" ".join(values) or "none" for values in (old, new)]
            yield f"{key} {texts[0]} -> {texts[1]}" if max(map(len, texts)) <= 40 else key
