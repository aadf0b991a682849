"""The copy that the public sees: everything chosen, nothing of it inside knowledge."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from stack.uploading.target import board
from support.samples import ROOT
from tapewatch.panels import all_panels
from tapewatch.project import open_project
from tapewatch.promql.syntax import parse_ast
from tapewatch.uploading.public import LONGEST, public_copy, public_uid
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.plugins import Dashboard

LOGS = {
    "type": "logs",
    "title": "Logs",
    "datasource": {"type": "loki", "uid": "tapewatch-loki"},
    "targets": [{"datasource": {"type": "loki", "uid": "tapewatch-loki"}, "expr": "{}"}],
}


def row(title: str) -> dict[str, Any]:
    return {"type": "row", "title": title, "panels": []}


def expr(dashboard: Dashboard) -> str:
    return str(dashboard.model["panels"][0]["targets"][0]["expr"])


def codes(caught: pytest.ExceptionInfo[ProblemsError]) -> list[str]:
    return [problem.code for problem in caught.value.problems]


def test_every_variable_is_filled_in_and_none_remains() -> None:
    copy = public_copy(board("orders"), {})

    assert expr(copy) == 'rate(orders_total{service=~".*"}[1m])'
    assert copy.model["panels"][0]["datasource"]["uid"] == "tapewatch-prometheus"
    assert copy.model["templating"]["list"] == []
    assert (copy.uid, copy.title, copy.folder) == ("orders-public", "Orders (public)", "tapewatch public")


@pytest.mark.parametrize(
    ("value", "written"),
    [("api", "api"), ("a.b", r"a\\.b"), ('x"} or {a="', r"x\"\\} or \\{a=\""), ("a\\", r"a\\\\"), ("a|b", r"a\\|b")],
)
def test_a_chosen_value_is_meant_literally(value: str, written: str) -> None:
    copy = public_copy(board("orders"), {"service": value})

    assert expr(copy) == f'rate(orders_total{{service=~"{written}"}}[1m])'
    parse_ast(expr(copy))
    assert value in copy.title


def test_what_must_be_chosen_is_asked_for() -> None:
    one = {"type": "query", "name": "service", "query": "label_values(service)"}
    dashboard = board("orders", templating={"list": [one]})

    with pytest.raises(ProblemsError) as caught:
        public_copy(dashboard, {"servce": "api"})

    assert codes(caught) == ["upload/unknown-variable", "upload/not-chosen"]
    assert public_copy(dashboard, {"service": "api"}).model["panels"]


def test_logs_links_exemplars_and_alerts_are_nobodys_business() -> None:
    shown = board("orders").model["panels"][0]
    linked = {**shown, "links": [{"url": "/d/x"}], "targets": [{**shown["targets"][0], "exemplar": True}]}
    panels = [row("Logs"), LOGS, row("Numbers"), linked]

    copy = public_copy(board("orders", panels=panels, links=[{"type": "dashboards"}]), {})

    assert [panel["title"] for panel in copy.model["panels"]] == ["Numbers", "Orders"]
    text = json.dumps(copy.model)
    assert not re.search(r"/d/x|exemplar|loki|\"links\": \[\{", text)


def test_the_uid_is_never_too_long_and_never_anothers() -> None:
    long = ["service-capture-dashboard-ml-pipeline-a", "service-capture-dashboard-ml-pipeline-b"]

    assert public_uid("risk") == "risk-public"
    assert len({public_uid(uid) for uid in long}) == 2
    assert all(len(public_uid(uid)) <= LONGEST for uid in long)


def test_every_dashboard_of_the_sample_can_be_shared_and_asks_whole_queries() -> None:
    grafanas = re.compile(r"\$__(?:rate_interval|interval|range)\b")
    for dashboard in open_project(ROOT).dashboards:
        variables = [each for each in dashboard.model["templating"]["list"] if each["type"] == "query"]
        chosen = {each["name"]: "one" for each in variables if not each["includeAll"]}

        copy = public_copy(dashboard, chosen)

        panels = [panel for panel in all_panels(copy.model) if panel["type"] not in ("row", "text")]
        assert panels, dashboard.uid
        for panel in panels:
            for target in panel["targets"]:
                left = re.search(r"\$[a-z_{]", grafanas.sub("", target.get("expr", "")))
                assert not left, f"{dashboard.uid}: {panel['title']}"
                assert target["datasource"]["uid"] == "tapewatch-prometheus"
