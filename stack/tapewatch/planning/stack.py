"""Changes of the stack itself: images and data sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tapewatch.planning.changes import Action, Change

__all__ = ["image_changes", "source_changes"]


def image_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Containers gained, lost, with another image, or changed otherwise."""
    path = next(iter({**before, **after}))
    old, new = ((files.get(path) or {}).get("services", {}) for files in (before, after))
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        if was is None or now is None:
            yield Change(
                "container", name, Action.GAINED if was is None else Action.LOST, (now or was).get("image", ""), path
            )
        else:
            keys = sorted(key for key in {*was, *now} if was.get(key) != now.get(key))
            moved = "image" in keys
            detail = f"{was.get('image')} -> {now.get('image')}" if moved else ", ".join(keys)
            yield Change("container", name, Action.CHANGED, detail, path)


def source_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Grafana's data sources gained, lost or changed."""
    path = next(iter({**before, **after}))
    old, new = (
        {source["uid"]: source for source in (files.get(path) or {}).get("datasources", ())}
        for files in (before, after)
    )
    for uid in sorted({*old, *new}):
        if old.get(uid) != new.get(uid):
            action = Action.CHANGED if uid in old and uid in new else Action.GAINED if uid in new else Action.LOST
            yield Change("data source", uid, action, "", path)
