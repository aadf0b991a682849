"""What is at stake, and whether trading is halted."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.history.collectors._values import any_set, columns, highest, is_empty, total, whole
from tapewatch_sdk.collectors import Collector, ColumnType, Cycle, Row, Table

__all__ = ["RiskCollector"]

_SUMS = {
    "total_exposure": "risk_total_exposure",
    "pnl_unrealized": "risk_pnl_unrealized",
    "pnl_realized": "risk_pnl_realized",
    "daily_loss_usd": "risk_daily_loss_usd",
    "daily_loss_limit_usd": "risk_daily_loss_limit_usd",
}
_COUNTS = {
    "positions": "risk_position_count",
    "limit_breaches": "risk_limit_breaches_total",
    "stop_losses": "risk_stop_loss_triggers_total",
    "circuit_breaker_trips": "risk_circuit_breaker_trips_total",
}
_STATES = {
    "circuit_breaker_open": "risk_circuit_breaker_status",
    "kill_switch_active": "risk_kill_switch_active",
}
_DRAWDOWN = "risk_max_drawdown"


class RiskCollector(Collector):
    """`risk_metrics`, one row; counts are of the time since the services started."""

    name = "risk"
    reads = (*_SUMS.values(), *_COUNTS.values(), *_STATES.values(), _DRAWDOWN)
    tables = (
        Table(
            "risk_metrics",
            columns(
                **dict.fromkeys(_SUMS, ColumnType.DOUBLE),
                max_drawdown=ColumnType.DOUBLE,
                **dict.fromkeys(_COUNTS, ColumnType.BIGINT),
                **dict.fromkeys(_STATES, ColumnType.BOOLEAN),
            ),
            key=("timestamp",),
        ),
    )

    def collect(self, cycle: Cycle) -> Iterator[Row]:
        """One row, or none while nobody watches the risk."""
        values = {
            **{column: total(cycle, name) for column, name in _SUMS.items()},
            "max_drawdown": highest(cycle, _DRAWDOWN),
            **{column: whole(total(cycle, name)) for column, name in _COUNTS.items()},
            **{column: any_set(cycle, name) for column, name in _STATES.items()},
        }
        if not is_empty(values):
            yield Row("risk_metrics", values)
