"""The check of dashboards: each mistake is named with its panel, and a right dashboard has none."""

from __future__ import annotations

from typing import Any

import pytest

from support.samples import ROOT, load_sample
from tapewatch.checks.dashboards import QUERIES, DashboardCheck
from tapewatch.project import open_project
from tapewatch_sdk.plugins import Dashboard, Request
from tapewatch_sdk.problems import Problem, Severity


def panel(number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": f"Orders {number}",
        "description": "How many?",
        "gridPos": {"x": 0, "y": 8 * number, "w": 24, "h": 8},
        "fieldConfig": {"defaults": {"unit": "cps"}},
        "targets": [{"refId": "A", "expr": 'rate(x{symbol=~"$symbol"}[$__rate_interval])'}],
        **more,
    }


def board(*panels: dict[str, Any], uid: str = "desk") -> Dashboard:
    variables = {"list": [{"name": "symbol", "type": "query"}]}
    return Dashboard(uid, "acme", {"uid": uid, "title": uid.title(), "panels": list(panels), "templating": variables})


def found(*boards: Dashboard) -> list[Problem]:
    return list(DashboardCheck().run(Request(load_sample(), (), boards)))


def link(url: str) -> dict[str, Any]:
    return {"defaults": {"unit": "cps", "links": [{"title": "x", "url": url}]}}


def test_a_right_dashboard_has_no_findings() -> None:
    assert found(board(panel(1), panel(2, fieldConfig=link("/d/desk?var-symbol=x")))) == []


def test_neither_have_the_projects_own() -> None:
    assert list(DashboardCheck().run(open_project(ROOT).request)) == []


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (panel(2, gridPos={"x": 12, "y": 15, "w": 4, "h": 4}), "dashboards/overlap"),
        (panel(2, gridPos={"x": 20, "y": 30, "w": 5, "h": 4}), "dashboards/overlap"),
        (panel(2, gridPos={}), "dashboards/overlap"),
        (panel(2, description=""), "dashboards/no-description"),
        (panel(2, fieldConfig={}), "dashboards/no-unit"),
        (panel(2, fieldConfig=link("/d/nowhere?x=y")), "dashboards/dead-link"),
        (panel(2, targets=[{"refId": "A", "expr": 'x{table="$table"}'}]), "dashboards/unknown-variable"),
    ],
)
def test_a_mistake_is_named_with_its_panel(wrong: dict[str, Any], code: str) -> None:
    (problem,) = found(board(panel(1), wrong))

    assert (problem.code, problem.where.path) == (code, "Desk / Orders 2")


def test_a_panel_inside_a_collapsed_row_is_looked_at_too() -> None:
    inner = panel(2, description="")
    row = {"id": 9, "type": "row", "title": "More", "gridPos": {"x": 0, "y": 15, "w": 24, "h": 1}, "panels": [inner]}

    assert [problem.code for problem in found(board(panel(1), row))] == ["dashboards/no-description"]


@pytest.mark.parametrize("kind", ["text", "logs"])
def test_what_shows_no_numbers_needs_no_unit(kind: str) -> None:
    assert found(board(panel(1, type=kind, fieldConfig={}))) == []


def test_two_dashboards_of_one_uid_are_named() -> None:
    (problem,) = found(board(panel(1)), board(panel(1)))

    assert problem.code == "dashboards/same-uid"


def test_too_many_queries_are_a_warning() -> None:
    targets = [{"refId": str(number), "expr": "x"} for number in range(QUERIES + 1)]

    (problem,) = found(board(panel(1, targets=targets)))

    assert (problem.code, problem.severity) == ("dashboards/too-many-queries", Severity.WARNING)
