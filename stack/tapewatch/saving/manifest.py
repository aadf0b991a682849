"""What a backup says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["FORMAT", "Manifest", "PartEntry", "Saved"]

FORMAT = 1


@dataclass(frozen=True)
class Saved:
    """A file in an archive.

    Parameters:
        name: its path, relative to the part's data.
        size: bytes.
        sha256: of its content.
    """

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class PartEntry:
    """A part of the stack in a backup.

    Parameters:
        archive: the file of the backup that holds it.
        size, sha256: of the archive, as it lies there.
        at: the moment as of which the data is.
        seconds: how long it took.
        version: of the program that wrote the data; empty where nobody told.
        files: what is in the archive, in its order.
        facts: what is worth telling, such as how old the notification log was.
    """

    archive: str
    size: int
    sha256: str
    at: datetime
    seconds: float
    version: str
    files: tuple[Saved, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """A backup.

    Parameters:
        name: its name.
        began, ended: when it was made.
        tapewatch: the version that made it.
        place: where the data was, in words.
        parts: what it holds.
        missing: what it does not hold, and why.
        notes: what else is to be known.
    """

    name: str
    began: datetime
    ended: datetime
    tapewatch: str
    place: str
    parts: Mapping[str, PartEntry]
    missing: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all archives."""
        return sum(part.size for part in self.parts.values())

    def to_json(self) -> str:
        """As it is written."""
        data = {
            "format": FORMAT, "name": self.name, "began": self.began.isoformat(), "ended": self.ended.isoformat(),
            "tapewatch": self.tapewatch, "place": self.place, "missing": dict(self.missing), "notes": list(self.notes),
            "parts": {name: _part(part) for name, part in self.parts.items()},
        }  # fmt: skip
        return json.dumps(data, indent=1) + "\n"

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Manifest:
        """As it is read.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        return cls(
            data["name"], datetime.fromisoformat(data["began"]), datetime.fromisoformat(data["ended"]),
            data["tapewatch"], data["place"], {name: _read(part) for name, part in data["parts"].items()},
            dict(data["missing"]), tuple(data["notes"]),
        )  # fmt: skip


def _part(part: PartEntry) -> dict[str, Any]:
    return {
        "archive": part.archive, "size": part.size, "sha256": part.sha256, "at": part.at.isoformat(),
        "seconds": round(part.seconds, 3), "version": part.version, "facts": dict(part.facts),
        "files": [{"name": each.name, "size": each.size, "sha256": each.sha256} for each in part.files],
    }  # fmt: skip


def _read(data: Mapping[str, Any]) -> PartEntry:
    return PartEntry(
        data["archive"], data["size"], data["sha256"], datetime.fromisoformat(data["at"]), data["seconds"],
        data["version"], tuple(Saved(**each) for each in data["files"]), data["facts"],
    )  # fmt: skip
