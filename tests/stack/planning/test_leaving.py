"""What leaves Prometheus, and which log lines wake somebody, is told in the words of the person who answers for it."""

from __future__ import annotations

from typing import Any

import pytest

from support.rendering import render, varied
from tapewatch import layout
from tapewatch.planning import Action, Change, compare_files
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.prometheus import PrometheusRenderer

FAR = {"name": "far", "url": "https://far.example/push", "username": "17", "password_file": "/run/secrets/far"}

COUNTED = 'sum(count_over_time({service="api"} |= "lost" [5m])) > 3'
LOST = {"expr": COUNTED, "severity": "high", "summary": "Sessions are lost"}


def sending(*remotes: dict[str, Any]) -> dict[str, str]:
    return render(PrometheusRenderer(), varied(lambda data: data["stack"].update(remote_write=list(remotes))))


def watching(alerts: dict[str, Any]) -> dict[str, str]:
    return render(LokiRenderer(), varied(lambda data: data["services"]["api"].update(logs={"alerts": alerts})))


def change(before: dict[str, str], after: dict[str, str]) -> Change:
    (found,) = compare_files(before, after).changes
    return found


def test_a_remote_end_gained_says_what_goes_where() -> None:
    found = change(
        sending(), sending({**FAR, "keep": [{"label": "team", "regex": "risk"}], "drop": [{"regex": "go_.+"}]})
    )

    assert (found.kind, found.name, found.action) == ("remote write", "far", Action.GAINED)
    assert found.detail == "only team=risk but go_.+ to https://far.example/push"
    assert change(sending(), sending(FAR)).detail == "all samples to https://far.example/push"


def test_a_remote_end_lost_says_where_nothing_goes_any_more() -> None:
    found = change(sending(FAR), sending())

    assert (found.action, found.detail) == (Action.LOST, "nothing goes to https://far.example/push any more")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"url": "https://new.example/push"}, "to https://new.example/push instead of https://far.example/push"),
        ({"username": "18"}, "signs in as 18 with /run/secrets/far instead of as 17 with /run/secrets/far"),
        ({"drop": [{"regex": "go_.+"}]}, "all samples but go_.+ instead of all samples"),
        ({"max_shards": 20}, "queue of 200000 samples instead of 100000"),
        ({"max_backoff": "30s"}, "max_backoff 5s -> 30s"),
        ({"retry_on_429": False}, "retry_on_http_429 true -> false"),
        ({"sample_age_limit": "2h"}, "sample_age_limit none -> 2h"),
        ({"headers": {"X-Scope-OrgID": "trading"}}, "headers"),
    ],
)
def test_a_remote_end_changed_says_how_and_that_its_queue_begins_anew(more: dict[str, Any], told: str) -> None:
    found = change(sending(FAR), sending({**FAR, **more}))

    assert found.action is Action.CHANGED
    assert found.detail == f"{told}, what waits is given up when Prometheus reads this"


def test_an_alert_on_log_lines_is_gained_and_lost_like_any_other() -> None:
    gained, lost = (
        change(watching({}), watching({"SessionLost": LOST})),
        change(watching({"SessionLost": LOST}), watching({})),
    )

    assert (gained.kind, gained.name, gained.action, gained.detail) == (
        "log alert",
        "SessionLost for api",
        Action.GAINED,
        "high",
    )
    assert (lost.kind, lost.name, lost.action) == ("log alert", "SessionLost for api", Action.LOST)


@pytest.mark.parametrize(
    ("more", "action", "told"),
    [
        ({"for": "5m"}, Action.LOOSENED, "for 0s -> 5m"),
        ({"severity": "critical"}, Action.TIGHTENED, "severity high -> critical"),
        ({"severity": "medium"}, Action.LOOSENED, "severity high -> medium"),
        ({"expr": COUNTED.replace("> 3", "> 5")}, Action.CHANGED, "another expression"),
        ({"expr": COUNTED.replace("lost", "`lost`")}, Action.CHANGED, "another expression"),
        ({"summary": "Sessions go"}, Action.CHANGED, "texts or links"),
    ],
)
def test_an_alert_on_log_lines_that_changes_says_how(more: dict[str, Any], action: Action, told: str) -> None:
    found = change(watching({"SessionLost": LOST}), watching({"SessionLost": {**LOST, **more}}))

    assert (found.action, found.detail) == (action, told)
    assert found.path == f"{layout.LOKI}/rules/fake/tapewatch.yml"
