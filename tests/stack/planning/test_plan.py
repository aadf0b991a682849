"""A plan says what a change means, in the words of an operator."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.samples import edited
from tapewatch.documents import dump
from tapewatch.planning import Action, Change, compare_files, files_at_revision
from tapewatch.planning.render import to_json, to_markdown, to_text
from tapewatch.project import open_project
from tapewatch_sdk.errors import ToolError

RULES = "provisioning/prometheus/rules/execution.yml"


def rendered(folder: Path, *replacements: tuple[str, str]) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    (folder / "catalogue.yaml").write_text(edited(*replacements), encoding="utf-8")
    return open_project(folder).render()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return rendered(tmp_path_factory.mktemp("sample"))


def told(before: Mapping[str, str], after: Mapping[str, str]) -> list[tuple[str, str, Action]]:
    return [(change.kind, change.name, change.action) for change in compare_files(before, after).changes]


NEW_SERVICE = (
    "  api:\n",
    "  market-data-2:\n    team: data\n    address: market-data-2:9097\n    emits: [market_data, host]\n  api:\n",
)


def test_nothing_changed_is_an_empty_plan(sample: dict[str, str]) -> None:
    assert not compare_files(sample, dict(sample))


def test_a_service_of_a_known_kind_is_one_target_and_one_expected_service_and_no_rule(
    sample: dict[str, str], tmp_path: Path
) -> None:
    after = rendered(tmp_path / "p", NEW_SERVICE)

    changes = told(sample, after)
    assert [(kind, name) for kind, name, action in changes if action is Action.GAINED] == [
        ("expected service", "market-data-2"),
        ("target", "market-data-2:9097"),
    ]
    # The dashboards of its kind name it from now on, and the sample platform plays it.
    assert {kind for kind, _, action in changes if action is not Action.GAINED} == {"dashboard", "panel", "container"}


def test_a_service_that_leaves_loses_its_target(sample: dict[str, str], tmp_path: Path) -> None:
    after = rendered(tmp_path / "p", NEW_SERVICE)

    assert ("target", "market-data-2:9097", Action.LOST) in told(after, sample)


@pytest.mark.parametrize(
    ("parameters", "action", "detail"),
    [
        ("{OrderRejectionRateHigh: {threshold: 0.05}}", Action.TIGHTENED, "threshold > 0.1 -> 0.05"),
        ("{OrderRejectionRateHigh: {threshold: 0.2}}", Action.LOOSENED, "threshold > 0.1 -> 0.2"),
        ("{OrderRejectionRateHigh: {for: 5m}}", Action.LOOSENED, "for 1m -> 5m"),
        ("{OrderFillRateLow: {threshold: 0.9}}", Action.LOOSENED, "threshold < 0.95 -> 0.9"),
        ("{OrderFillRateLow: {threshold: 0.99}}", Action.TIGHTENED, "threshold < 0.95 -> 0.99"),
    ],
)
def test_a_moved_threshold_is_loosened_or_tightened(
    parameters: str, action: Action, detail: str, sample: dict[str, str], tmp_path: Path
) -> None:
    after = rendered(tmp_path / "p", ("alerts: {}", f"alerts: {parameters}"))

    alerts = [change for change in compare_files(sample, after).changes if change.kind == "alert"]
    assert [change.action for change in alerts] == [action]
    assert detail in alerts[0].detail


def test_an_override_for_one_service_is_told_for_that_service_alone(sample: dict[str, str], tmp_path: Path) -> None:
    change = (
        "    emits: [execution, host]\n",
        "    emits: [execution, host]\n    alerts: {OrderRejectionRateHigh: {threshold: 0.05}}\n",
    )
    after = rendered(tmp_path / "p", change)

    alert, *panels = told(sample, after)
    assert alert == ("alert", "OrderRejectionRateHigh for execution-engine", Action.TIGHTENED)
    assert {(kind, action) for kind, _, action in panels} == {("panel", Action.CHANGED)}  # their limits follow it


def test_an_alert_switched_off_is_lost(sample: dict[str, str], tmp_path: Path) -> None:
    after = rendered(tmp_path / "p", ("alerts: {}", "alerts: {DrawdownHigh: {enabled: false}}"))

    assert ("alert", "DrawdownHigh", Action.LOST) in told(sample, after)


def test_a_route_to_somebody_else_is_told_with_both_receivers(sample: dict[str, str], tmp_path: Path) -> None:
    after = rendered(
        tmp_path / "p",
        ("risk: {critical: risk-pager, high: risk-chat}", "risk: {critical: risk-pager, high: desk-chat}"),
    )

    routes = [change for change in compare_files(sample, after).changes if change.kind == "route"]
    assert routes
    assert any("risk-chat" in change.detail and "desk-chat" in change.detail for change in routes)


def test_an_image_is_told_with_both_versions(sample: dict[str, str], tmp_path: Path) -> None:
    after = rendered(tmp_path / "p", ("version: v3.13.5", "version: v3.13.6"))

    containers = [change for change in compare_files(sample, after).changes if change.kind == "container"]
    assert any("v3.13.5" in change.detail and "v3.13.6" in change.detail for change in containers)


def panels(**queries: str) -> dict[str, str]:
    model = {
        "title": "Risk",
        "panels": [
            {"id": index, "title": title, "targets": [{"expr": query}]}
            for index, (title, query) in enumerate(queries.items())
        ],
    }
    return {"provisioning/grafana/dashboards/tapewatch/risk.json": json.dumps(model)}


def test_panels_gained_lost_and_changed_are_named() -> None:
    before, after = panels(Breaches="a", Exposure="b", Loss="c"), panels(Breaches="a", Exposure="x", Drawdown="d")

    assert told(before, after) == [
        ("panel", "Risk / Exposure", Action.CHANGED),
        ("panel", "Risk / Drawdown", Action.GAINED),
        ("panel", "Risk / Loss", Action.LOST),
    ]


def test_panels_whose_lines_are_only_called_otherwise_are_one_change() -> None:
    def risk(legend: str) -> dict[str, str]:
        target = {"refId": "A", "expr": "x", "legendFormat": legend}
        shown = [
            {"id": number, "title": title, "targets": [target]} for number, title in enumerate(("Loss", "Exposure"))
        ]
        return {"provisioning/grafana/dashboards/tapewatch/risk.json": json.dumps({"title": "Risk", "panels": shown})}

    (change,) = compare_files(risk("{{symbol}}"), risk("{{service}} {{symbol}}")).changes

    assert (change.kind, change.name, change.detail) == ("dashboard", "Risk", "legends of Loss, Exposure")


def rules(expr: str, **more: Any) -> dict[str, str]:
    return {RULES: dump({"groups": [{"name": "g", "rules": [{"alert": "A", "expr": expr, **more}]}]})}


@pytest.mark.parametrize(
    ("before", "after", "action"),
    [
        ("x > 5", "x > 6", Action.LOOSENED),
        ("5 < x", "6 < x", Action.LOOSENED),
        ("x >= 5", "x >= 4", Action.TIGHTENED),
        ("x < 5", "x < 4", Action.LOOSENED),
        ("x > 5", "x < 5", Action.CHANGED),
        ("x > 5", "y > 5", Action.CHANGED),
        ("rate(x[5m]) > 1", "rate(x[10m]) > 1", Action.CHANGED),
        ("x * 2 > 1", "x * 3 > 1", Action.CHANGED),
        ("x > 5 or y < 3", "x > 6 or y < 4", Action.CHANGED),
    ],
)
def test_only_a_moved_threshold_counts_as_loosened_or_tightened(before: str, after: str, action: Action) -> None:
    assert [change.action for change in compare_files(rules(before), rules(after)).changes] == [action]


def test_a_lower_severity_is_loosened() -> None:
    before, after = rules("x > 1", labels={"severity": "critical"}), rules("x > 1", labels={"severity": "high"})

    assert [change.action for change in compare_files(before, after).changes] == [Action.LOOSENED]


def test_a_damaged_file_is_named_and_not_interpreted() -> None:
    plan = compare_files({RULES: "groups: ["}, rules("x > 1"))

    assert [(change.kind, change.name) for change in plan.changes] == [("file", RULES)]


def test_the_text_fits_a_terminal_and_ends_with_a_summary(sample: dict[str, str], tmp_path: Path) -> None:
    text = to_text(compare_files(sample, rendered(tmp_path / "p", NEW_SERVICE)))

    assert "+ target market-data-2:9097 gained: market-data-2, team data" in text
    assert text.splitlines()[-1].startswith("9 changes (2 gained, 7 changed)")


def test_markdown_has_a_table_for_each_kind_and_json_holds_the_same(sample: dict[str, str], tmp_path: Path) -> None:
    plan = compare_files(sample, rendered(tmp_path / "p", NEW_SERVICE))

    assert "#### Target" in to_markdown(plan)
    assert "| gained | `market-data-2:9097` |" in to_markdown(plan)
    assert len(json.loads(to_json(plan))["changes"]) == len(plan.changes)


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def test_a_plan_against_a_revision_reads_the_files_committed_there(sample: dict[str, str], tmp_path: Path) -> None:
    project = tmp_path / "repository" / "monitoring"
    for path, text in sample.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, encoding="utf-8")
    git(tmp_path / "repository", "init", "-q")
    git(tmp_path / "repository", "add", "-A")
    git(tmp_path / "repository", "commit", "-qm", "sample")

    assert files_at_revision(project, "HEAD") == {
        path: text for path, text in sample.items() if path != "catalogue.yaml"
    }


def test_an_unknown_revision_is_a_problem(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")

    with pytest.raises(ToolError) as caught:
        files_at_revision(tmp_path, "nowhere")
    assert caught.value.problems[0].code == "plan/git"


def test_changes_are_plain_data_too() -> None:
    change = Change("alert", "A", Action.LOST, "critical", RULES)

    assert change.to_dict() == {"kind": "alert", "name": "A", "action": "lost", "detail": "critical", "path": RULES}
