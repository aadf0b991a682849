"""Data Pipeline Health and System Performance as their users gave them, Trading Overview, and Alerts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.rendering import varied_text
from support.samples import ROOT
from tapewatch.checks.lineage import LineageCheck
from tapewatch.panels import all_panels
from tapewatch.project import Project, open_project
from tapewatch_sdk.plugins import Dashboard


@dataclass(frozen=True)
class Given:
    """A panel as the table of the given dashboards has it.

    Parameters:
        row: its row, from 1.
        title: its title.
        kind: Grafana's kind of panel.
        unit: what its numbers are in.
        shows: what its queries name.
        lines: how many queries it has.
    """

    row: int
    title: str
    kind: str
    unit: str
    shows: Sequence[str]
    lines: int = 1


PIPELINE = (
    Given(1, "Message rate", "timeseries", "suffix:msg/s", ["rate(coinbase_messages_received_total", "type"]),
    Given(1, "Write rate", "timeseries", "suffix:rows/s", ["rate(iceberg_rows_written_total", "table"]),
    Given(2, "Data completeness", "gauge", "percentunit", ["service_table:iceberg_rows_written:ratio10m"]),
    Given(2, "Sequence gaps", "stat", "short", ["increase(coinbase_sequence_gaps_total", "[$__range]"]),
    Given(2, "Buffer utilisation", "gauge", "percentunit", ["service_buffer:buffer_utilisation:ratio"]),
    Given(
        3,
        "Messages received vs rows written",
        "timeseries",
        "short",
        ["service_table:coinbase_messages_received:increase10m", "service_table:iceberg_rows_written:increase10m"],
        lines=2,
    ),
    Given(4, "Flush latency", "heatmap", "s", ["by (le) (rate(iceberg_flush_duration_seconds_bucket"]),
    Given(4, "Flush batch size", "bargauge", "short", ["by (le) (increase(iceberg_flush_rows_bucket"]),
)

QUANTILES = ["histogram_quantile(0.5,", "histogram_quantile(0.99,"]

SYSTEM = (
    Given(
        1,
        "Pipeline latency",
        "timeseries",
        "s",
        [*QUANTILES, "histogram_quantile(0.95,", "pipeline_message_latency_seconds_bucket"],
        lines=3,
    ),
    Given(1, "Pipeline latency, all messages", "heatmap", "s", ["rate(pipeline_message_latency_seconds_bucket"]),
    Given(
        2,
        "Stage breakdown",
        "timeseries",
        "s",
        ["pipeline_callback_duration_seconds_sum", "pipeline_callback_duration_seconds_count", "stage"],
    ),
    Given(3, "Prediction time", "timeseries", "s", [*QUANTILES, "ml_predict_duration_seconds_bucket"], lines=2),
    Given(3, "Training time", "timeseries", "s", [*QUANTILES, "ml_train_duration_seconds_bucket"], lines=2),
    Given(4, "Dashboard staleness", "timeseries", "s", ["dashboard_update_age_seconds"]),
    Given(4, "Dashboard render time", "timeseries", "s", ["dashboard_callback_duration_seconds_bucket"], lines=2),
    Given(
        5,
        "Message rate vs latency",
        "timeseries",
        "suffix:msg/s",
        ["rate(coinbase_messages_received_total", "histogram_quantile(0.99,", "pipeline_message_latency_seconds"],
        lines=2,
    ),
)

LIMITS = {
    "data-pipeline-health": {
        "Data completeness": 0.99,
        "Sequence gaps": 1.0,
        "Buffer utilisation": 0.9,
        "Slowest flushes": 5.0,
    },
    "system-performance": {
        "Pipeline latency": 1.0,
        "Slowest messages": 1.0,
        "Prediction time": 0.05,
        "Slowest predictions": 0.05,
        "Dashboard staleness": 10.0,
    },
    "trading-overview": {
        "Loss against limit": 0.8,
        "Drawdown": 0.1,
        "Orders filled": 0.95,
        "Share of orders rejected": 0.1,
    },
}
"""Panel -> the number at which its alert begins, as the alert has it by default."""


ROUTING = {severity: {"receiver": "desk-chat"} for severity in ("critical", "high", "medium")}
"""Without the sample's teams, whose services are not there."""


@pytest.fixture(scope="module")
def boards() -> dict[str, Dashboard]:
    return {dashboard.uid: dashboard for dashboard in open_project(ROOT).dashboards}


def panel_of(dashboard: Dashboard, title: str) -> Mapping[str, Any]:
    """A panel by its title."""
    found: Mapping[str, Any] = next(panel for panel in all_panels(dashboard.model) if panel["title"] == title)
    return found


def queries_of(panel: Mapping[str, Any]) -> str:
    """All queries of a panel."""
    return "\n".join(target["expr"] for target in panel["targets"])


def limits_of(panel: Mapping[str, Any]) -> list[float]:
    """Where its colours change."""
    return [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"] if step["value"]]


def project_of(folder: Path, **changes: Any) -> Project:
    """The sample with sections of the catalogue set."""
    text = varied_text(lambda data: data.update(changes))
    (folder / "catalogue.yaml").write_text(text, encoding="utf-8")
    return open_project(folder)


@pytest.mark.parametrize(("uid", "given"), [("data-pipeline-health", PIPELINE), ("system-performance", SYSTEM)])
def test_the_given_panels_come_first_row_by_row(boards: dict[str, Dashboard], uid: str, given: Sequence[Given]) -> None:
    panels = boards[uid].model["panels"][: len(given)]
    tops = sorted({panel["gridPos"]["y"] for panel in panels})

    for panel, wanted in zip(panels, given, strict=True):
        heat = panel["type"] == "heatmap"
        unit = panel["options"]["yAxis"]["unit"] if heat else panel["fieldConfig"]["defaults"]["unit"]
        assert (panel["title"], panel["type"], unit) == (wanted.title, wanted.kind, wanted.unit)
        assert tops.index(panel["gridPos"]["y"]) + 1 == wanted.row
        assert len([target for target in panel["targets"] if len(target["refId"]) == 1]) == wanted.lines
        for part in wanted.shows:
            assert part in queries_of(panel), f"{wanted.title} does not show {part}"


def test_stages_are_stacked_and_latency_has_an_axis_of_its_own(boards: dict[str, Dashboard]) -> None:
    stages = panel_of(boards["system-performance"], "Stage breakdown")
    both = panel_of(boards["system-performance"], "Message rate vs latency")

    assert stages["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal"
    assert both["fieldConfig"]["defaults"]["unit"] == "suffix:msg/s"
    (told,) = both["transformations"]
    unit = next(target["expr"] for target in both["targets"] if target["refId"] == told["options"]["configRefId"])
    assert told["id"] == "configFromData"
    assert re.fullmatch(told["options"]["applyTo"]["options"], "p99 latency")
    assert unit == 'label_replace(vector(1), "unit", "s", "", "")'


@pytest.mark.parametrize("uid", LIMITS)
def test_limits_are_those_of_the_alerts(boards: dict[str, Dashboard], uid: str) -> None:
    for title, limit in LIMITS[uid].items():
        assert limit in limits_of(panel_of(boards[uid], title)), title


def test_limits_follow_the_catalogue(tmp_path: Path) -> None:
    alerts = {"DataCompletenessLow": {"threshold": 0.05}, "FlushSlow": {"threshold": 2, "window": "5m"}}
    project = project_of(tmp_path, alerts=alerts)
    board = next(each for each in project.dashboards if each.uid == "data-pipeline-health")

    assert limits_of(panel_of(board, "Data completeness")) == [0.95]
    assert limits_of(panel_of(board, "Slowest flushes")) == [2.0]
    assert "service_table:iceberg_flush_duration_seconds:p99_5m" in queries_of(panel_of(board, "Slowest flushes"))
    assert list(LineageCheck().run(project.request)) == []


def test_a_project_without_these_alerts_has_the_panels_that_need_none(tmp_path: Path) -> None:
    off = ("DataCompletenessLow", "FlushSlow", "BufferNearlyFull", "DataCaptureStalled", "OrderFillRateLow")
    project = project_of(tmp_path, alerts={name: {"enabled": False} for name in off})
    boards = {each.uid: each for each in project.dashboards}

    titles = {panel["title"] for panel in all_panels(boards["data-pipeline-health"].model)}
    assert "Data completeness" not in titles
    assert "rate(iceberg_rows_written_total" in queries_of(
        panel_of(boards["data-pipeline-health"], "Messages received vs rows written")
    )
    assert "Orders filled" not in {panel["title"] for panel in all_panels(boards["trading-overview"].model)}
    assert list(LineageCheck().run(project.request)) == []


def test_a_catalogue_without_capture_has_neither_of_the_two(tmp_path: Path) -> None:
    services = {"desk": {"address": "desk:9092", "emits": ["execution", "host"]}}
    project = project_of(tmp_path, services=services, routing=ROUTING)
    uids = {dashboard.uid for dashboard in project.dashboards}

    assert not uids & {"data-pipeline-health", "system-performance"}
    assert {"trading-overview", "alerts", "stack-health"} <= uids
    assert list(LineageCheck().run(project.request)) == []


def test_rates_of_what_is_pushed_look_back_over_several_pushes(boards: dict[str, Dashboard]) -> None:
    """Grafana's `$__rate_interval` is at least four times the step: 60 s for a push each 15 s, and not 20 s."""
    pushed = panel_of(boards["data-pipeline-health"], "Message rate")["targets"][0]
    scraped = panel_of(boards["trading-overview"], "Ticks")["targets"][0]

    assert pushed["interval"] == "15s"
    assert "interval" not in scraped


def test_the_top_row_of_trading_says_whether_it_is_safe(boards: dict[str, Dashboard]) -> None:
    panels = [panel for panel in boards["trading-overview"].model["panels"] if panel["gridPos"]["y"] == 0]
    words = {
        panel["title"]: {
            value: option["text"]
            for mapping in panel["fieldConfig"]["defaults"].get("mappings", [])
            for value, option in mapping["options"].items()
        }
        for panel in panels
    }

    assert words["Feed"] == {"0": "disconnected", "1": "connected"}
    assert words["Kill switch"]["1"] == "ACTIVE"
    assert words["Circuit breaker"]["1"] == "OPEN"
    assert words["Worst alert"] == {"0": "none", "1": "pending", "2": "medium", "3": "high", "4": "critical"}
    assert {"Loss against limit", "Drawdown"} <= words.keys()


def test_alerts_that_fire_are_coloured_by_severity_and_lead_to_their_service(boards: dict[str, Dashboard]) -> None:
    table = panel_of(boards["alerts"], "Firing now")
    (override,) = table["fieldConfig"]["overrides"]
    (words,) = table["fieldConfig"]["defaults"]["mappings"]
    colours = {word: option["color"] for word, option in words["options"].items()}

    assert override["matcher"]["options"]["names"] == ["severity"]
    assert override["properties"] == [{"id": "custom.cellOptions", "value": {"type": "color-background"}}]
    assert (colours["critical"], colours["high"], colours["medium"]) == ("red", "orange", "yellow")
    assert '"dashboard", "service-risk", "service", "risk-manager"' in queries_of(table)
    (link,) = table["fieldConfig"]["defaults"]["links"]
    assert link["url"].startswith("/d/${__data.fields.dashboard}?var-service=${__data.fields.service}")


def test_the_alerts_of_a_thousand_services_find_a_dashboard_without_their_names(tmp_path: Path) -> None:
    emits = (["market_data", "host"], ["execution", "host"])
    services = {f"service-{n}": {"address": f"service-{n}:80", "emits": emits[n % 2]} for n in range(1000)}
    project = project_of(tmp_path, services=services, routing=ROUTING)
    board = next(each for each in project.dashboards if each.uid == "alerts")

    query = queries_of(panel_of(board, "Firing now"))
    assert '"dashboard", "service-market-data", "domain", "market_data"' in query
    assert "service-1" not in query


def test_objectives_of_the_catalogue_show_their_error_budgets(boards: dict[str, Dashboard], tmp_path: Path) -> None:
    total, bad = "execution_orders_submitted_total", "execution_orders_rejected_total"
    project = project_of(tmp_path, slos={"orders": {"objective": 0.99, "window": "7d", "total": total, "bad": bad}})
    board = next(each for each in project.dashboards if each.uid == "alerts")

    assert "slo:error_budget:remaining" in queries_of(panel_of(board, "Error budget left"))
    windows = {rule.values["long_window"] for rule in project.rules if rule.alert == "ErrorBudgetBurn"}
    assert {f"over {window}" for window in windows} == {
        target["legendFormat"].split("}} ")[-1] for target in panel_of(board, "Burn rate")["targets"]
    }
    assert list(LineageCheck().run(project.request)) == []
    assert "Burn rate" not in {panel["title"] for panel in all_panels(boards["alerts"].model)}
