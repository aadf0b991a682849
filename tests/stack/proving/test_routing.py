"""The proof of routes and inhibition holds for what we render, and fails for what somebody broke."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rendering import render, varied
from support.samples import load_sample
from tapewatch.catalogue import Catalogue
from tapewatch.proving.routing import RoutingReport, prove_routing
from tapewatch.renderers.alertmanager import AlertmanagerRenderer

pytestmark = pytest.mark.needs("amtool", "alertmanager")


@dataclass
class Rule:
    """As much of an alert rule as routing looks at."""

    alert: str
    severity: str
    domain: str
    expr: str = "vector(1)"
    for_: str = "0s"
    values: Mapping[str, float | int | str] = field(default_factory=dict)
    service: str = ""


RULES = [
    Rule("ServiceDown", "critical", "platform"),
    Rule("TelemetryMissing", "critical", "platform"),
    Rule("KillSwitchActivated", "critical", "risk"),
    Rule("DailyLossLimitExceeded", "critical", "risk"),
    Rule("OrderRejectionRateHigh", "high", "execution"),
    Rule("OrderFillRateLow", "high", "execution"),
    Rule("DailyLossLimitApproaching", "medium", "risk"),
    Rule("ClockDrift", "medium", "platform"),
    Rule("FlushSlow", "medium", "capture"),
]


def prove(
    folder: Path,
    catalogue: Catalogue,
    damage: Callable[[Any], object] = lambda config: None,
    rules: Sequence[Rule] = RULES,
) -> RoutingReport:
    (text,) = render(AlertmanagerRenderer(), catalogue).values()
    config = yaml.safe_load(text)
    damage(config)
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return prove_routing(catalogue, rules, file)


def test_the_sample_is_proven_for_every_severity_team_and_pair(tmp_path: Path) -> None:
    report = prove(tmp_path, load_sample())
    assert report.problems == ()
    # Five teams, one without a receiver, no team, a drill and a drill that is told, for three severities; one unknown.
    assert report.routes == 3 * (5 + 1 + 1 + 2) + 1
    assert report.inhibitions == (len(RULES) + 1) * len(RULES)


def test_quiet_hours_do_not_change_who_is_told(tmp_path: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        data["time_intervals"] = {"weekends": [{"weekdays": ["saturday", "sunday"]}]}
        data["routing"]["high"]["mute"] = ["weekends"]

    assert prove(tmp_path, varied(change)).problems == ()


def test_of_very_many_alerts_one_of_each_kind_is_tried(tmp_path: Path) -> None:
    many = [Rule(f"Burn{number}", "high", "slo") for number in range(500)]
    report = prove(tmp_path, load_sample(), rules=[*many, *RULES])
    assert report.problems == ()
    assert report.inhibitions == (len(RULES) + 2) * (len(RULES) + 1)


def drop_team_routes(config: Any) -> None:
    for each in config["route"]["routes"]:
        each.pop("routes", None)


def drop_drill_route(config: Any) -> None:
    config["route"]["routes"] = [each for each in config["route"]["routes"] if each["receiver"] != "drill"]


def drop_history_route(config: Any) -> None:
    del config["route"]["routes"][0]


def drop_last_route(config: Any) -> None:
    del config["route"]["routes"][-1]


def rest_to_drill(config: Any) -> None:
    config["route"]["routes"][-1]["receiver"] = "drill"


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (drop_team_routes, "severity=critical, team=risk reaches history,platform-pager"),
        (drop_drill_route, "service=drill-probe, severity=critical reaches history,platform-pager"),
        (drop_history_route, "severity=critical, team=risk reaches risk-pager"),
        (drop_last_route, "severity=unheard-of, team=team-without-a-receiver reaches history"),
        (rest_to_drill, "severity=unheard-of, team=team-without-a-receiver reaches history,drill"),
    ],
)
def test_a_route_that_leads_astray_is_found(tmp_path: Path, damage: Callable[[Any], object], says: str) -> None:
    found = prove(tmp_path, load_sample(), damage).problems
    assert any(says in problem.summary for problem in found), [problem.summary for problem in found]
    assert {problem.code for problem in found} == {"routing/wrong-receiver"}


def without(index: int) -> Callable[[Any], object]:
    def damage(config: Any) -> None:
        del config["inhibit_rules"][index]

    return damage


def loose(index: int, label: str) -> Callable[[Any], object]:
    """The rule compares one label less."""

    def damage(config: Any) -> None:
        config["inhibit_rules"][index]["equal"].remove(label)

    return damage


def also_the_unseen(config: Any) -> None:
    config["inhibit_rules"][1]["target_matchers"] = ['alertname!="TelemetryMissing"']


def drills_count(config: Any) -> None:
    config["inhibit_rules"][2]["source_matchers"].remove('service!~"drill-.+"')


def nameless(config: Any) -> None:
    config["inhibit_rules"][4]["source_matchers"].remove('service!=""')


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (without(0), r"ServiceDown all does not silence .*OrderFillRateLow.* of the same service"),
        (without(1), r"TelemetryMissing does not silence .*KillSwitchActivated.* of the same service"),
        (without(2), r"KillSwitchActivated does not silence .*OrderFillRateLow.* of another service"),
        (without(4), r"ServiceDown some does not silence ClockDrift of the same service"),
        (loose(0, "environment"), r"ServiceDown all silences .* in another environment"),
        (loose(0, "service"), r"ServiceDown all silences .* of another service"),
        (loose(4, "domain"), r"ServiceDown some silences .*FlushSlow.* of the same service"),
        (also_the_unseen, r"TelemetryMissing silences ServiceDown of the same service"),
        (drills_count, r"KillSwitchActivated silences .* while it is only a drill"),
        (nameless, r"silences .* when neither has a service"),
    ],
)
def test_an_inhibition_that_is_wrong_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Any], object], says: str
) -> None:
    monkeypatch.setattr("tapewatch.proving._inhibition.PATIENCE", 1.0)
    found = prove(tmp_path, load_sample(), damage).problems
    assert any(re.search(says, problem.summary) for problem in found), [problem.summary for problem in found]


def test_a_file_that_alertmanager_would_refuse_is_one_problem(tmp_path: Path) -> None:
    def damage(config: Any) -> None:
        config["route"]["receiver"] = "somebody"

    (problem,) = prove(tmp_path, load_sample(), damage).problems
    assert problem.code == "routing/refused"
    assert "somebody" in problem.summary
