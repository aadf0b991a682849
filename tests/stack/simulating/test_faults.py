"""The faults: one for each alert, and what each does to the numbers that its alert looks at."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docs.pages import page, rows
from support.samples import ROOT
from support.together import Together
from tapewatch.project import open_project
from tapewatch.simulating.faults import FAULTS, parse
from tapewatch_sdk.events import EventType

Make = Callable[..., Together]


def test_every_alert_has_a_fault_and_every_fault_an_alert() -> None:
    alerts = {rule.alert for rule in open_project(ROOT).rules}

    assert len(alerts) == 29
    assert sorted(fault.alert for fault in FAULTS.values()) == sorted(alerts)
    assert {alert for fault in FAULTS.values() for alert in fault.also} <= alerts


def test_the_page_has_every_fault_with_its_alerts() -> None:
    found = rows(page("platform.md").sections["Faults"])
    listed = {cells[0]: cells[1] for cells in found if cells[0].startswith("`")}

    assert listed == {
        f"`{fault.name}{f'[={fault.value}]' if fault.value else ''}`": ", ".join((fault.alert, *fault.also))
        for fault in FAULTS.values()
    }


def test_names_and_values_are_read_and_refused() -> None:
    assert parse(["kill-switch", "stale-symbol", "service-down=api"]) == {
        "kill-switch": "", "stale-symbol": "SOL-USD", "service-down": "api",
    }  # fmt: skip
    with pytest.raises(ValueError, match="no fault is called kill-swich; there are feed-disconnected, kill-switch"):
        parse(["kill-swich"])
    with pytest.raises(ValueError, match="backlog takes no value"):
        parse(["backlog=9"])


LEVELS = (
    ("feed-disconnected", "market_data_websocket_connected", (), 0, 1),
    ("kill-switch", "risk_kill_switch_active", (), 1, 0),
    ("breaker", "risk_circuit_breaker_status", (), 1, 0),
    ("rate-limit", "execution_rate_limit_remaining", (), 4, None),
    ("buffer-full", "labeler_buffer_size", (), 970, None),
    ("daily-loss", "risk_daily_loss_usd", (), 5_250, None),
    ("loss-warning", "risk_daily_loss_usd", (), 4_500, None),
)


@pytest.mark.parametrize(("fault", "name", "labels", "on", "off"), LEVELS, ids=[each[0] for each in LEVELS])
def test_a_gauge_shows_the_fault_as_long_as_it_lasts(
    together: Make, fault: str, name: str, labels: tuple[str, ...], on: float, off: float | None
) -> None:
    platform = together()
    platform.run(30)
    before = platform.value(name, *labels)
    platform.fault(fault)
    platform.run(30)
    assert platform.value(name, *labels) == pytest.approx(on)
    platform.fault()
    platform.run(30)
    assert platform.value(name, *labels) != pytest.approx(on)
    assert off is None or platform.value(name, *labels) == before == off


COUNTED = (
    ("breaker", "risk_circuit_breaker_trips_total", 1),
    ("limit-breach", "risk_limit_breaches_total", 5),
    ("reconciliation-break", "position_reconciliation_breaks_total", 1),
    ("reconnects", "market_data_websocket_reconnects_total", 13),
    ("sequence-gap", "coinbase_sequence_gaps_total", 4),
)


@pytest.mark.parametrize(("fault", "name", "least"), COUNTED, ids=[each[0] for each in COUNTED])
def test_a_counter_counts_the_fault_and_nothing_before_or_after(
    together: Make, fault: str, name: str, least: int
) -> None:
    platform = together()
    platform.run(300)
    assert platform.total(name) == 0
    platform.fault(fault)
    platform.run(280)
    counted = platform.total(name)
    platform.fault()
    platform.run(300)
    assert counted >= least
    assert platform.total(name) == counted


SLOW = (
    ("slow-ticks", "market_data_processing_latency_microseconds", 100),
    ("slow-checks", "risk_check_duration_microseconds", 20),
    ("slow-orders", "order_placement_latency_milliseconds", 100),
    ("slow-pipeline", "pipeline_message_latency_seconds", 1),
    ("slow-flush", "iceberg_flush_duration_seconds", 5),
    ("slow-inference", "ml_predict_duration_seconds", 0.05),
)


@pytest.mark.parametrize(("fault", "name", "limit"), SLOW, ids=[each[0] for each in SLOW])
def test_times_are_within_their_limit_but_for_the_fault(together: Make, fault: str, name: str, limit: float) -> None:
    platform = together()
    family = platform.catalogue.families[name]
    place = family.buckets.index(limit)

    def beyond() -> tuple[int, int]:
        """Observations above the limit, and all."""
        series = next(
            scene.meters.collected()[name] for scene in platform.scenes.values() if name in scene.meters.families
        )
        return sum(each.counts[-1] - each.counts[place] for each in series), sum(each.counts[-1] for each in series)

    platform.run(300)
    above, count = beyond()
    assert above <= 0.002 * count
    platform.fault(fault)
    platform.run(60)
    now_above, now = beyond()
    assert now_above - above > 0.5 * (now - count)


def test_a_stale_symbol_gets_no_tick_and_the_others_do(together: Make) -> None:
    platform = together()
    platform.run(60)
    before = {each: platform.value("market_data_ticks_received_total", each) for each in ("SOL-USD", "BTC-USD")}
    platform.fault("stale-symbol")
    platform.run(60)

    assert platform.value("market_data_ticks_received_total", "SOL-USD") == before["SOL-USD"]
    assert platform.value("market_data_ticks_received_total", "BTC-USD") > before["BTC-USD"]


@pytest.mark.parametrize(("fault", "least", "most"), [("capture-stalled", 0.0, 0.0), ("incomplete-data", 0.85, 0.95)])
def test_rows_are_lost_from_the_table_of_the_fault_alone(together: Make, fault: str, least: float, most: float) -> None:
    platform = together()
    platform.run(60)
    platform.fault(f"{fault}=raw_trades")
    tables = ("raw_trades", "raw_orderbook")
    before = [platform.value("iceberg_rows_written_total", table) for table in tables]
    platform.run(300)
    trades, books = (
        platform.value("iceberg_rows_written_total", table) - old for table, old in zip(tables, before, strict=True)
    )

    assert least * 18 * 300 <= trades <= most * 18 * 300
    assert books == pytest.approx(48.1 * 300, rel=0.02)


@pytest.mark.parametrize(("fault", "outcome"), [("rejections", "rejected"), ("unfilled", "cancelled")])
def test_a_quarter_of_the_orders_fails(together: Make, fault: str, outcome: str) -> None:
    platform = together()
    platform.fault(fault)
    platform.run(600)

    share = platform.total(f"execution_orders_{outcome}_total") / platform.total("execution_orders_submitted_total")
    assert 0.15 < share < 0.35


def test_api_errors_are_questions_that_fail_and_no_orders(together: Make) -> None:
    platform = together()
    platform.fault("api-errors")
    platform.run(600)
    calls = platform.total("execution_api_calls_total")

    assert platform.value("execution_api_calls_total", "accounts", "500") > 0.1 * calls
    assert platform.total("execution_orders_rejected_total") < 0.02 * platform.total("execution_orders_submitted_total")


def test_a_clock_drifts_at_one_service_alone(together: Make) -> None:
    platform = together()
    platform.fault("clock-drift=signal-bridge")
    platform.run(10)
    offsets = {name: abs(scene.meters.value("system_clock_offset_seconds")) for name, scene in platform.scenes.items()}

    assert [name for name, offset in offsets.items() if offset > 0.000_1] == ["signal-bridge"]


def test_a_backlog_waits_and_a_dashboard_ages(together: Make) -> None:
    platform = together()
    platform.fault("backlog", "stale-dashboard")
    platform.run(30)

    assert platform.value("market_data_message_queue_size") > 1_000
    assert platform.value("dashboard_update_age_seconds") == pytest.approx(30)


def test_a_drawdown_is_shown_without_a_loss_of_today(together: Make) -> None:
    platform = together()
    platform.run(30)
    platform.fault("drawdown")
    platform.run(30)

    assert platform.value("risk_max_drawdown") > 0.1
    assert platform.value("risk_daily_loss_usd") < 500


def test_the_audit_trail_hears_of_the_switch_the_breaker_and_rejected_orders(together: Make) -> None:
    platform = together()
    platform.fault("kill-switch")
    platform.run(1)
    platform.fault("breaker")
    platform.run(1)
    platform.fault("rejections")
    platform.run(60)

    switches = [
        each.data["switch"] for each in platform.events("risk-manager")
        if each.event_type == EventType.KILL_SWITCH_TRIGGERED and not each.data.get("released")
    ]  # fmt: skip
    assert switches == ["kill_switch", "circuit_breaker"]
    rejected = [each for each in platform.events("execution-engine") if each.event_type == EventType.TRADE_REJECTED]
    assert len(rejected) == platform.total("orders_rejected_total") > 0
