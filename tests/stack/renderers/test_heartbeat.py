"""The heartbeat's rule, its unit test and its route; where it is off nothing of it is there."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rendering import render, varied, varied_text, write
from support.samples import ROOT, load_sample
from support.servers import start_alertmanager
from support.waiting import wait_for
from support.webhook import WebhookReceiver
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.planning import Action, compare_files
from tapewatch.project import open_project
from tapewatch.proving.promtool import Promtool
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.heartbeat import HeartbeatRenderer
from tapewatch.servers import find

CONFIG = f"{layout.ALERTMANAGER}/alertmanager.yml"
RULES = f"{layout.RULES}/heartbeat.yml"
TESTS = f"{layout.TESTS}/heartbeat_test.yml"
URL = "https://beats.example/check"


def beating(**heartbeat: Any) -> Catalogue:
    return varied(lambda data: data["stack"].update(heartbeat={"url": URL, **heartbeat}))


def configuration(catalogue: Catalogue) -> Any:
    return yaml.safe_load(render(AlertmanagerRenderer(), catalogue)[CONFIG])


def test_a_catalogue_without_it_has_no_rule_no_route_and_no_receiver() -> None:
    config = configuration(load_sample())

    assert render(HeartbeatRenderer(), load_sample()) == {}
    assert "heartbeat" not in {receiver["name"] for receiver in config["receivers"]}
    assert "heartbeat" not in {route["receiver"] for route in config["route"]["routes"]}


def test_the_renderer_is_installed_and_adds_two_files(tmp_path: Path) -> None:
    text = varied_text(lambda data: data["stack"].update(heartbeat={"url": URL}))
    (tmp_path / "catalogue.yaml").write_text(text, encoding="utf-8")

    made = open_project(tmp_path).render().keys() - open_project(ROOT).render().keys()

    assert made == {RULES, TESTS}, "is the renderer among the entry points of the installed package? `make venv`"


def test_the_rule_fires_while_anything_is_scraped_and_is_of_no_service_so_that_no_service_can_inhibit_it() -> None:
    (group,) = yaml.safe_load(render(HeartbeatRenderer(), beating())[RULES])["groups"]
    (rule,) = group["rules"]

    assert (rule["alert"], rule["expr"]) == (
        "Heartbeat",
        "vector(1) and on () (time() - max(timestamp(up)) < 60)",
    )
    assert rule["labels"] == {"severity": "none", "environment": "local", "team": "platform"}


@pytest.mark.parametrize(
    "version",
    [
        pytest.param(None, marks=pytest.mark.needs("promtool"), id="pinned"),
        pytest.param("3.5", marks=pytest.mark.needs("promtool-3.5"), id="3.5"),
    ],
)
def test_promtool_proves_it(tmp_path: Path, version: str | None) -> None:
    folder = write(render(HeartbeatRenderer(), beating()), tmp_path)
    promtool = Promtool.find(version)

    assert promtool.check_rules([folder / RULES]) == ()
    results = promtool.test(folder / TESTS)
    assert [result.name.partition(":")[0] for result in results] == ["Heartbeat", "Heartbeat"]
    assert [result.failures for result in results if not result.passed] == []


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(
    ("rule", "damaged"),
    [
        ("vector(1) and on ()", "vector(1) or"),
        ("max(timestamp(up))", "max(timestamp(up == 1))"),
        ("< 60)", "< 65)"),
        ("< 60)", "< 60)\n    for: 5s"),
        ("severity: none", "severity: critical"),
    ],
)
def test_a_rule_that_somebody_damaged_fails_its_unit_test(tmp_path: Path, rule: str, damaged: str) -> None:
    files = render(HeartbeatRenderer(), beating())
    assert rule in files[RULES]
    folder = write({**files, RULES: files[RULES].replace(rule, damaged)}, tmp_path)

    assert not all(result.passed for result in Promtool.find().test(folder / TESTS))


def test_its_route_is_before_those_of_people_and_nothing_is_sent_at_its_end() -> None:
    config = configuration(beating())
    receiver = next(each for each in config["receivers"] if each["name"] == "heartbeat")

    history, beat, *_ = config["route"]["routes"]
    assert history["matchers"] == ['severity!="none"']
    assert beat == {
        "receiver": "heartbeat",
        "matchers": ['alertname="Heartbeat"', 'severity="none"'],
        "group_by": ["alertname"],
        "group_wait": "0s",
        "group_interval": "30s",
        "repeat_interval": "30s",
    }
    assert receiver["webhook_configs"] == [{"url": URL, "send_resolved": False}]


def test_a_url_that_is_a_secret_and_a_token_are_named_by_file() -> None:
    config = configuration(beating(url=None, url_file="beat-url", credentials_file="token", interval="25s"))
    receiver = next(each for each in config["receivers"] if each["name"] == "heartbeat")

    assert receiver["webhook_configs"] == [
        {
            "url_file": "beat-url",
            "send_resolved": False,
            "http_config": {"authorization": {"type": "Bearer", "credentials_file": "token"}},
        }
    ]
    assert config["route"]["routes"][1]["group_interval"] == "12s500ms"


@pytest.mark.parametrize(
    "version",
    [
        pytest.param("0.34", marks=pytest.mark.needs("amtool-0.34")),
        pytest.param("0.33", marks=pytest.mark.needs("amtool-0.33")),
    ],
)
def test_amtool_accepts_it(tmp_path: Path, version: str) -> None:
    secret = {"url": None, "url_file": "beat-url", "credentials_file": "token"}
    for name, given in (("url", {}), ("file", secret), ("odd", {"interval": "20s1ms"})):
        file = write(render(AlertmanagerRenderer(), beating(**given)), tmp_path / name) / CONFIG
        done = subprocess.run(
            [find("amtool", version).path, "check-config", file], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "warn" not in (done.stdout + done.stderr).lower()


@pytest.mark.needs("alertmanager")
def test_alertmanager_beats_once_in_an_interval_and_warns_of_nothing(tmp_path: Path) -> None:
    """Were every second beat left out, or sent twice, the five intervals would hold 3 beats, or 11."""
    fast = {"interval": "2s", "url": None}
    with WebhookReceiver() as outside:
        catalogue = varied(
            lambda data: (
                data["defaults"].update(evaluation_interval="500ms"),
                data["stack"].update(heartbeat={**fast, "url": outside.url}),
            )
        )
        folder = write(render(AlertmanagerRenderer(), catalogue), tmp_path)
        with start_alertmanager(folder / CONFIG, tmp_path) as server:
            labels = {"alertname": "Heartbeat", "severity": "none", "environment": "local", "team": "platform"}
            server.post("/api/v2/alerts", [{"labels": labels, "endsAt": "2100-01-01T00:00:00Z"}])
            wait_for("the first beat", lambda: outside.payloads)
            started = time.monotonic()
            wait_for("five more beats", lambda: len(outside.payloads) >= 6, 60, server.log_tail)
            took = time.monotonic() - started
            log = (server.folder / "log").read_text(encoding="utf-8")

    assert 7.5 < took < 15, f"five intervals of 2 s took {took:.1f} s"
    assert "level=WARN" not in log


def files(catalogue: Catalogue) -> dict[str, str]:
    return {**render(AlertmanagerRenderer(), catalogue), **render(HeartbeatRenderer(), catalogue)}


def told(before: Catalogue, after: Catalogue) -> list[tuple[str, Action, str]]:
    changes = compare_files(files(before), files(after)).changes
    assert {change.kind for change in changes} <= {"heartbeat"}
    return [(change.name, change.action, change.detail) for change in changes]


def test_a_plan_says_that_the_heartbeat_is_gained_or_lost_and_what_that_means() -> None:
    assert told(load_sample(), beating()) == [
        ("rule", Action.GAINED, "fires as long as Prometheus scrapes, stores and evaluates"),
        (
            "route",
            Action.GAINED,
            f"every 1m to {URL}; silence there means that Prometheus or Alertmanager died",
        ),
    ]
    assert told(beating(url=None, url_file="beat-url", credentials_file="token"), load_sample()) == [
        ("rule", Action.LOST, "nobody learns any more when Prometheus dies"),
        (
            "route",
            Action.LOST,
            "was every 1m to beat-url with the token in token;"
            " nobody learns any more when Prometheus or Alertmanager dies",
        ),
    ]


def test_a_plan_says_how_the_heartbeat_changes() -> None:
    assert told(beating(), beating(interval="5m")) == [("route", Action.CHANGED, "every 1m -> 5m")]
    assert told(beating(), beating(url=f"{URL}-2", credentials_file="token")) == [
        ("route", Action.CHANGED, f"to {URL} -> {URL}-2, with the token in none -> token")
    ]
    moved = varied(lambda data: data.update(environment="uk", stack={**data["stack"], "heartbeat": {"url": URL}}))
    assert ("rule", Action.CHANGED, "labels") in told(beating(), moved)


def test_an_alert_that_only_bears_its_name_is_an_alert_in_a_plan() -> None:
    plan = compare_files(
        {RULES: "groups: []"},
        {
            RULES: "groups: [{name: g, rules: [{alert: Heartbeat, expr: vector(1), labels: {severity: high}}]}]",
        },
    )

    assert [(change.kind, change.name) for change in plan.changes] == [("alert", "Heartbeat")]
