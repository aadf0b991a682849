"""Changes of who is told: the heartbeat, routes, receivers, inhibition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tapewatch.planning.changes import Action, Change
from tapewatch.planning.heartbeat import beat_changes, without_heartbeat

__all__ = ["route_changes"]


def route_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Changes between two Alertmanager configurations."""
    path = next(iter({**before, **after}))
    old, new = before.get(path) or {}, after.get(path) or {}
    yield from beat_changes(old, new, path)
    old, new = without_heartbeat(old), without_heartbeat(new)
    yield from _routes(_flat(old.get("route")), _flat(new.get("route")), path)
    for kind, section, name_of in _SECTIONS:
        was, now = ({name_of(each): each for each in config.get(section, ())} for config in (old, new))
        yield from _keyed(kind, was, now, path)


def _inhibition(rule: Mapping[str, Any]) -> str:
    source, target = (", ".join(rule.get(f"{side}_matchers", ())) for side in ("source", "target"))
    return f"{source} silences {target}"


_SECTIONS = (
    ("receiver", "receivers", lambda each: each["name"]),
    ("inhibition", "inhibit_rules", _inhibition),
    ("time interval", "time_intervals", lambda each: each["name"]),
)


def _flat(
    route: Any, above: tuple[str, ...] = (), inherited: Mapping[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Every route by the matchers that lead to it, with what it inherits filled in."""
    if not route:
        return {}
    own = {key: value for key, value in route.items() if key not in ("routes", "matchers")}
    whole = {**(inherited or {}), **own}
    trail = (*above, *route.get("matchers", ()))
    found = {" ".join(trail) or "everything else": whole}
    passed_on = {
        key: value
        for key, value in whole.items()
        if key not in ("continue", "mute_time_intervals", "active_time_intervals")
    }
    for child in route.get("routes", ()):
        found.update(_flat(child, trail, passed_on))
    return found


def _routes(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]], path: str) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        was, now = old.get(name), new.get(name)
        if was is None and now is not None:
            yield Change("route", name, Action.GAINED, f"to {now.get('receiver')}", path)
        elif now is None and was is not None:
            yield Change("route", name, Action.LOST, f"was to {was.get('receiver')}", path)
        elif was is not None and now is not None and was != now:
            details = [
                f"{key} {_short(was.get(key))} -> {_short(now.get(key))}"
                for key in sorted({*was, *now})
                if was.get(key) != now.get(key)
            ]
            yield Change("route", name, Action.CHANGED, ", ".join(details), path)


def _short(value: Any) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)


def _keyed(kind: str, old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            action = Action.CHANGED if name in old and name in new else Action.GAINED if name in new else Action.LOST
            yield Change(kind, name, action, "", path)
