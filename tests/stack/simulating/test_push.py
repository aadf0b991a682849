"""What is pushed: one OTLP request, as the protocol's JSON form wants it."""

from __future__ import annotations

from typing import Any

from tapewatch.simulating.push import export
from tapewatch.simulating.values import AtRest, Clock
from tapewatch_sdk.families import Family, MetricType

LABELS = {"environment": "local", "service": "capture", "team": "data"}

FAMILIES = (
    Family("rows_total", MetricType.COUNTER, "mine", ("table",), help="Rows"),
    Family("buffer_size", MetricType.GAUGE, "mine"),
    Family("flush_seconds", MetricType.HISTOGRAM, "mine", buckets=(0.5, 1, 5), unit="seconds"),
    Family("batch_bytes", MetricType.SUMMARY, "mine"),
)


class Stopped(Clock):
    """A clock that stands at a minute after the start."""

    def uptime(self) -> float:
        return 60.0


def metrics() -> tuple[Stopped, dict[str, Any]]:
    """The clock and the metrics of one request by name."""
    clock = Stopped()
    (resource,) = export(AtRest("capture", FAMILIES, clock.started), clock, LABELS)["resourceMetrics"]
    (scope,) = resource["scopeMetrics"]
    return clock, {metric["name"]: metric for metric in scope["metrics"]}


def plain(attributes: list[dict[str, Any]]) -> dict[str, str]:
    return {each["key"]: each["value"]["stringValue"] for each in attributes}


def test_the_resource_and_every_point_carry_the_target_labels() -> None:
    clock = Stopped()
    (resource,) = export(AtRest("capture", FAMILIES, clock.started), clock, LABELS)["resourceMetrics"]
    assert plain(resource["resource"]["attributes"]) == LABELS

    points = metrics()[1]["rows_total"]["sum"]["dataPoints"]
    tables = ["raw_orderbook", "raw_trades", "features", "predictions"]
    assert [plain(point["attributes"]) for point in points] == [{**LABELS, "table": table} for table in tables]


def test_all_points_of_a_request_have_one_time_and_the_same_start() -> None:
    clock, found = metrics()
    kinds = {"rows_total": "sum", "buffer_size": "gauge", "flush_seconds": "histogram", "batch_bytes": "summary"}
    times = {
        (point["startTimeUnixNano"], point["timeUnixNano"])
        for name, kind in kinds.items()
        for point in found[name][kind]["dataPoints"]
    }
    assert times == {(str(int(clock.started * 1e9)), str(int((clock.started + 60) * 1e9)))}


def test_a_counter_is_a_sum_since_the_start_that_only_grows() -> None:
    rows = metrics()[1]["rows_total"]["sum"]
    assert (rows["aggregationTemporality"], rows["isMonotonic"]) == (2, True)
    assert [point["asDouble"] for point in rows["dataPoints"]] == [2406.0, 480.0, 480.0, 480.0]


def test_a_histogram_counts_each_bucket_by_itself() -> None:
    flush = metrics()[1]["flush_seconds"]
    assert flush["unit"] == "seconds"
    assert flush["histogram"]["aggregationTemporality"] == 2
    (point,) = flush["histogram"]["dataPoints"]
    assert point["explicitBounds"] == [0.5, 1, 5]
    assert len(point["bucketCounts"]) == 4
    assert sum(int(count) for count in point["bucketCounts"]) == int(point["count"]) == 120
    assert point["sum"] > 0


def test_a_gauge_and_a_summary_have_their_own_shapes() -> None:
    _, found = metrics()
    assert [point["asDouble"] for point in found["buffer_size"]["gauge"]["dataPoints"]] == [1.0]
    (point,) = found["batch_bytes"]["summary"]["dataPoints"]
    assert point["count"] == "120"
