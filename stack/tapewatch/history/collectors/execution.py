"""How orders fare."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.history.collectors._values import columns, is_empty, share, total, whole
from tapewatch_sdk.collectors import Collector, ColumnType, Cycle, Row, Table

__all__ = ["ExecutionCollector"]

_SUBMITTED, _FILLED = "execution_orders_submitted_total", "execution_orders_filled_total"
_CANCELLED, _REJECTED = "execution_orders_cancelled_total", "execution_orders_rejected_total"
_LATENCY, _SLIPPAGE = "execution_fill_latency_ms", "execution_slippage_bps"


class ExecutionCollector(Collector):
    """`execution_metrics`, one row.

    Counts, shares and averages are of the time since the services started, like the counters that they come from: what
    happened between two rows is their difference. Without a single fill there is no average.
    """

    name = "execution"
    reads = (
        _SUBMITTED, _FILLED, _CANCELLED, _REJECTED,
        f"{_LATENCY}_sum", f"{_LATENCY}_count", f"{_SLIPPAGE}_sum", f"{_SLIPPAGE}_count",
    )  # fmt: skip
    tables = (
        Table(
            "execution_metrics",
            columns(
                orders_submitted=ColumnType.BIGINT,
                orders_filled=ColumnType.BIGINT,
                orders_cancelled=ColumnType.BIGINT,
                orders_rejected=ColumnType.BIGINT,
                fill_rate=ColumnType.DOUBLE,
                avg_latency_ms=ColumnType.DOUBLE,
                avg_slippage_bps=ColumnType.DOUBLE,
            ),
            key=("timestamp",),
        ),
    )

    def collect(self, cycle: Cycle) -> Iterator[Row]:
        """One row, or none while nobody executes orders."""
        submitted, filled = total(cycle, _SUBMITTED), total(cycle, _FILLED)
        values = {
            "orders_submitted": whole(submitted),
            "orders_filled": whole(filled),
            "orders_cancelled": whole(total(cycle, _CANCELLED)),
            "orders_rejected": whole(total(cycle, _REJECTED)),
            "fill_rate": share(filled, submitted),
            "avg_latency_ms": _average(cycle, _LATENCY),
            "avg_slippage_bps": _average(cycle, _SLIPPAGE),
        }
        if not is_empty(values):
            yield Row("execution_metrics", values)


def _average(cycle: Cycle, histogram: str) -> float | None:
    return share(total(cycle, f"{histogram}_sum"), total(cycle, f"{histogram}_count"))
