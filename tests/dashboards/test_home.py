"""Home: every team finds its services, its alerts and its dashboards."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from support.rendering import varied
from support.samples import ROOT
from tapewatch.panels import all_panels
from tapewatch.project import Project, open_project
from tapewatch_dashboards import Dashboards
from tapewatch_sdk.plugins import Dashboard, Request


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(ROOT)


@pytest.fixture(scope="module")
def board(project: Project) -> Dashboard:
    return next(each for each in project.dashboards if each.uid == "home")


def panel(board: Dashboard, title: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(each for each in all_panels(board.model) if each["title"] == title)
    return found


def test_a_team_can_be_chosen_and_narrows_services_and_alerts(board: Dashboard) -> None:
    assert "team" in [variable["name"] for variable in board.model["templating"]["list"]]
    for title in ("Services", "Firing now"):
        (target,) = panel(board, title)["targets"]
        assert 'team=~"$team"' in target["expr"]
    assert "$team" not in panel(board, "Teams")["targets"][0]["expr"]


def test_a_tile_leads_to_its_teams_page(board: Dashboard) -> None:
    (link,) = panel(board, "Teams")["fieldConfig"]["defaults"]["links"]

    assert link["url"].startswith("/d/home?var-team=${__field.labels.team}&")


def test_every_dashboard_that_is_of_no_service_is_told_with_its_question(project: Project, board: Dashboard) -> None:
    words = panel(board, "Where to look")["options"]["content"]
    told = dict(re.findall(r"^- \[.+\]\(d/(\S+)\): (.+)$", words, re.M))

    others = [each for each in project.dashboards if each.uid != "home" and "service" not in each.model["tags"]]
    assert told == {each.uid: each.model["description"] for each in others}


def test_each_service_leads_to_its_own_dashboard(project: Project, board: Dashboard) -> None:
    expr = panel(board, "Services")["targets"][0]["expr"]

    for name, service in project.catalogue.services.items():
        uids = [uid for uid, pattern in re.findall(r'"dashboard", "([^"]+)", "service", "([^"]*)"', expr)
                if re.fullmatch(pattern, name)]  # fmt: skip
        (uid,) = uids
        assert uid.startswith("service-"), service


def test_the_dashboards_of_a_teams_services_carry_its_tag(project: Project) -> None:
    tagged = {each.uid for each in project.dashboards if "team:risk" in each.model["tags"]}

    assert tagged == {"service-position", "service-risk"}


def test_a_kind_of_many_teams_carries_the_tag_of_none() -> None:
    def spread(data: dict[str, Any]) -> None:
        one = {"language": "rust", "emits": ["risk", "host"]}
        data["services"] = {f"s{n}": {**one, "team": f"t{n}", "address": f"s{n}:9091"} for n in range(9)}
        data["routing"].pop("teams")

    boards = list(Dashboards().dashboards(Request(varied(spread), (), ())))

    assert not [tag for board in boards for tag in board.model["tags"] if tag.startswith("team:")]
    assert boards[0].uid == "home"
