"""Which alerts silence which others: every pair of rules, tried in a real Alertmanager."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

from tapewatch import documents
from tapewatch.proving._alertmanager import Alertmanager
from tapewatch_sdk.names import DRILL_PREFIX, HEARTBEAT
from tapewatch_sdk.plugins import RuleView
from tapewatch_sdk.problems import Place, Problem

__all__ = ["prove_inhibition"]

PATIENCE = 10.0
"""Seconds until Alertmanager must have seen all alerts that it was sent; the sample's 30 take a fraction of one."""

MOST = 60
"""Alerts of which every pair is tried: some 3,600 pairs, a second or two. Of more, one of each kind stands for all."""

Labels = Mapping[str, str]

_SIDE_BY_SIDE = "of the same service"
_APART = "in another environment"
_NOWHERE = "when neither has a service"

_SCENES: Mapping[str, tuple[Labels, Labels]] = {
    _SIDE_BY_SIDE: ({"service": "probe"}, {"service": "probe"}),
    "of another service": ({"service": "probe"}, {"service": "other"}),
    _APART: ({"service": "probe"}, {"service": "probe"}),
    _NOWHERE: ({}, {}),
    "while it is only a drill": ({"service": f"{DRILL_PREFIX}probe"}, {"service": "probe"}),
}
"""Where two alerts may stand to each other: labels of the first and of the second."""

_UNSEEN = ("ServiceDown", "TelemetryMissing")
_NAMED = frozenset(
    {
        *_UNSEEN,
        "KillSwitchActivated",
        "OrderFillRateLow",
        "OrderRejectionRateHigh",
        "DailyLossLimitExceeded",
        "DailyLossLimitApproaching",
    }
)
"""The alerts that the specification of inhibition calls by name."""


@dataclass(frozen=True, slots=True)
class _Case:
    """Two alerts that fire at once, and whether the first must silence the second."""

    scene: str
    source: Labels
    target: Labels
    silenced: bool


def prove_inhibition(
    rules: Sequence[RuleView], config: Path, version: str | None, heartbeat: Labels | None = None
) -> tuple[list[Problem], int]:
    """Hold every ordered pair of alerts against each other; gives what is wrong, and how many pairs there were.

    Parameters:
        rules: the alert rules.
        config: the Alertmanager configuration. Its receivers are taken out, so that nobody is told.
        version: of Alertmanager; the newest on this machine by default.
        heartbeat: labels of the heartbeat, where there is one; it must neither silence anything nor be silenced.
    """
    pairs = list(permutations([*_alerts(rules), *([heartbeat] if heartbeat else [])], 2))
    # Alertmanager takes them one after the other: once the last silences, all others have been looked at as well.
    cases = sorted(_cases(pairs), key=lambda case: case.silenced)
    if not cases:
        return [], 0
    with Alertmanager(_mute(config), version) as alertmanager:
        # Sources first: Alertmanager must never see a target before what silences it.
        alertmanager.post([labels for case in cases for labels in (case.source, case.target)])
        wrong = _wrong(cases, alertmanager)
    return list(_problems(wrong, config)), len(pairs)


def _alerts(rules: Sequence[RuleView]) -> list[Labels]:
    """The labels that tell alerts apart, each alert once; ServiceDown is two, for some targets and for all."""
    alerts: dict[tuple[str, ...], Labels] = {}
    for rule in rules:
        labels = {"alertname": rule.alert, "severity": rule.severity, "domain": rule.domain}
        for extent in ("some", "all") if rule.alert == "ServiceDown" else ("",):
            alerts[(*labels.values(), extent)] = {**labels, "extent": extent} if extent else labels
    return list(alerts.values()) if len(alerts) <= MOST else _representatives(alerts.values())


def _representatives(alerts: Iterable[Labels]) -> list[Labels]:
    """The alerts that the specification names, and of the others one of each severity and domain."""
    chosen: dict[tuple[str, ...], Labels] = {}
    for alert in alerts:
        name = alert["alertname"] if alert["alertname"] in _NAMED else ""
        chosen.setdefault((name, alert["severity"], alert["domain"], alert.get("extent", "")), alert)
    return list(chosen.values())


def _cases(pairs: Sequence[tuple[Labels, Labels]]) -> Iterator[_Case]:
    """Each pair side by side, and in the other scenes too where the first silences the second.

    Each case has an environment of its own, where nothing else fires. A pair that leaves each other alone in one
    service does so everywhere, since all rules compare labels: that is not tried again.
    """
    for number, (source, target) in enumerate(pairs):
        for index, scene in enumerate(_scenes(source, target)):
            of_source, of_target = _SCENES[scene]
            here = f"pair-{number}-{index}"
            there = f"{here}-elsewhere" if scene == _APART else here
            yield _Case(
                scene,
                _placed(source, of_source, here),
                _placed(target, of_target, there),
                _silences(source, target, scene),
            )


def _scenes(source: Labels, target: Labels) -> Iterable[str]:
    if _beats(source) or _beats(target):
        # The heartbeat is of no service, as an alert may be that has lost the label.
        return (_SIDE_BY_SIDE, _NOWHERE)
    return _SCENES if _silences(source, target, _SIDE_BY_SIDE) else (_SIDE_BY_SIDE,)


def _placed(alert: Labels, scene: Labels, environment: str) -> Labels:
    return {**alert, **({} if _beats(alert) else scene), "environment": environment}


def _beats(alert: Labels) -> bool:
    """Whether it is the heartbeat, the only alert without a domain."""
    return alert["alertname"] == HEARTBEAT and "domain" not in alert


def _silences(source: Labels, target: Labels, scene: str) -> bool:
    """What the specification says, in words of its own and not in Alertmanager's."""
    if _beats(source) or _beats(target):
        return False
    pair = (source["alertname"], target["alertname"])
    if pair in (("KillSwitchActivated", "OrderFillRateLow"), ("KillSwitchActivated", "OrderRejectionRateHigh")):
        return scene in (_SIDE_BY_SIDE, "of another service", _NOWHERE)
    if scene != _SIDE_BY_SIDE:
        return False
    if pair[0] == "TelemetryMissing" or (pair[0] == "ServiceDown" and source["extent"] == "all"):
        return pair[1] not in _UNSEEN
    if pair == ("DailyLossLimitExceeded", "DailyLossLimitApproaching"):
        return True
    same_domain = source["domain"] == target["domain"]
    return source["severity"] == "critical" and target["severity"] == "medium" and same_domain


def _mute(config: Path) -> str:
    """The configuration with receivers that tell nobody."""
    data: dict[str, Any] = documents.read(config).data
    kept = {key: value for key, value in data.items() if key not in ("global", "templates", "receivers")}
    return documents.dump({**kept, "receivers": [{"name": each["name"]} for each in data["receivers"]]})


def _wrong(cases: Sequence[_Case], alertmanager: Alertmanager) -> list[_Case]:
    """The cases that did not turn out as they must, once Alertmanager has had the time to look at all."""
    end = time.monotonic() + PATIENCE
    while True:
        silenced = alertmanager.inhibited()
        wrong = [case for case in cases if (frozenset(case.target.items()) in silenced) != case.silenced]
        if not wrong or time.monotonic() > end:
            return wrong
        time.sleep(0.1)


def _problems(wrong: Sequence[_Case], config: Path) -> Iterator[Problem]:
    """One problem for all targets of a source that go wrong in the same way."""
    groups: dict[tuple[str, str, bool], list[str]] = {}
    for case in wrong:
        source = " ".join(case.source[key] for key in ("alertname", "extent") if key in case.source)
        groups.setdefault((source, case.scene, case.silenced), []).append(case.target["alertname"])
    for (source, scene, silenced), targets in groups.items():
        named = ", ".join(dict.fromkeys(targets))
        yield Problem(
            "routing/inhibition",
            f"{source} {'does not silence' if silenced else 'silences'} {named} {scene}",
            f"{source} {'silences' if silenced else 'does not silence'} them",
            "generate again; if the file was made by a plugin, mend its `inhibit_rules`",
            Place(file=str(config), path="inhibit_rules"),
        )
