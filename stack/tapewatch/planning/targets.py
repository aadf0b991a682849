"""Changes of what Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from tapewatch.planning.changes import Action, Change
from tapewatch.planning.remote_write import remote_write_changes
from tapewatch.planning.shards import without_shards

__all__ = ["job_changes", "target_changes"]

_Labels = Mapping[str, str]


def target_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Targets gained, lost or labelled otherwise; the files are those of file discovery, one a job."""
    old, new = _targets(before), _targets(after)
    for address in sorted({*old, *new}):
        was, now = old.get(address), new.get(address)
        if was is None and now is not None:
            yield Change("target", address, Action.GAINED, _owner(now[0]), now[1])
        elif now is None and was is not None:
            yield Change("target", address, Action.LOST, _owner(was[0]), was[1])
        elif was is not None and now is not None and was != now:
            yield Change("target", address, Action.CHANGED, _difference(was, now), now[1])


def job_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Scrape jobs gained, lost or changed, and changes of the other sections of `prometheus.yml`."""
    path = next(iter({**before, **after}))
    old, new = without_shards(before.get(path) or {}), without_shards(after.get(path) or {})
    yield from _jobs(old.get("scrape_configs", ()), new.get("scrape_configs", ()), path)
    yield from remote_write_changes(old.get("remote_write", ()), new.get("remote_write", ()), path)
    for section in sorted({*old, *new} - {"scrape_configs", "remote_write"}):
        if old.get(section) != new.get(section):
            action = (
                Action.CHANGED
                if section in old and section in new
                else Action.GAINED
                if section in new
                else Action.LOST
            )
            yield Change("Prometheus setting", section, action, "", path)


def _targets(files: Mapping[str, Any]) -> dict[str, tuple[_Labels, str, str]]:
    return {
        target: (group.get("labels", {}), path, PurePosixPath(path).stem)
        for path, groups in files.items()
        for group in groups or ()
        for target in group["targets"]
    }


def _owner(labels: _Labels) -> str:
    return f"{labels.get('service', '?')}, team {labels.get('team', '?')}"


def _difference(was: tuple[_Labels, str, str], now: tuple[_Labels, str, str]) -> str:
    labels = [
        f"{label} {was[0].get(label, '(none)')} -> {now[0].get(label, '(none)')}"
        for label in sorted({*was[0], *now[0]})
        if was[0].get(label) != now[0].get(label)
    ]
    return ", ".join(labels + ([f"job {was[2]} -> {now[2]}"] if was[2] != now[2] else []))


def _jobs(before: Any, after: Any, path: str) -> Iterator[Change]:
    old, new = {each["job_name"]: each for each in before}, {each["job_name"]: each for each in after}
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        action = Action.GAINED if was is None else Action.LOST if now is None else Action.CHANGED
        keys = sorted(key for key in {*(was or {}), *(now or {})} if (was or {}).get(key) != (now or {}).get(key))
        yield Change("scrape job", name, action, ", ".join(keys) if action is Action.CHANGED else "", path)
