"""The lineage check over a whole project: what a change of the catalogue breaks is named, rule by rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from support.samples import edited
from tapewatch.checks.lineage import LineageCheck
from tapewatch.project import open_project
from tapewatch_sdk.plugins import Dashboard
from tapewatch_sdk.problems import Problem


def findings(folder: Path, *replacements: tuple[str, str], dashboard: Dashboard | None = None) -> list[Problem]:
    (folder / "catalogue.yaml").write_text(edited(*replacements), encoding="utf-8")
    request = open_project(folder).request
    if dashboard is not None:
        request = replace(request, dashboards=[dashboard])
    return list(LineageCheck().run(request))


def panel(expr: str, legend: str = "") -> Dashboard:
    target = {"refId": "A", "expr": expr, "legendFormat": legend}
    return Dashboard("risk", "tapewatch", {"title": "Risk", "panels": [{"title": "Breaches", "targets": [target]}]})


def test_the_sample_has_no_finding(tmp_path: Path) -> None:
    assert findings(tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        ("risk_kill_switch_active:", "risk_kill_switch_on:", ["alert KillSwitchActivated"]),
        (
            "execution_orders_rejected_total:",
            "execution_order_rejections_total:",
            ["alert OrderRejectionRateHigh", "alert OrderFillRateLow"],
        ),
        (
            "risk_daily_loss_limit_usd:",
            "risk_daily_limit_usd:",
            ["alert DailyLossLimitExceeded", "alert DailyLossLimitApproaching"],
        ),
    ],
)
def test_a_renamed_metric_names_every_alert_that_breaks_also_behind_recorded_series(
    old: str, new: str, broken: list[str], tmp_path: Path
) -> None:
    named = {problem.where.path for problem in findings(tmp_path, (old, new))}

    assert set(broken) <= named


def test_a_metric_of_another_type_breaks_the_rules_that_count_it(tmp_path: Path) -> None:
    change = (
        "coinbase_sequence_gaps_total:\n      {type: counter,",
        "coinbase_sequence_gaps_total:\n      {type: gauge,",
    )

    assert "alert SequenceGapDetected" in {problem.where.path for problem in findings(tmp_path, change)}


def test_a_label_that_is_gone_breaks_the_alert_that_shows_it(tmp_path: Path) -> None:
    change = (
        "risk_limit_breaches_total:\n      {type: counter, labels: [limit_type],",
        "risk_limit_breaches_total:\n      {type: counter,",
    )

    assert "alert RiskLimitBreached" in {problem.where.path for problem in findings(tmp_path, change)}


def test_a_threshold_beyond_the_last_bucket_can_never_fire(tmp_path: Path) -> None:
    found = findings(tmp_path, ("alerts: {}", "alerts: {RiskCheckLatencyHigh: {threshold: 5000}}"))

    assert [problem.code for problem in found] == ["lineage/threshold-unreachable"]
    assert found[0].where.path == "alert RiskCheckLatencyHigh"


def test_a_panel_is_named_with_its_dashboard_and_query(tmp_path: Path) -> None:
    found = findings(tmp_path, dashboard=panel("sum(rate(risk_limit_breach_total[$__rate_interval]))"))

    assert [problem.where.path for problem in found] == ["Risk / Breaches (A)"]
    assert "risk_limit_breaches_total" in f"{found[0].fix} {found[0].summary}"


def test_a_legend_that_shows_a_label_which_is_aggregated_away_is_found(tmp_path: Path) -> None:
    expr = "sum by (service) (rate(risk_limit_breaches_total[$__rate_interval]))"

    assert findings(tmp_path, dashboard=panel(expr, "{{service}}")) == []
    assert [each.code for each in findings(tmp_path, dashboard=panel(expr, "{{limit_type}}"))] == [
        "lineage/template-label"
    ]


def test_a_panel_that_reads_a_broken_recorded_series_is_named_too(tmp_path: Path) -> None:
    dashboard = panel("service:execution_orders_rejected:ratio5m")
    found = findings(
        tmp_path, ("execution_orders_rejected_total:", "execution_order_rejections_total:"), dashboard=dashboard
    )

    assert ("lineage/broken-record", "Risk / Breaches (A)") in {(each.code, each.where.path) for each in found}
