"""What an exporter reads: every series of a registry, with the labels that a scrape would give it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import prometheus_client
import pytest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, SummaryMetricFamily

from tapewatch_sdk.exporters import Batch, FamilyPoints, Point, SummaryValue
from tapewatch_sdk.exporters._reading import Reader
from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments import HistogramValue, MetricsRegistry

SERVICE = {"service": "capture", "team": "data", "environment": "test"}


class Foreign:
    """A collector of prometheus-client that gives what it is told to."""

    def __init__(self, *metrics: Any) -> None:
        self.metrics = metrics

    def describe(self) -> list[Any]:
        return []

    def collect(self) -> Iterator[Any]:
        for metric in self.metrics:
            if isinstance(metric, Exception):
                raise metric
            yield metric


def read(registry: Any, **labels: str) -> Batch:
    return Reader(registry, {**SERVICE, **labels}).read()


def families(batch: Batch) -> dict[str, FamilyPoints]:
    return {family.name: family for family in batch.families}


def only(family: FamilyPoints) -> Point:
    (point,) = family.points
    return point


def test_instruments_are_read_with_their_names_types_and_the_services_labels(registry: MetricsRegistry) -> None:
    registry.counter("orders", "Orders sent.", ["symbol"]).inc(2, {"symbol": "BTC-USD"})
    registry.gauge("queue_size", "Waiting.").set(-7)

    found = families(read(registry))

    assert [(name, each.type, each.description) for name, each in found.items()] == [
        ("orders_total", MetricType.COUNTER, "Orders sent."),
        ("queue_size", MetricType.GAUGE, "Waiting."),
    ]
    assert only(found["orders_total"]) == ({**SERVICE, "symbol": "BTC-USD"}, 2.0, {})
    assert only(found["queue_size"]) == (SERVICE, -7.0, {})


def test_a_histogram_is_read_as_a_whole_with_its_exemplars(registry: MetricsRegistry) -> None:
    latency = registry.histogram("latency_seconds", buckets=(0.1, 1))
    latency.observe(0.5, exemplar={"trace_id": "abc"})
    latency.observe(7)

    point = only(families(read(registry))["latency_seconds"])

    assert point.value == HistogramValue(2.0, 7.5, {0.1: 0.0, 1.0: 1.0, math.inf: 2.0})
    ((bound, exemplar),) = point.exemplars.items()
    assert (bound, exemplar.labels, exemplar.value) == (1.0, {"trace_id": "abc"}, 0.5)


def test_a_label_of_an_instrument_gives_way_to_the_services_as_in_a_scrape(registry: MetricsRegistry) -> None:
    registry.gauge("up", labels=["service", "exported_team", "team"]).set(
        1, {"service": "x", "team": "y", "exported_team": "z"}
    )

    labels = only(families(read(registry))["up"]).labels

    assert labels == {**SERVICE, "exported_service": "x", "exported_exported_team": "y", "exported_team": "z"}


def test_empty_labels_are_none(registry: MetricsRegistry) -> None:
    registry.gauge("up", labels=["zone"]).set(1, {"zone": ""})

    assert only(families(read(registry, team=""))["up"]).labels == {"service": "capture", "environment": "test"}


def test_collectors_of_prometheus_client_are_read_beside_ours(registry: MetricsRegistry) -> None:
    theirs = prometheus_client.CollectorRegistry()
    prometheus_client.Counter("requests", "Theirs.", ["path"], registry=theirs).labels(path="/").inc(3)
    prometheus_client.Histogram("size", "Theirs.", buckets=(1, 2), registry=theirs).observe(1.5)
    prometheus_client.Summary("batch_bytes", "Theirs.", registry=theirs).observe(300)
    prometheus_client.Info("build", "Theirs.", registry=theirs).info({"version": "1"})
    prometheus_client.Enum("state", "Theirs.", states=["on", "off"], registry=theirs).state("off")
    registry.gauge("ours").set(1)
    registry.register(theirs)

    found = families(read(registry))

    assert only(found["requests_total"]) == ({**SERVICE, "path": "/"}, 3.0, {})
    assert only(found["size"]).value == HistogramValue(1.0, 1.5, {1.0: 0.0, 2.0: 1.0, math.inf: 1.0})
    assert only(found["batch_bytes"]).value == SummaryValue(1.0, 300.0)
    assert only(found["build_info"]).labels["version"] == "1"
    assert {point.labels["state"]: point.value for point in found["state"].points} == {"on": 0.0, "off": 1.0}
    assert found["requests_total"].type is MetricType.COUNTER
    assert not [name for name in found if name.endswith("_created")]
    assert families(read(theirs)).keys() == found.keys() - {"ours"}, "their registry alone has the same"


def test_quantiles_and_exemplars_of_theirs_are_kept() -> None:
    summary = SummaryMetricFamily("lag", "", labels=["zone"])
    summary.add_metric(["a"], 4, 10.0)
    summary.add_sample("lag", {"zone": "a", "quantile": "0.5"}, 2.0)
    counter = CounterMetricFamily("hits", "")
    counter.add_metric([], 5)
    theirs = prometheus_client.Counter("seen", "", registry=None)
    theirs.inc(1, exemplar={"trace_id": "abc"})

    found = families(read(Foreign(summary, counter, *theirs.collect())))

    assert only(found["lag"]) == ({**SERVICE, "zone": "a"}, SummaryValue(4.0, 10.0, {0.5: 2.0}), {})
    assert only(found["hits_total"]).value == 5.0
    assert only(found["seen_total"]).exemplars[math.inf].labels == {"trace_id": "abc"}


def test_a_collector_that_raises_or_gives_nonsense_costs_its_own_values_alone(registry: MetricsRegistry) -> None:
    bad = HistogramMetricFamily("falls", "", buckets=[("1", 5), ("+Inf", 3)], sum_value=1)
    words = GaugeMetricFamily("words", "")
    words.add_sample("words", {}, "many")  # type: ignore[arg-type]
    good = GaugeMetricFamily("good", "", value=1)
    registry.register(Foreign(bad, words, good))
    registry.register(Foreign(ValueError("no")))
    registry.gauge("ours").set(1)

    found = families(read(registry))
    again = families(read(registry))

    assert found.keys() >= {"good", "ours"}
    assert not found.keys() & {"falls", "words"}
    assert sum(each.value for each in again["tapewatch_sdk_collection_errors_total"].points) >= 3  # type: ignore[misc]


def test_a_registry_that_raises_gives_an_empty_batch() -> None:
    class Broken:
        def collect(self) -> list[Any]:
            raise ValueError("no")

    assert read(Broken()).families == ()


def test_a_series_that_comes_twice_is_read_once(registry: MetricsRegistry) -> None:
    twice = GaugeMetricFamily("level", "", labels=["zone"])
    for value in (1, 2):
        twice.add_metric(["a"], value)
    other = GaugeMetricFamily("level", "", labels=["zone"])
    other.add_metric(["b"], 3)
    clash = GaugeMetricFamily("size_sum", "", value=1)
    registry.histogram("size").observe(1)
    registry.register(Foreign(twice, other, clash))

    found = families(read(registry))

    assert [(point.labels["zone"], point.value) for point in found["level"].points] == [("b", 3.0), ("a", 1.0)]
    assert "size_sum" not in found


def test_what_is_no_more_is_told_once(registry: MetricsRegistry) -> None:
    gauge = registry.gauge("ticks", labels=["symbol"])
    for symbol in ("BTC-USD", "ETH-USD"):
        gauge.set(5, {"symbol": symbol})
    reader = Reader(registry, SERVICE)
    first = reader.read()
    gauge.remove({"symbol": "ETH-USD"})

    second, third = reader.read(), reader.read()

    assert (first.gone, third.gone) == ((), ())
    (gone,) = second.gone
    assert (gone.name, only(gone).labels["symbol"]) == ("ticks", "ETH-USD")


def test_the_labels_of_an_instrument_that_was_made_anew_are_read_anew(registry: MetricsRegistry) -> None:
    reader = Reader(registry, SERVICE)
    first = registry.gauge("level", labels=["zone"])
    first.set(1, {"zone": "a"})
    reader.read()
    registry.unregister(first)
    registry.gauge("level", labels=["host"]).set(1, {"host": "a"})

    batch = reader.read()

    assert only(families(batch)["level"]).labels == {**SERVICE, "host": "a"}
    assert only(batch.gone[0]).labels == {**SERVICE, "zone": "a"}


def test_times_only_grow_though_the_clock_is_set_back(
    registry: MetricsRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([1000.0, 1000.0, 998.0, 500.0, 501.0])
    reader = Reader(registry, SERVICE, interval=15.0)
    monkeypatch.setattr("tapewatch_sdk.exporters._reading.time.time", lambda: next(clock))

    times = [round(reader.read().timestamp, 3) for _ in range(5)]

    assert times == [1000.0, 1000.001, 1000.002, 500.0, 501.0], "by a little it is bridged, by much it is believed"
