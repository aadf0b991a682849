"""Sharing one dashboard with everybody."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import pytest

from stack.uploading.target import Target, board, person
from support.grafana_stand_in import StandIn
from tapewatch.uploading.plan import plan
from tapewatch.uploading.public import public_copy
from tapewatch.uploading.sharing import share, shared, unshare
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.plugins import Dashboard

COPY = "orders-public"


def copy(**more: Any) -> Dashboard:
    return public_copy(board("orders", **more), {})


def share_it(target: Target, dashboard: Dashboard) -> str:
    robot = target.robot("Admin")
    return share(robot, plan(robot, [dashboard], "trading", whole=False)).url


def test_a_shared_dashboard_has_an_address_and_keeps_it(target: Target) -> None:
    url = share_it(target, copy())

    assert url.startswith(f"{target.url}/public-dashboards/")
    assert share_it(target, copy()) == url
    assert share_it(target, copy(refresh="1m")) == url
    assert (target.has(COPY) or {})["refresh"] == "1m"
    assert (target.has(COPY) or {})["templating"] == {"list": []}


def test_it_is_shared_no_more_when_that_is_said(target: Target) -> None:
    share_it(target, copy())
    robot = target.robot("Admin")

    unshare(robot, COPY)

    assert shared(robot, COPY) is None
    assert target.has(COPY) is None
    unshare(robot, COPY)


def test_a_copy_that_a_person_changed_is_kept_but_shared_no_more(target: Target) -> None:
    share_it(target, copy())
    target.edit(COPY, title="Mine")
    robot = target.robot("Admin")

    unshare(robot, COPY)

    assert shared(robot, COPY) is None
    assert (target.has(COPY) or {})["title"] == "Mine"


def test_a_copy_is_no_dashboard_of_the_project_that_an_upload_would_delete(target: Target) -> None:
    share_it(target, copy())

    found = plan(target.robot(), [board("orders")], "trading")

    assert [(step.uid, step.kind) for step in found.steps] == [("orders", "create")]


def test_where_nothing_is_shared_publicly_nothing_is_written() -> None:
    with StandIn(public=False) as grafana:
        target = Target(grafana.url, person(grafana.url))
        with pytest.raises(ToolError) as caught:
            share_it(target, copy())

        assert [problem.code for problem in caught.value.problems] == ["upload/cannot-share"]
        assert target.has(COPY) is None


@pytest.mark.needs("grafana")
def test_everybody_sees_it_without_a_password(target: Target) -> None:
    if "9.4.0-stand-in" in str(target.person.get("/api/health")):
        pytest.skip("a stand-in shows no pages")
    token = share_it(target, copy()).rpartition("/")[2]

    with urllib.request.urlopen(f"{target.url}/api/public/dashboards/{token}", timeout=10) as answer:
        assert b"Orders (public)" in answer.read()

    unshare(target.robot("Admin"), COPY)
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{target.url}/api/public/dashboards/{token}", timeout=10)
