"""Changes of the heartbeat: whether somebody outside learns when Prometheus or Alertmanager dies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tapewatch.planning.changes import Action, Change
from tapewatch.rules.parameters import format_duration
from tapewatch.schema import seconds
from tapewatch_sdk.names import HEARTBEAT, HEARTBEAT_RECEIVER, HEARTBEAT_SEVERITY

__all__ = ["beat_changes", "is_heartbeat", "rule_changes", "without_heartbeat"]

_KIND = "heartbeat"


def is_heartbeat(rule: Mapping[str, Any]) -> bool:
    """Whether a rule of a rule file is the one that always fires, and not an alert that happens to bear its name."""
    return rule.get("alert") == HEARTBEAT and rule.get("labels", {}).get("severity") == HEARTBEAT_SEVERITY


def rule_changes(
    old: tuple[str, Mapping[str, Any]] | None, new: tuple[str, Mapping[str, Any]] | None
) -> Iterator[Change]:
    """Changes of the rule that always fires, each side given by its file and the rule."""
    if new is None and old is not None:
        yield Change(_KIND, "rule", Action.LOST, "nobody learns any more when Prometheus dies", old[0])
    elif old is None and new is not None:
        yield Change(_KIND, "rule", Action.GAINED, "fires as long as Prometheus scrapes, stores and evaluates", new[0])
    elif old is not None and new is not None and old[1] != new[1]:
        keys = sorted(key for key in {*old[1], *new[1]} if old[1].get(key) != new[1].get(key))
        yield Change(_KIND, "rule", Action.CHANGED, ", ".join(keys), new[0])


def beat_changes(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Change]:
    """Changes of where the beats go and how often, between two Alertmanager configurations."""
    old, new = _beat(before), _beat(after)
    if old == new:
        return
    if not old:
        detail = f"{_told(new)}; silence there means that Prometheus or Alertmanager died"
        yield Change(_KIND, "route", Action.GAINED, detail, path)
    elif not new:
        detail = f"was {_told(old)}; nobody learns any more when Prometheus or Alertmanager dies"
        yield Change(_KIND, "route", Action.LOST, detail, path)
    else:
        details = [
            f"{key} {old.get(key, 'none')} -> {new.get(key, 'none')}"
            for key in new | old
            if old.get(key) != new.get(key)
        ]
        yield Change(_KIND, "route", Action.CHANGED, ", ".join(details), path)


def without_heartbeat(config: Mapping[str, Any]) -> dict[str, Any]:
    """An Alertmanager configuration without the heartbeat's route and receiver."""
    rest = dict(config)
    if route := config.get("route"):
        others = [each for each in route.get("routes", ()) if each.get("receiver") != HEARTBEAT_RECEIVER]
        rest["route"] = {**route, "routes": others}
    if receivers := config.get("receivers"):
        rest["receivers"] = [each for each in receivers if each["name"] != HEARTBEAT_RECEIVER]
    return rest


def _beat(config: Mapping[str, Any]) -> dict[str, str]:
    """The beat of a configuration: how often, where to, with which token; empty where there is none."""
    routes = (config.get("route") or {}).get("routes", ())
    route = next((each for each in routes if each.get("receiver") == HEARTBEAT_RECEIVER), None)
    receiver = next((each for each in config.get("receivers", ()) if each["name"] == HEARTBEAT_RECEIVER), None)
    if route is None or receiver is None:
        return {}
    hook = receiver["webhook_configs"][0]
    token = hook.get("http_config", {}).get("authorization", {}).get("credentials_file")
    return {
        # Alertmanager looks twice in an interval: `AlertmanagerRenderer`.
        "every": format_duration(2 * seconds(route["group_interval"])),
        "to": hook.get("url") or hook.get("url_file"),
        **({"with the token in": token} if token else {}),
    }


def _told(beat: Mapping[str, str]) -> str:
    return " ".join(f"{key} {value}" for key, value in beat.items())
