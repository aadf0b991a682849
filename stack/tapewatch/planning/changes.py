"""The words of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Action", "Change", "Files", "Plan"]

Files = Mapping[str, str]
"""Generated files: path -> text."""


class Action(StrEnum):
    """What happens to a thing."""

    GAINED = "gained"
    LOST = "lost"
    LOOSENED = "loosened"
    """An alert fires later or less often than before."""
    TIGHTENED = "tightened"
    """An alert fires earlier or more often than before."""
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One change that an operator would want to know of.

    Parameters:
        kind: shards, shard, alert, log alert, heartbeat, expected service, recording rule, target, scrape job, remote
            write, route, receiver, inhibition, dashboard, panel, data source, image, unit or file.
        name: which one.
        action: what happens to it.
        detail: how, in a few words; may be empty.
        path: the generated file in which it shows.
    """

    kind: str
    name: str
    action: Action
    detail: str = ""
    path: str = ""

    def to_dict(self) -> dict[str, str]:
        """The change as plain data; the form that `--format json` prints."""
        return {
            "kind": self.kind,
            "name": self.name,
            "action": str(self.action),
            "detail": self.detail,
            "path": self.path,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """All changes between two sets of generated files.

    Parameters:
        changes: what changes, most important kind first.
        files: number of files that differ.
    """

    changes: tuple[Change, ...]
    files: int

    def __bool__(self) -> bool:
        return bool(self.changes)
