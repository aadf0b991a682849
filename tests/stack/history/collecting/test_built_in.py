"""The collectors that come with tapewatch: they keep their contract, and their rows say what the services said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tapewatch.history.collectors.host import ALERTS, CPU, DISK, HEALTH, MEMORY, UPTIME
from tapewatch_sdk.collectors import Cycle, Reading
from tapewatch_sdk.loading import load, names
from tapewatch_sdk.testing import CollectorSuite

GROUP = "tapewatch.collectors"
BUILT_IN = ("execution", "market_data", "risk", "strategy", "system")
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)

Given = Mapping[str, Sequence[tuple[str, dict[str, str], float]]]

# Counts are multiples of 4: the suite's second cycle has a quarter more, and one, and they must stay whole.
LABELS: Mapping[str, Sequence[dict[str, str]]] = {
    "execution": [{"symbol": "BTC", "side": "buy"}, {"symbol": "ETH", "side": "sell"}],
    "market_data": [{"symbol": "BTC"}, {"symbol": "ETH"}],
    "risk": [{"symbol": "BTC"}, {"symbol": "ETH"}],
    "strategy": [{"strategy": "trend", "side": "buy"}, {"strategy": "mean", "side": "buy"}],
}


def cycle_of(given: Given) -> Cycle:
    services = {service for readings in given.values() for service, _, _ in readings}
    readings = {name: [Reading(*each) for each in some] for name, some in given.items()}
    return Cycle(NOON, readings, dict.fromkeys(services, True))


def rows(name: str, given: Given) -> list[dict[str, Any]]:
    """What a collector keeps of that, without what is NULL."""
    found = list(load(GROUP, name).collect(cycle_of(given)))
    return [{key: value for key, value in row.values.items() if value is not None} for row in found]


HOST: Given = {
    CPU: [("api", {}, 12.5)],
    MEMORY: [("api", {}, 50.0)],
    DISK: [("api", {}, 75.0)],
    UPTIME: [("api", {}, 100.0)],
    HEALTH: [("api", {"status": "ready"}, 1.0)],
    ALERTS: [("api", {}, 4.0)],
}


@pytest.mark.parametrize("name", BUILT_IN)
class TestCollectors(CollectorSuite):
    @pytest.fixture(autouse=True)
    def chosen(self, name: str) -> None:
        self.plugin: Any = load(self.group, name)
        self.collector = name

    def cycle(self) -> Cycle:
        if self.collector == "system":
            return cycle_of(HOST)
        labels = LABELS[self.collector]
        return cycle_of(
            {
                name: [(f"service-{place}", each, 4.0 * (7 * number + place)) for place, each in enumerate(labels, 1)]
                for number, name in enumerate(self.plugin.reads, 1)
            }
        )


def test_they_come_through_the_same_door_as_anybodys() -> None:
    assert set(BUILT_IN) <= set(names(GROUP))


def test_market_data_has_a_row_a_symbol_and_makes_no_bid_up() -> None:
    given: Given = {
        "market_data_price": [("feed", {"symbol": "BTC"}, 64000.5), ("feed", {"symbol": "ETH"}, math.nan)],
        "market_data_volume_total": [("feed", {"symbol": "BTC"}, 3.5), ("feed", {"symbol": "SOL"}, 2.0)],
    }

    assert rows("market_data", given) == [
        {"symbol": "BTC", "last_price": 64000.5, "volume": 3.5},
        {"symbol": "SOL", "volume": 2.0},
    ]


def test_a_strategy_has_the_signals_of_both_sides() -> None:
    given: Given = {
        "strategy_pnl": [("signal-bridge", {"strategy": "trend"}, -12.5)],
        "strategy_win_rate": [("signal-bridge", {"strategy": "trend"}, 0.6)],
        "strategy_signals_total": [
            ("signal-bridge", {"strategy": "trend", "side": "buy"}, 3.0),
            ("signal-bridge", {"strategy": "trend", "side": "sell"}, 4.0),
        ],
    }

    assert rows("strategy", given) == [{"strategy_name": "trend", "pnl": -12.5, "win_rate": 0.6, "signals": 7}]


def test_execution_adds_up_symbols_sides_and_reasons() -> None:
    given: Given = {
        "execution_orders_submitted_total": [("e", {"symbol": "A"}, 6.0), ("e", {"symbol": "B"}, 4.0)],
        "execution_orders_filled_total": [("e", {"symbol": "A"}, 5.0)],
        "execution_orders_rejected_total": [("e", {"reason": "x"}, 1.0), ("e", {"reason": "y"}, 1.0)],
        "execution_fill_latency_ms_sum": [("e", {}, 50.0)],
        "execution_fill_latency_ms_count": [("e", {}, 5.0)],
    }

    assert rows("execution", given) == [
        {"orders_submitted": 10, "orders_filled": 5, "orders_rejected": 2, "fill_rate": 0.5, "avg_latency_ms": 10.0}
    ]


def test_without_a_fill_there_is_neither_rate_nor_average() -> None:
    given: Given = {
        "execution_orders_submitted_total": [("e", {}, 0.0)],
        "execution_orders_filled_total": [("e", {}, 0.0)],
        "execution_fill_latency_ms_sum": [("e", {}, 0.0)],
        "execution_fill_latency_ms_count": [("e", {}, 0.0)],
        "execution_slippage_bps_count": [("e", {}, 0.0)],
    }

    assert rows("execution", given) == [{"orders_submitted": 0, "orders_filled": 0}]


def test_risk_says_whether_trading_is_halted() -> None:
    given: Given = {
        "risk_kill_switch_active": [("r", {}, 1.0)],
        "risk_circuit_breaker_status": [("r", {}, 0.0)],
        "risk_pnl_unrealized": [("r", {"symbol": "A"}, 5.0), ("r", {"symbol": "B"}, -7.5)],
        "risk_max_drawdown": [("r", {}, 0.25)],
    }

    assert rows("risk", given) == [
        {"kill_switch_active": True, "circuit_breaker_open": False, "pnl_unrealized": -2.5, "max_drawdown": 0.25}
    ]


def test_a_count_that_is_none_is_not_rounded() -> None:
    assert rows("risk", {"risk_position_count": [("r", {}, 1.5)]}) == []
    assert rows("risk", {"risk_position_count": [("r", {}, 1e30)]}) == []


def test_the_hosts_row_has_the_apis_health_and_alerts() -> None:
    assert rows("system", HOST) == [
        {
            "cpu_percent": 12.5,
            "memory_percent": 50.0,
            "disk_usage_percent": 75.0,
            "uptime_seconds": 100.0,
            "health_status": "ready",
            "active_alerts": 4,
        }
    ]


@pytest.mark.parametrize(
    ("name", "table", "columns", "key"),
    [
        ("market_data", "market_data", "timestamp symbol last_price bid ask volume trades spread_bps",
         "timestamp symbol"),
        ("strategy", "strategy_metrics", "timestamp strategy_name pnl daily_pnl positions signals win_rate",
         "timestamp strategy_name"),
        ("execution", "execution_metrics", "timestamp orders_submitted orders_filled orders_cancelled orders_rejected "
         "fill_rate avg_latency_ms avg_slippage_bps", "timestamp"),
        ("system", "system_metrics", "timestamp cpu_percent memory_percent disk_usage_percent uptime_seconds "
         "health_status active_alerts", "timestamp"),
    ],
)  # fmt: skip
def test_the_tables_are_what_queries_are_written_for(name: str, table: str, columns: str, key: str) -> None:
    (found,) = load(GROUP, name).tables

    assert found.name == table
    assert [column.name for column in found.columns] == columns.split()
    assert list(found.key) == key.split()
