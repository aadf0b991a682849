"""The proof of routes and inhibition takes the heartbeat in: it goes to its receiver alone, and nothing silences it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    Rule("ClockDrift", "medium", "platform"),
]

ITS = 1
"""The place of its route: after the history's, which leaves it out."""

BEATING = varied(lambda data: data["stack"].update(heartbeat={"url": "https://beats.example/check"}))


def prove(folder: Path, catalogue: Catalogue, damage: Callable[[Any], object] = lambda config: None) -> RoutingReport:
    (text,) = render(AlertmanagerRenderer(), catalogue).values()
    config = yaml.safe_load(text)
    damage(config)
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return prove_routing(catalogue, RULES, file)


def test_the_heartbeat_is_followed_to_its_receiver_and_held_against_every_alert(tmp_path: Path) -> None:
    without, report = prove(tmp_path, load_sample()), prove(tmp_path, BEATING)

    assert report.problems == without.problems == ()
    # The beat itself; its name with each of three severities; its severity with another name.
    assert report.routes == without.routes + 1 + 3 + 1
    # Two kinds of ServiceDown and the others, each with the heartbeat in both orders.
    assert report.inhibitions == without.inhibitions + 2 * (len(RULES) + 1)


def drop_route(config: Any) -> None:
    del config["route"]["routes"][ITS]


def go_on(config: Any) -> None:
    config["route"]["routes"][ITS]["continue"] = True
    config["route"]["routes"].insert(ITS + 1, {"receiver": "desk-chat", "matchers": ['severity="none"']})


def take_the_name_alone(config: Any) -> None:
    config["route"]["routes"][ITS]["matchers"] = ['alertname="Heartbeat"']


def take_the_severity_alone(config: Any) -> None:
    config["route"]["routes"][ITS]["matchers"] = ['severity="none"']


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (drop_route, "team=platform reaches platform-pager"),
        (go_on, "team=platform reaches heartbeat,desk-chat"),
        (
            take_the_name_alone,
            "alertname=Heartbeat, environment=local, service=probe, severity=high reaches history,heartbeat",
        ),
        (take_the_severity_alone, "alertname=Probe, severity=none, environment=local, team=platform reaches heartbeat"),
    ],
)
def test_a_route_that_loses_or_shares_the_heartbeat_is_found(
    tmp_path: Path, damage: Callable[[Any], object], says: str
) -> None:
    found = prove(tmp_path, BEATING, damage).problems

    assert any(says in problem.summary for problem in found), [problem.summary for problem in found]
    assert {problem.code for problem in found} == {"routing/wrong-receiver"}


def inhibit(source: str, target: str) -> Callable[[Any], None]:
    def damage(config: Any) -> None:
        rule = {"source_matchers": [source], "target_matchers": [target], "equal": ["environment"]}
        config["inhibit_rules"].append(rule)

    return damage


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (inhibit('alertname="ServiceDown"', 'severity="none"'), "ServiceDown all silences Heartbeat"),
        (inhibit('alertname="Heartbeat"', 'alertname="ClockDrift"'), "Heartbeat silences ClockDrift"),
        (
            lambda config: config["inhibit_rules"][1]["source_matchers"].remove('service!=""'),
            "TelemetryMissing silences ClockDrift, Heartbeat when neither has a service",
        ),
    ],
)
def test_an_inhibition_that_touches_the_heartbeat_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Any], object], says: str
) -> None:
    monkeypatch.setattr("tapewatch.proving._inhibition.PATIENCE", 1.0)
    found = prove(tmp_path, BEATING, damage).problems

    assert any(says in problem.summary for problem in found), [problem.summary for problem in found]
    assert {problem.code for problem in found} == {"routing/inhibition"}
