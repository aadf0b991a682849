"""What is pushed: one OTLP request, as the protocol's JSON form wants it."""

from __future__ import annotations

from typing import Any

from tapewatch.simulating.meters import Meters
from tapewatch.simulating.push import export
from tapewatch_sdk.families import Family, MetricType

LABELS = {"environment": "local", "service": "capture", "team": "data"}
BEGAN = 1_000.5

FAMILIES = (
    Family("rows_total", MetricType.COUNTER, "mine", ("table", "kind"), help="Rows"),
    Family("buffer_size", MetricType.GAUGE, "mine"),
    Family("flush_seconds", MetricType.HISTOGRAM, "mine", buckets=(0.5, 1, 5), unit="seconds"),
    Family("batch_bytes", MetricType.SUMMARY, "mine"),
)


def exported() -> dict[str, Any]:
    """The one resource of a request of a service that has measured a little."""
    meters = Meters(FAMILIES)
    meters["rows_total"].inc(5, "raw_trades", "new")
    meters["rows_total"].appear("features", "new")
    meters["buffer_size"].set(7)
    for value in (0.2, 0.7, 0.9, 9.0):
        meters["flush_seconds"].observe(value)
    meters["batch_bytes"].observe(300)
    (resource,) = export(meters, BEGAN, LABELS)["resourceMetrics"]
    return dict(resource)


def metrics() -> dict[str, Any]:
    """The metrics of a request by name."""
    (scope,) = exported()["scopeMetrics"]
    return {metric["name"]: metric for metric in scope["metrics"]}


def plain(attributes: list[dict[str, Any]]) -> dict[str, str]:
    return {each["key"]: each["value"]["stringValue"] for each in attributes}


def test_the_resource_and_every_point_carry_the_target_labels() -> None:
    assert plain(exported()["resource"]["attributes"]) == LABELS

    points = metrics()["rows_total"]["sum"]["dataPoints"]
    assert [plain(point["attributes"]) for point in points] == [
        {**LABELS, "table": table, "kind": "new"} for table in ("raw_trades", "features")
    ]


def test_all_points_of_a_request_have_one_time_and_the_same_start() -> None:
    found = metrics()
    kinds = {"rows_total": "sum", "buffer_size": "gauge", "flush_seconds": "histogram", "batch_bytes": "summary"}
    points = [point for name, kind in kinds.items() for point in found[name][kind]["dataPoints"]]

    assert {point["startTimeUnixNano"] for point in points} == {str(int(BEGAN * 1e9))}
    assert len({point["timeUnixNano"] for point in points}) == 1


def test_a_counter_is_a_sum_since_the_start_that_only_grows_and_is_there_before_it_counts() -> None:
    rows = metrics()["rows_total"]["sum"]
    assert (rows["aggregationTemporality"], rows["isMonotonic"]) == (2, True)
    assert [point["asDouble"] for point in rows["dataPoints"]] == [5.0, 0.0]


def test_a_histogram_counts_each_bucket_by_itself() -> None:
    flush = metrics()["flush_seconds"]
    assert flush["unit"] == "seconds"
    assert flush["histogram"]["aggregationTemporality"] == 2
    (point,) = flush["histogram"]["dataPoints"]
    assert point["explicitBounds"] == [0.5, 1, 5]
    assert point["bucketCounts"] == ["1", "2", "0", "1"]
    assert point["count"] == "4"
    assert round(point["sum"], 6) == 10.8


def test_a_gauge_and_a_summary_have_their_own_shapes() -> None:
    found = metrics()
    assert [point["asDouble"] for point in found["buffer_size"]["gauge"]["dataPoints"]] == [7.0]
    (point,) = found["batch_bytes"]["summary"]["dataPoints"]
    assert (point["count"], point["sum"]) == ("1", 300.0)
