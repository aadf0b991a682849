"""An alert on log lines that could not fire, or would be taken for another one, is named with line and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.rendering import varied, varied_text
from support.samples import problems_in
from tapewatch.project import open_project
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem

LOST = {
    "expr": 'sum(count_over_time({service="api"} |= "session lost" [5m])) > 0',
    "severity": "high",
    "summary": "Sessions are lost",
}


def declared(service: str = "api", name: str = "SessionLost", **more: Any) -> str:
    return varied_text(lambda data: data["services"][service].update(logs={"alerts": {name: {**LOST, **more}}}))


def found(service: str = "api", name: str = "SessionLost", **more: Any) -> list[Problem]:
    problems = problems_in(declared(service, name, **more))
    assert all(problem.where.line > 0 and problem.must and problem.fix for problem in problems)
    return problems


def test_what_is_written_is_what_there_is() -> None:
    more = {"for": "2m", "description": "Look there", "runbook_url": "https://wiki.example/lost"}
    catalogue = varied(lambda data: data["services"]["api"].update(logs={"alerts": {"SessionLost": {**LOST, **more}}}))
    alert = catalogue.services["api"].logs.alerts["SessionLost"]

    assert (alert.for_, alert.description, alert.runbook_url) == ("2m", "Look there", "https://wiki.example/lost")


@pytest.mark.parametrize(
    ("expr", "said"),
    [
        ('sum(count_over_time({service="api"} |= "lost [5m])) > 0', "no LogQL"),
        ('sum(count_over_time({service="api"} [5m]) > 0', "no LogQL"),
        ('sum(count_over_time({service="risk-manager"} [5m])) > 0', "other log lines"),
        ('sum(count_over_time({level="error"} [5m])) > 0', "other log lines"),
        ('sum(count_over_time({service=~"api|.+"} [5m])) > 0', "other log lines"),
        ('count_over_time({service="api"}[5m]) / count_over_time({level="error"}[5m])', "other log lines"),
        ("vector(1)", "other log lines"),
        ('{service="api"} |= "lost"', "no number"),
    ],
)
def test_an_expression_that_is_no_alert_of_this_service_is_refused(expr: str, said: str) -> None:
    problems = found(expr=expr)

    assert {problem.code for problem in problems} == {"catalogue/log-alert"}
    assert said in problems[0].summary
    assert problems[0].where.path == "services.api.logs.alerts.SessionLost.expr"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"severity": "low"}, "bad-value"),
        ({"severity": "none"}, "bad-value"),
        ({"for": "soon"}, "bad-duration"),
        ({"runbook_url": "wiki/lost"}, "bad-url"),
        ({"annotations": {}}, "unknown-key"),
    ],
)
def test_what_an_alert_on_log_lines_cannot_have_is_refused(more: dict[str, Any], code: str) -> None:
    assert [problem.code for problem in found(**more)] == [f"catalogue/{code}"]


@pytest.mark.parametrize("name", ["session lost", "sessionLost", "Session-Lost", "Session_Lost"])
def test_its_name_is_one_that_an_alert_may_have(name: str) -> None:
    assert [problem.code for problem in found(name=name)] == ["catalogue/bad-value"]


@pytest.mark.parametrize("name", ["ServiceDown", "OrderRejectionRateHigh", "Heartbeat"])
def test_its_name_is_no_other_alerts(name: str, tmp_path: Path) -> None:
    (tmp_path / "catalogue.yaml").write_text(declared(name=name), encoding="utf-8")
    with pytest.raises(ProblemsError) as caught:
        open_project(tmp_path)

    (problem,) = caught.value.problems
    assert problem.code == "catalogue/log-alert"
    assert problem.where.line > 0


def test_two_services_may_have_one_of_the_same_name(tmp_path: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        for service in ("api", "risk-manager"):
            own = {**LOST, "expr": LOST["expr"].replace("api", service)}
            data["services"][service]["logs"] = {"alerts": {"SessionLost": own}}

    (tmp_path / "catalogue.yaml").write_text(varied_text(change), encoding="utf-8")

    assert open_project(tmp_path).catalogue.services["api"].logs.alerts


def test_in_the_defaults_it_would_be_every_services() -> None:
    problems = problems_in(varied_text(lambda data: data["defaults"]["logs"].update(alerts={"SessionLost": LOST})))

    assert [problem.code for problem in problems] == ["catalogue/log-alert"]
    assert problems[0].where.path == "defaults.logs.alerts.SessionLost"
