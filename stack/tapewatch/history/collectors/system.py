"""The host that runs the API, and how the API is."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.history.collectors._values import columns, finite, is_empty, whole
from tapewatch.history.collectors.host import ALERTS, CPU, DISK, HEALTH, MEMORY, STATUS, UPTIME
from tapewatch_sdk.collectors import Collector, ColumnType, Cycle, Row, Table

__all__ = ["SystemCollector"]


class SystemCollector(Collector):
    """`system_metrics`, one row, from what the history reads of its own host for each round (`collecting.Host`)."""

    name = "system"
    reads = (CPU, MEMORY, DISK, UPTIME, HEALTH, ALERTS)
    tables = (
        Table(
            "system_metrics",
            columns(
                cpu_percent=ColumnType.DOUBLE,
                memory_percent=ColumnType.DOUBLE,
                disk_usage_percent=ColumnType.DOUBLE,
                uptime_seconds=ColumnType.DOUBLE,
                health_status=ColumnType.VARCHAR,
                active_alerts=ColumnType.BIGINT,
            ),
            key=("timestamp",),
        ),
    )

    def collect(self, cycle: Cycle) -> Iterator[Row]:
        """One row, or none where no host is read."""
        values = {
            "cpu_percent": _first(cycle, CPU),
            "memory_percent": _first(cycle, MEMORY),
            "disk_usage_percent": _first(cycle, DISK),
            "uptime_seconds": _first(cycle, UPTIME),
            "health_status": next((r.labels.get(STATUS) for r in cycle.of(HEALTH) if r.value == 1), None),
            "active_alerts": whole(_first(cycle, ALERTS)),
        }
        if not is_empty(values):
            yield Row("system_metrics", values)


def _first(cycle: Cycle, name: str) -> float | None:
    return finite(next((reading.value for reading in cycle.of(name)), None))
