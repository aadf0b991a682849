"""Uploading: what is written, and above all what is not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from stack.uploading.target import Target, board
from tapewatch.uploading.access import Access
from tapewatch.uploading.api import Api, ApiError
from tapewatch.uploading.carry_out import carry_out
from tapewatch.uploading.plan import Plan, Step, plan
from tapewatch_sdk.plugins import Dashboard
from tapewatch_sdk.problems import Problem

FOLDER = "tapewatch-tapewatch"


def planned(api: Api, boards: Sequence[Dashboard], project: str = "trading", **more: Any) -> Plan:
    return plan(api, boards, project, **more)


def push(
    api: Api, boards: Sequence[Dashboard], project: str = "trading", overwrite: Collection[str] = ()
) -> tuple[dict[str, str], list[Problem]]:
    """Plan and do it; gives what became of which dashboard, and the problems."""
    found = planned(api, boards, project, overwrite=overwrite)
    done: list[Step] = []
    problems = [*found.problems(), *carry_out(api, found, done.append)]
    return {step.uid: step.kind for step in done}, problems


def kinds(found: Plan) -> dict[str, str]:
    return {step.uid: step.kind for step in found.steps}


def codes(problems: Sequence[Problem]) -> list[str]:
    return [problem.code for problem in problems]


def test_dashboards_are_created_in_a_folder_of_our_own(target: Target) -> None:
    done, problems = push(target.robot(), [board("orders"), board("risk")])

    assert (done, problems) == ({"orders": "create", "risk": "create"}, [])
    made = target.has("orders")
    assert made is not None
    assert made["panels"][0]["targets"][0]["expr"] == 'rate(orders_total{service=~"$service"}[1m])'
    assert target.person.get("/api/dashboards/uid/orders")["meta"]["folderUid"] == FOLDER
    assert target.person.get(f"/api/folders/{FOLDER}")["title"] == "tapewatch"


def test_a_second_upload_of_the_same_changes_nothing(target: Target) -> None:
    robot, boards = target.robot(), [board("orders"), board("risk")]
    push(robot, boards)
    before = target.everything()

    assert kinds(planned(robot, boards)) == {"orders": "unchanged", "risk": "unchanged"}
    assert push(robot, boards) == ({}, [])
    assert target.everything() == before


def test_only_what_differs_is_updated(target: Target) -> None:
    robot = target.robot()
    push(robot, [board("orders"), board("risk")])

    done, problems = push(robot, [board("orders", refresh="10s"), board("risk")])

    assert (done, problems) == ({"orders": "update"}, [])
    made = target.has("orders")
    assert made is not None
    assert made["refresh"] == "10s"


def test_a_plan_changes_nothing_whatever_it_finds(target: Target) -> None:
    robot = target.robot()
    push(robot, [board("orders"), board("risk"), board("gone")])
    target.edit("risk", title="Edited")
    target.save({"uid": "foreign", "title": "Foreign", "panels": []})
    before = target.everything()

    boards = [board("orders", refresh="1m"), board("risk"), board("new", folder="other"), board("foreign")]
    found = planned(robot, boards)

    expected = {"orders": "update", "risk": "changed there", "new": "create", "foreign": "not ours", "gone": "delete"}
    assert kinds(found) == expected
    assert [folder.uid for folder in found.folders] == ["tapewatch-other"]
    assert target.everything() == before
    assert target.person.find("/api/folders/tapewatch-other") is None


def test_a_dashboard_of_somebody_else_under_our_uid_is_left_alone(target: Target) -> None:
    robot = target.robot()
    target.save({"uid": "orders", "title": "My orders", "description": "Mine", "panels": []})

    done, problems = push(robot, [board("orders"), board("risk")], overwrite=["orders"])

    assert (done, codes(problems)) == ({"risk": "create"}, ["upload/not-ours"])
    assert "My orders" in problems[0].summary
    found = target.has("orders")
    assert found is not None
    assert (found["title"], found["version"]) == ("My orders", 1)


def test_what_another_project_uploaded_is_left_alone(target: Target) -> None:
    robot = target.robot()
    push(robot, [board("orders")], "trading")

    done, problems = push(robot, [board("orders", refresh="1m")], "staging")

    assert (done, codes(problems)) == ({}, ["upload/not-ours"])
    assert "trading" in problems[0].summary


def test_what_another_project_uploaded_is_not_deleted_either(target: Target) -> None:
    robot = target.robot()
    push(robot, [board("orders")], "trading")

    found = planned(robot, [board("risk")], "staging")

    assert kinds(found) == {"risk": "create"}
    assert list(found.strangers) == ["Orders"]


def test_a_persons_change_is_named_and_kept(target: Target) -> None:
    robot = target.robot()
    push(robot, [board("orders")])
    target.edit("orders", refresh="5m")

    for boards in ([board("orders")], [board("orders", refresh="1m")]):
        done, problems = push(robot, boards)
        assert (done, codes(problems)) == ({}, ["upload/changed-there"])
        assert "--overwrite orders" in problems[0].fix

    found = target.has("orders")
    assert found is not None
    assert found["refresh"] == "5m"


def test_a_persons_change_is_overwritten_where_that_was_said(target: Target) -> None:
    robot = target.robot()
    push(robot, [board("orders"), board("risk")])
    target.edit("orders", refresh="5m")
    target.edit("risk", refresh="5m")

    done, problems = push(robot, [board("orders"), board("risk")], overwrite=["orders"])

    assert (done, codes(problems)) == ({"orders": "update"}, ["upload/changed-there"])
    found = target.has("orders")
    assert found is not None
    assert "refresh" not in found
    assert push(robot, [board("orders")])[0] == {}


def test_what_is_gone_from_the_project_is_deleted_unless_a_person_changed_it(target: Target) -> None:
    robot = target.robot()
    push(robot, [board("orders"), board("old"), board("edited")])
    target.edit("edited", refresh="5m")

    done, problems = push(robot, [board("orders")])

    assert (done, codes(problems)) == ({"old": "delete"}, ["upload/changed-there"])
    assert target.has("old") is None
    assert target.has("edited") is not None


def test_a_copy_that_a_person_made_of_ours_is_theirs(target: Target) -> None:
    robot = target.robot()
    push(robot, [board("orders")])
    copied = {**(target.has("orders") or {}), "uid": "my-orders", "title": "My orders", "id": None, "version": 0}
    target.save(copied, FOLDER)

    found = planned(robot, [board("orders")])

    assert kinds(found) == {"orders": "unchanged"}
    assert list(found.strangers) == ["My orders"]
    assert codes(push(robot, [board("orders"), board("my-orders")])[1]) == ["upload/not-ours"]


def test_some_dashboards_alone_leave_the_others(target: Target) -> None:
    robot = target.robot()
    push(robot, [board("orders"), board("risk")])

    found = planned(robot, [board("orders")], whole=False)

    assert kinds(found) == {"orders": "unchanged"}


def test_a_dashboard_goes_back_into_its_folder(target: Target) -> None:
    robot = target.robot()
    push(robot, [board("orders")])
    moved = target.has("orders")
    assert moved is not None
    target.save(moved, "")

    done, problems = push(robot, [board("orders")])

    assert (done, problems) == ({"orders": "update"}, [])
    assert target.person.get("/api/dashboards/uid/orders")["meta"]["folderUid"] == FOLDER


def test_somebody_who_saves_between_plan_and_upload_is_not_overwritten(target: Target) -> None:
    robot = target.robot()
    push(robot, [board("orders"), board("old"), board("risk")])
    found = planned(robot, [board("orders", refresh="1m"), board("risk", refresh="1m")])
    target.edit("orders", refresh="5m")
    target.edit("old", refresh="5m")
    done: list[Step] = []

    problems = list(carry_out(robot, found, done.append))

    assert [step.uid for step in done] == ["risk"]
    assert codes(problems) == ["upload/changed-meanwhile", "upload/changed-meanwhile"]
    assert (target.has("orders") or {})["refresh"] == "5m"
    assert target.has("old") is not None


def test_an_upload_that_was_written_although_its_answer_was_lost_is_no_problem(target: Target) -> None:
    robot = target.robot()
    found = planned(robot, [board("orders")])
    done: list[Step] = []
    list(carry_out(robot, found, done.append))

    assert list(carry_out(robot, found, done.append)) == []
    assert [step.uid for step in done] == ["orders", "orders"]
    assert (target.has("orders") or {})["version"] == 1


def test_a_title_that_is_taken_keeps_one_dashboard_back_and_no_other(target: Target) -> None:
    robot = target.robot()
    push(robot, [board("orders")])
    target.save({"uid": "theirs", "title": "Risk", "panels": []}, FOLDER)

    done, problems = push(robot, [board("orders"), board("risk", "Risk"), board("speed")])

    assert (done, codes(problems)) == ({"speed": "create"}, ["upload/failed"])
    assert "same name" in problems[0].summary


def test_a_viewer_is_told_that_it_may_not(target: Target) -> None:
    viewer = target.robot("Viewer")
    found = planned(viewer, [board("orders")])

    with pytest.raises(ApiError) as caught:
        list(carry_out(viewer, found, lambda step: None))

    assert codes(caught.value.problems) == ["upload/not-allowed"]
    assert target.has("orders") is None


def test_a_token_that_is_not_known_is_told_so(target: Target) -> None:
    with pytest.raises(ApiError) as caught:
        planned(Api(Access(target.url, "Bearer glsa_nobody")), [board("orders")])

    assert codes(caught.value.problems) == ["upload/not-signed-in"]
