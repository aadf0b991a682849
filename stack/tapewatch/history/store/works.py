"""What another process may have a store do through its socket, besides answering."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from tapewatch.history.store.retention import Retention

__all__ = ["works"]


class _Store(Protocol):
    def retain(self, retention: Retention | None = None) -> dict[str, int]: ...

    def compact(self) -> tuple[int, int]: ...

    def export(
        self, folder: Path, *, tables: Sequence[str], start: datetime | None, end: datetime | None
    ) -> dict[str, int]: ...


def works(store: _Store) -> Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]:
    """By name; each takes the question and gives its answer."""

    def export(question: Mapping[str, Any]) -> Mapping[str, Any]:
        start, end = question["start"], question["end"]
        return {"rows": store.export(Path(question["folder"]), tables=question["tables"], start=start, end=end)}

    def compact(_question: Mapping[str, Any]) -> Mapping[str, Any]:
        before, after = store.compact()
        return {"before": before, "after": after}

    def retain(question: Mapping[str, Any]) -> Mapping[str, Any]:
        keep = question["keep"]
        return {"rows": store.retain(Retention.parse(keep) if keep else None)}

    return {"export": export, "compact": compact, "retain": retain}
