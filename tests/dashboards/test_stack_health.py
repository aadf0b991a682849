"""Stack Health: what it says of the servers, and the conditions of the alerts on services as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from support.rendering import varied_text
from support.samples import ROOT
from tapewatch.checks.lineage import LineageCheck
from tapewatch.panels import all_panels
from tapewatch.project import open_project
from tapewatch_dashboards.stack_health import stack_health
from tapewatch_sdk.plugins import Dashboard

SHOWN = {
    "Targets down": "up",
    "Services silent": "tapewatch_expected",
    "Rule evaluations failed": "prometheus_rule_evaluation_failures_total",
    "Notifications failed": "alertmanager_notifications_failed_total",
    "Scrape duration": "scrape_duration_seconds",
    "Samples ingested": "prometheus_tsdb_head_samples_appended_total",
    "Series in memory": "prometheus_tsdb_head_series",
    "Rule evaluation time": "prometheus_rule_group_last_duration_seconds",
    "Logs taken in": "loki_distributor_bytes_received_total",
    "Spans taken in": "otelcol_receiver_accepted_spans_total",
    "Disk used by Prometheus": "prometheus_tsdb_storage_blocks_bytes",
    "Disks of the host": "node_filesystem_avail_bytes",
}
"""Panel -> what it shows, as the question `is the monitoring itself well?` needs it."""

CONDITIONS = {
    "ServiceDown": ("Targets down", 1.0),
    "TelemetryMissing": ("Time since the newest sample", 120.0),
    "ClockDrift": ("Clock drift", 0.0001),
}
"""Alert -> the panel that shows its condition, and the limit that is drawn there."""


@pytest.fixture(scope="module")
def board() -> Dashboard:
    return stack_health(open_project(ROOT).request)


def panel_of(dashboard: Dashboard, title: str) -> Mapping[str, Any]:
    """A panel by its title."""
    found: Mapping[str, Any] = next(panel for panel in all_panels(dashboard.model) if panel["title"] == title)
    return found


def queries_of(panel: Mapping[str, Any]) -> str:
    """All queries of a panel."""
    return "\n".join(target["expr"] for target in panel["targets"])


@pytest.mark.parametrize("title", SHOWN)
def test_it_shows_how_the_monitoring_does(board: Dashboard, title: str) -> None:
    assert SHOWN[title] in queries_of(panel_of(board, title))


@pytest.mark.parametrize("alert", CONDITIONS)
def test_the_condition_of_an_alert_is_there_with_its_limit(board: Dashboard, alert: str) -> None:
    title, limit = CONDITIONS[alert]
    steps = panel_of(board, title)["fieldConfig"]["defaults"]["thresholds"]["steps"]

    assert limit in [step["value"] for step in steps]


def test_the_answer_is_in_the_top_row(board: Dashboard) -> None:
    top = [panel for panel in board.model["panels"] if panel["gridPos"]["y"] == 0]

    assert {panel["type"] for panel in top} == {"stat"}
    assert {"Targets down", "Services silent", "Worst clock", "Notifications failed"} <= {
        panel["title"] for panel in top
    }


def test_what_is_silent_is_judged_over_the_window_of_its_alert(tmp_path: Path) -> None:
    text = varied_text(lambda data: data.update(alerts={"TelemetryMissing": {"window": "4m"}}))
    (tmp_path / "catalogue.yaml").write_text(text, encoding="utf-8")
    board = stack_health(open_project(tmp_path).request)

    assert "[4m]" in queries_of(panel_of(board, "Services silent"))
    steps = panel_of(board, "Time since the newest sample")["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["value"] for step in steps if step["value"]] == [240.0]


def test_prometheus_is_not_mixed_up_with_loki_which_has_metrics_of_the_same_names(board: Dashboard) -> None:
    for panel in all_panels(board.model):
        for target in panel.get("targets", ()):
            for name in ("prometheus_tsdb_wal_storage_size_bytes", "prometheus_tsdb_head_series"):
                assert name not in target["expr"] or f'{name}{{job="prometheus"}}' in target["expr"]


def test_however_many_services_there_are_a_panel_shows_the_worst_few(board: Dashboard) -> None:
    for title in ("Time since the newest sample", "Scrape duration", "Samples by service", "Clock drift", "Processor"):
        assert queries_of(panel_of(board, title)).startswith("topk(10, ")


def test_services_that_tell_nothing_of_their_machine_leave_those_panels_out(tmp_path: Path) -> None:
    def change(data: dict[str, Any]) -> None:
        data["routing"].pop("teams")
        data["services"] = {"desk": {"address": "desk:80", "emits": ["execution"]}}

    (tmp_path / "catalogue.yaml").write_text(varied_text(change), encoding="utf-8")
    project = open_project(tmp_path)
    titles = {panel["title"] for panel in all_panels(stack_health(project.request).model)}

    assert not titles & {"Clock drift", "Worst clock", "Processor", "Time since the newest sample"}
    assert "Targets down" in titles
    assert list(LineageCheck().run(project.request)) == []
