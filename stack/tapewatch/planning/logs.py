"""Changes of alerts on log lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tapewatch.planning.alerts import held_change, severity_change
from tapewatch.planning.changes import Action, Change

__all__ = ["log_alert_changes"]

_Rule = Mapping[str, Any]


def log_alert_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Alerts of Loki's ruler gained, lost, loosened or tightened; their LogQL is told as changed, and not compared."""
    path = next(iter({**before, **after}))
    old, new = _rules(before), _rules(after)
    for key in sorted({*old, *new}):
        was, now = old.get(key), new.get(key)
        title = f"{key[1]} for {key[0]}"
        if was is None or now is None:
            action = Action.GAINED if was is None else Action.LOST
            yield Change("log alert", title, action, (now or was or {})["labels"]["severity"], path)
        elif was != now:
            differences = [*_expr(was, now), *held_change(was, now), *severity_change(was, now)]
            actions = {action for action, _ in differences}
            action = actions.pop() if len(actions) == 1 else Action.CHANGED
            detail = ", ".join(detail for _, detail in differences) or "texts or links"
            yield Change("log alert", title, action, detail, path)


def _rules(files: Mapping[str, Any]) -> dict[tuple[str, str], _Rule]:
    """Each rule by its service, which is its group, and its name."""
    return {
        (group["name"], rule["alert"]): rule
        for data in files.values()
        for group in data["groups"]
        for rule in group["rules"]
    }


def _expr(was: _Rule, now: _Rule) -> Iterator[tuple[Action, str]]:
    if was["expr"] != now["expr"]:
        yield Action.CHANGED, "another expression"
