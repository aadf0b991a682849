"""What stands in a request: cumulative or not, whole numbers or not, infinities, labels in their order."""

from __future__ import annotations

import math
import struct

import pytest

from sdk.exporters.backend import points, series
from tapewatch_sdk.exporters import Batch, FamilyPoints, Point, SummaryValue
from tapewatch_sdk.exporters._otlp_request import request_of as otlp_request
from tapewatch_sdk.exporters._reading import Reader
from tapewatch_sdk.exporters._write_request import STALE
from tapewatch_sdk.exporters._write_request import request_of as write_request
from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments import Exemplar, HistogramValue, MetricsRegistry

LATENCY = HistogramValue(4.0, 10.8, {0.5: 1.0, 1.0: 3.0, 5.0: 3.0, math.inf: 4.0})
BELOW_ZERO = HistogramValue(2.0, -3.0, {-1.0: 1.0, math.inf: 2.0})
TRACE = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}


def batch(
    kind: MetricType, *found: Point, gone: tuple[Point, ...] = (), name: str = "name", at: float = 1_700_000_000.5
) -> Batch:
    left = (FamilyPoints(name, kind, "", gone),) if gone else ()
    return Batch(at, 1_600_000_000.0, (FamilyPoints(name, kind, "What it is.", found),), left)


def in_otlp(one: Batch) -> list[dict[str, object]]:
    return points(otlp_request(one).SerializeToString())["name"]


def in_write(one: Batch) -> dict[str, list[tuple[dict[str, str], float, int]]]:
    import cramjam

    return series(bytes(cramjam.snappy.compress_raw(write_request(one).SerializeToString())))


def test_an_otlp_counter_is_a_sum_since_the_start_that_only_grows() -> None:
    request = otlp_request(batch(MetricType.COUNTER, Point({"a": "b"}, 5.0)))
    (resource,) = request.resource_metrics
    (metric,) = resource.scope_metrics[0].metrics
    (point,) = metric.sum.data_points

    assert (metric.name, metric.description, metric.unit) == ("name", "What it is.", "")
    assert (metric.sum.aggregation_temporality, metric.sum.is_monotonic) == (2, True)
    assert (point.time_unix_nano, point.start_time_unix_nano) == (1_700_000_000_500_000_000, 1_600_000_000 * 10**9)
    assert point.WhichOneof("value") == "as_double"
    assert point.as_double == 5.0
    assert not resource.resource.attributes, "a server would make labels of its own of them"


def test_an_otlp_histogram_counts_each_bucket_by_itself() -> None:
    (point,) = in_otlp(batch(MetricType.HISTOGRAM, Point({"a": "b"}, LATENCY)))

    assert point["explicitBounds"] == [0.5, 1.0, 5.0]
    assert point["bucketCounts"] == ["1", "2", "0", "1"]
    assert (point["count"], point["sum"]) == ("4", 10.8)


def test_a_histogram_of_negative_values_has_no_sum_as_in_an_exposition() -> None:
    (point,) = in_otlp(batch(MetricType.HISTOGRAM, Point({"a": "b"}, BELOW_ZERO)))

    assert "sum" not in point
    assert in_write(batch(MetricType.HISTOGRAM, Point({}, BELOW_ZERO))).keys() == {"name_bucket", "name_count"}


def test_a_histogram_whose_counts_do_not_hang_together_does_not_spoil_the_rest() -> None:
    falling = HistogramValue(1.0, 1.0, {1.0: 2.0, math.inf: 1.0})

    (point,) = in_otlp(batch(MetricType.HISTOGRAM, Point({"a": "b"}, falling)))

    assert point["bucketCounts"] == ["2", "0"]


def test_an_otlp_summary_has_its_quantiles() -> None:
    (point,) = in_otlp(batch(MetricType.SUMMARY, Point({"a": "b"}, SummaryValue(3.0, 4.5, {0.5: 1.0}))))

    assert (point["count"], point["sum"]) == ("3", 4.5)
    assert point["quantileValues"] == [{"quantile": 0.5, "value": 1.0}]


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 0.0, -0.5, 1e300, 2.0**53 + 2])
def test_any_number_goes_both_ways(value: float) -> None:
    (point,) = in_otlp(batch(MetricType.GAUGE, Point({"a": "b"}, value)))
    ((_, written, _),) = in_write(batch(MetricType.GAUGE, Point({"a": "b"}, value)))["name"]

    for found in (float(point.get("asDouble", 0.0)), written):  # type: ignore[arg-type]
        assert found == value or (math.isnan(found) and math.isnan(value))


def test_an_ordinary_nan_is_no_stale_marker() -> None:
    assert struct.pack("<d", STALE) == struct.pack("<Q", 0x7FF0000000000002)
    assert struct.pack("<d", math.nan) != struct.pack("<d", STALE)


def test_remote_write_has_the_series_of_a_scrape() -> None:
    found = in_write(batch(MetricType.HISTOGRAM, Point({"venue": "k"}, LATENCY)))

    assert [(labels, value) for labels, value, _ in found["name_bucket"]] == [
        ({"le": "0.5", "venue": "k"}, 1.0), ({"le": "1.0", "venue": "k"}, 3.0), ({"le": "5.0", "venue": "k"}, 3.0),
        ({"le": "+Inf", "venue": "k"}, 4.0),
    ]  # fmt: skip
    assert found["name_count"] == [({"venue": "k"}, 4.0, 1_700_000_000_500)]
    assert found["name_sum"][0][1] == 10.8


def test_remote_write_has_labels_in_their_order_and_no_empty_ones(registry: MetricsRegistry) -> None:
    registry.gauge("level", labels=["zone", "Zone", "a"]).set(1, {"zone": "z", "Zone": "Z", "a": ""})

    request = write_request(Reader(registry, {"service": "s", "team": ""}).read())

    (one,) = request.timeseries
    assert [label.name for label in one.labels] == ["Zone", "__name__", "service", "zone"]


def test_remote_write_tells_types_and_descriptions(registry: MetricsRegistry) -> None:
    registry.counter("orders_total", "Orders.")
    registry.histogram("latency", "Latency.")
    registry.gauge("level", "Level.")

    told = write_request(Reader(registry, {}).read()).metadata

    assert [(each.metric_family_name, each.type, each.help) for each in told] == [
        ("orders_total", 1, "Orders."), ("latency", 3, "Latency."), ("level", 2, "Level."),
    ]  # fmt: skip
    assert not write_request(Reader(registry, {}).read(), metadata=False).metadata


def test_exemplars_go_both_ways() -> None:
    exemplars = {1.0: Exemplar({**TRACE, "order": "17"}, 0.7, 1_700_000_000.25)}
    one = batch(MetricType.HISTOGRAM, Point({"a": "b"}, LATENCY, exemplars))

    (metric,) = otlp_request(one).resource_metrics[0].scope_metrics[0].metrics
    (sent,) = metric.histogram.data_points[0].exemplars
    assert (sent.trace_id.hex(), sent.span_id.hex()) == (TRACE["trace_id"], TRACE["span_id"])
    assert [(each.key, each.value.string_value) for each in sent.filtered_attributes] == [("order", "17")]
    assert (sent.as_double, sent.time_unix_nano) == (0.7, 1_700_000_000_250_000_000)

    written = [each for each in write_request(one).timeseries if each.exemplars]
    assert [{label.name: label.value for label in each.labels}["le"] for each in written] == ["1.0"]
    (other,) = written[0].exemplars
    assert (other.value, other.timestamp) == (0.7, 1_700_000_000_250)
    assert {label.name: label.value for label in other.labels} == {**TRACE, "order": "17"}


def test_an_exemplar_with_an_id_of_its_own_kind_keeps_it() -> None:
    exemplars = {math.inf: Exemplar({"trace_id": "abc"}, 1.0, 1.0)}

    request = otlp_request(batch(MetricType.COUNTER, Point({"a": "b"}, 1.0, exemplars)))

    (sent,) = request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points[0].exemplars
    assert [(each.key, each.value.string_value) for each in sent.filtered_attributes] == [("trace_id", "abc")]


@pytest.mark.parametrize(
    ("kind", "value", "count"),
    [
        (MetricType.GAUGE, 1.0, 1),
        (MetricType.COUNTER, 1.0, 1),
        (MetricType.HISTOGRAM, LATENCY, 6),
        (MetricType.SUMMARY, SummaryValue(1.0, 1.0, {0.5: 1.0}), 3),
    ],
)
def test_what_is_no_more_is_marked(kind: MetricType, value: float, count: int) -> None:
    one = batch(kind, gone=(Point({"a": "b"}, value),))

    (point,) = in_otlp(one)
    assert point["flags"] == 1
    assert "asDouble" not in point
    written = [sample for each in write_request(one).timeseries for sample in each.samples]
    assert [struct.pack("<d", sample.value) for sample in written] == [struct.pack("<d", STALE)] * count
