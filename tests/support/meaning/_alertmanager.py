"""Who is told of each alert, out of what Alertmanager reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from support.meaning._model import Meaning

__all__ = ["add_routes"]

Data = dict[str, Any]

_OF_THE_STACK = ("history", "drill")
"""Receivers that are parts of the stack, whose hosts differ by design; the history's key is asked for off loopback."""

_INHERITED = ("receiver", "group_by", "group_wait", "group_interval", "repeat_interval")
_OWN = ("mute_time_intervals", "active_time_intervals")


def add_routes(meaning: Meaning, config: Data, file: str, teams: list[str]) -> None:
    """The way of each alert of the rules, for each team; receivers, inhibitions and time intervals."""
    for alert, severity, domain in sorted(_alerts(meaning)):
        for team in teams:
            labels = {"alertname": alert, "severity": severity, "domain": domain, "team": team,
                      "environment": "local", "service": "a-service"}  # fmt: skip
            found = list(_walk(config["route"], labels, {}, "route"))
            value = [route for route, _ in found]
            meaning.add(
                "route", f"of {alert} ({severity}) of {team}", value, f"{file}: {', '.join(at for _, at in found)}"
            )
    for index, receiver in enumerate(config["receivers"]):
        meaning.add("receiver", receiver["name"], _without_hosts(receiver), f"{file}: receivers[{index}]")
    for index, rule in enumerate(config.get("inhibit_rules", [])):
        name = f"{' '.join(rule['source_matchers'])} silences {' '.join(rule['target_matchers'])}"
        meaning.add("inhibition", name, rule["equal"], f"{file}: inhibit_rules[{index}]")
    for index, each in enumerate(config.get("time_intervals", [])):
        meaning.add("time interval", each["name"], each["time_intervals"], f"{file}: time_intervals[{index}]")


def _alerts(meaning: Meaning) -> set[tuple[str, str, str]]:
    rules = [fact.value for fact in meaning.facts["rule"].values() if "alert" in fact.value]
    return {(each["alert"], each["labels"]["severity"], each["labels"].get("domain", "")) for each in rules}


def _walk(route: Data, labels: dict[str, str], above: Data, where: str) -> Iterator[tuple[Data, str]]:
    """The routes that an alert takes, as Alertmanager walks them."""
    inherited = {**above, **{key: route[key] for key in _INHERITED if key in route}}
    taken = False
    for index, child in enumerate(route.get("routes", [])):
        if all(_matches(each, labels) for each in child.get("matchers", [])):
            taken = True
            yield from _walk(child, labels, inherited, f"{where}.routes[{index}]")
            if not child.get("continue"):
                break
    if not taken:
        yield {**inherited, **{key: route[key] for key in _OWN if key in route}}, where


def _matches(matcher: str, labels: dict[str, str]) -> bool:
    found = re.fullmatch(r'(\w+)(=~|!~|!=|=)"(.*)"', matcher)
    assert found, f"the comparison does not understand the matcher {matcher}"
    label, how, wanted = found.groups()
    value = labels.get(label, "")
    same = bool(re.fullmatch(wanted, value)) if "~" in how else value == wanted
    return same is not how.startswith("!")


def _without_hosts(receiver: Data) -> Data:
    if receiver["name"] not in _OF_THE_STACK:
        return receiver
    hooks = [{**each, "url": urlsplit(each["url"]).path} for each in receiver["webhook_configs"]]
    return {"webhook_configs": [{key: value for key, value in each.items() if key != "http_config"} for each in hooks]}
