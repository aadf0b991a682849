"""alertmanager.yml: routes, receivers, time intervals, inhibition."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rendering import render, varied, varied_text, write
from support.samples import load_sample, problems_in
from support.servers import start_alertmanager
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.where import native
from tapewatch.servers import find

CONFIG = f"{layout.ALERTMANAGER}/alertmanager.yml"


def configuration(catalogue: Catalogue) -> Any:
    return yaml.safe_load(render(AlertmanagerRenderer(), catalogue)[CONFIG])


def route(catalogue: Catalogue, severity: str) -> Any:
    routes = configuration(catalogue)["route"]["routes"]
    return next(each for each in routes if each.get("matchers") == [f'severity="{severity}"'])


def every_way(data: dict[str, Any]) -> None:
    """A receiver of every kind, quiet hours, timing of the user's own."""
    data["receivers"]["everything"] = {
        "webhook": [{"url_file": "hook-url", "credentials_file": "token", "max_alerts": 20, "send_resolved": False}],
        "slack": [{"channel": "#desk", "api_url_file": "slack-url"}],
        "pagerduty": [{"routing_key_file": "key"}],
        "email": [
            {
                "to": "desk@example.com",
                "from": "alerts@example.com",
                "smarthost": "mail.example.com:587",
                "username": "alerts",
                "password_file": "password",
            }
        ],
    }
    data["time_intervals"] = {
        "weekends": [{"weekdays": ["saturday", "sunday"], "location": "Europe/London"}],
        "always": [{"months": ["1:12"]}],
        "session": [
            {"times": [{"start": "09:00", "end": "17:30"}], "days_of_month": ["-3:-1"], "years": ["2030:2040"]}
        ],
    }
    data["routing"]["medium"] = {"receiver": "everything", "mute": ["weekends"], "active": ["session"]}
    data["routing"]["high"] = {
        "receiver": "everything",
        "group_by": ["alertname"],
        "group_interval": "2m",
        "repeat_interval": "6m",
        "mute": ["always"],
    }


def test_routes_are_grouped_and_timed_by_severity() -> None:
    keys = ("group_by", "group_wait", "group_interval", "repeat_interval")
    timing = {
        severity: [route(load_sample(), severity)[key] for key in keys] for severity in ("critical", "high", "medium")
    }
    assert timing == {
        "critical": [["environment", "service", "alertname"], "0s", "10s", "1h"],
        "high": [["environment", "service", "alertname"], "30s", "1m", "4h"],
        "medium": [["environment", "team"], "5m", "5m", "12h"],
    }


def test_the_history_is_told_of_every_alert_first_and_keeps_none_from_the_others() -> None:
    config = configuration(load_sample())
    first, *_, last = config["route"]["routes"]

    assert (first["receiver"], first["continue"], first["group_by"]) == ("history", True, ["..."])
    assert first["matchers"] == ['severity!="none"'], "the heartbeat alone is no news"
    assert last == {"receiver": "platform-pager"}, "an alert that no route takes but the history's reaches somebody"
    (hook,) = next(each for each in config["receivers"] if each["name"] == "history")["webhook_configs"]
    assert hook["url"] == "http://api:8000/api/alerts/webhook"


def test_whatever_calls_the_history_shows_its_key_and_nothing_else_does() -> None:
    def elsewhere(data: dict[str, Any]) -> None:
        data["receivers"]["desk-chat"] = {"webhook": [{"url": "http://chat:8000/hook"}]}

    hooks = {each["name"]: each["webhook_configs"][0] for each in configuration(varied(elsewhere))["receivers"]}
    keys = {name for name, hook in hooks.items() if "http_config" in hook}
    assert keys == {*hooks} - {"desk-chat", "drill"}
    assert hooks["risk-pager"]["http_config"]["authorization"]["credentials_file"] == "/run/tapewatch/history/api-key"


def test_on_loopback_the_history_wants_no_key_and_without_one_nobody_is_told() -> None:
    catalogue = load_sample()
    here = yaml.safe_load(render(AlertmanagerRenderer(native), catalogue)[CONFIG])
    assert "credentials_file" not in str(here)

    without = configuration(varied(lambda data: data["stack"].pop("history")))
    assert "history" not in {each["name"] for each in without["receivers"]}
    assert all(each["receiver"] != "history" and "matchers" in each for each in without["route"]["routes"])


def test_the_catalogue_overrides_grouping_and_timing_one_by_one() -> None:
    high = route(varied(every_way), "high")
    assert high["group_by"] == ["alertname"]
    assert (high["group_wait"], high["group_interval"], high["repeat_interval"]) == ("30s", "2m", "6m")


def test_a_team_with_a_receiver_of_its_own_keeps_the_quiet_hours_of_the_severity() -> None:
    branch = route(varied(every_way), "high")["routes"][0]
    assert branch == {"receiver": "risk-chat", "matchers": ['team="risk"'], "mute_time_intervals": ["always"]}


def test_secrets_are_named_by_file() -> None:
    receiver = next(each for each in configuration(varied(every_way))["receivers"] if each["name"] == "everything")
    assert receiver["webhook_configs"][0]["url_file"] == "hook-url"
    assert receiver["webhook_configs"][0]["http_config"]["authorization"]["credentials_file"] == "token"
    assert receiver["slack_configs"][0]["api_url_file"] == "slack-url"
    assert receiver["pagerduty_configs"][0]["routing_key_file"] == "key"
    assert receiver["email_configs"][0]["auth_password_file"] == "password"


def test_every_inhibition_compares_labels_that_its_source_must_have() -> None:
    for rule in configuration(load_sample())["inhibit_rules"]:
        assert rule["equal"]
        assert {f'{label}!=""' for label in rule["equal"]} <= set(rule["source_matchers"])


def test_the_order_of_services_and_receivers_changes_no_byte() -> None:
    def turn_round(data: dict[str, Any]) -> None:
        every_way(data)
        for key in ("services", "receivers", "time_intervals"):
            data[key] = dict(reversed(data[key].items()))
        data["routing"]["teams"] = dict(reversed(data["routing"]["teams"].items()))

    assert render(AlertmanagerRenderer(), varied(turn_round)) == render(AlertmanagerRenderer(), varied(every_way))


@pytest.mark.parametrize(
    "version",
    [
        pytest.param("0.34", marks=pytest.mark.needs("amtool-0.34")),
        pytest.param("0.33", marks=pytest.mark.needs("amtool-0.33")),
    ],
)
def test_amtool_accepts_the_sample_and_every_kind_of_receiver(tmp_path: Path, version: str) -> None:
    for name, catalogue in (("sample", load_sample()), ("every-way", varied(every_way))):
        file = write(render(AlertmanagerRenderer(), catalogue), tmp_path / name) / CONFIG
        done = subprocess.run(
            [find("amtool", version).path, "check-config", file], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("alertmanager")
def test_quiet_hours_hold_for_a_team_with_a_receiver_of_its_own(tmp_path: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        data["time_intervals"] = {"always": [{"months": ["1:12"]}]}
        data["routing"]["high"].update(mute=["always"], group_wait="0s")

    folder = write(render(AlertmanagerRenderer(), varied(change)), tmp_path)
    with start_alertmanager(folder / CONFIG, tmp_path) as server:
        labels = {"alertname": "Late", "severity": "high", "team": "risk", "environment": "local", "service": "x"}
        server.post("/api/v2/alerts", [{"labels": labels}])
        groups = wait_for("the alert is muted", lambda: muted(server.get_json("/api/v2/alerts/groups?muted=true")))
    assert groups[0]["receiver"] == {"name": "risk-chat"}


def muted(groups: Any) -> Any:
    return [group for group in groups if any(alert["status"].get("mutedBy") for alert in group["alerts"])]


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"group_interval": "2m", "repeat_interval": "5m"}, "repeat-interval", "no multiple"),
        ({"group_interval": "5h"}, "repeat-interval", "no multiple"),
        ({"group_interval": "0s"}, "zero-interval", "group_interval"),
        ({"group_by": ["service", "service"]}, "duplicate-label", "twice"),
        ({"group_by": ["...", "service"]}, "group-by", "beside other labels"),
    ],
)
def test_timing_that_alertmanager_cannot_keep_is_a_problem_of_the_catalogue(
    change: dict[str, Any], code: str, says: str
) -> None:
    problems = problems_in(varied_text(lambda data: data["routing"]["high"].update(change)))
    assert [problem.code for problem in problems] == [f"catalogue/{code}"]
    assert says in problems[0].summary
    assert problems[0].where.line > 0


@pytest.mark.parametrize(
    ("interval", "code"),
    [
        ({"weekdays": ["funday"]}, "catalogue/bad-value"),
        ({"months": ["13"]}, "catalogue/bad-value"),
        ({"days_of_month": ["32"]}, "catalogue/bad-value"),
        ({"years": ["30"]}, "catalogue/bad-value"),
        ({"location": "Atlantis/Capital"}, "catalogue/bad-time-zone"),
    ],
)
def test_a_time_interval_that_is_none_is_a_problem_of_the_catalogue(interval: dict[str, Any], code: str) -> None:
    problems = problems_in(varied_text(lambda data: data.update(time_intervals={"odd": [interval]})))
    assert [problem.code for problem in problems] == [code]
    assert problems[0].where.line > 0
