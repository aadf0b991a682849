"""How each strategy does."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.history.collectors._values import by_label, columns, whole
from tapewatch_sdk.collectors import Collector, ColumnType, Cycle, Row, Table

__all__ = ["StrategyCollector"]

_PNL, _DAILY_PNL, _POSITIONS = "strategy_pnl", "strategy_daily_pnl", "strategy_positions"
_SIGNALS, _WIN_RATE = "strategy_signals_total", "strategy_win_rate"


class StrategyCollector(Collector):
    """`strategy_metrics`, a row a strategy; `signals` counts those of both sides since the service started."""

    name = "strategy"
    reads = (_PNL, _DAILY_PNL, _POSITIONS, _SIGNALS, _WIN_RATE)
    tables = (
        Table(
            "strategy_metrics",
            columns(
                strategy_name=ColumnType.VARCHAR,
                pnl=ColumnType.DOUBLE,
                daily_pnl=ColumnType.DOUBLE,
                positions=ColumnType.BIGINT,
                signals=ColumnType.BIGINT,
                win_rate=ColumnType.DOUBLE,
            ),
            key=("timestamp", "strategy_name"),
        ),
    )

    def collect(self, cycle: Cycle) -> Iterator[Row]:
        """One row a strategy."""
        pnl, daily = by_label(cycle, _PNL, "strategy"), by_label(cycle, _DAILY_PNL, "strategy")
        positions, signals = by_label(cycle, _POSITIONS, "strategy"), by_label(cycle, _SIGNALS, "strategy")
        # A share cannot be added up; several services have the same strategy only while one takes over from another.
        win_rate = by_label(cycle, _WIN_RATE, "strategy", lambda values: next(iter(values)))
        for strategy in sorted({*pnl, *daily, *positions, *signals, *win_rate}):
            yield Row(
                "strategy_metrics",
                {
                    "strategy_name": strategy,
                    "pnl": pnl.get(strategy),
                    "daily_pnl": daily.get(strategy),
                    "positions": whole(positions.get(strategy)),
                    "signals": whole(signals.get(strategy)),
                    "win_rate": win_rate.get(strategy),
                },
            )
