"""One process, one `/metrics`: our registry among prometheus-client's, and its metrics in ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.util import setup_testing_defaults

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, Metric, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from sdk.instruments.reading import errors, value
from sdk.instruments.twins import Twins
from tapewatch_sdk.instruments import InstrumentError, MetricsRegistry, Sample, generate_openmetrics, generate_text


@pytest.fixture(autouse=True)
def no_created_series(monkeypatch: pytest.MonkeyPatch) -> None:
    """`prometheus_client.disable_created_metrics()`, for one test."""
    monkeypatch.setattr(prometheus_client.metrics, "_use_created", False)
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.123)


class Broken:
    """A collector that can be registered and not be read."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily("half", "", value=1)
        raise RuntimeError("no device")


class Unwritable(Broken):
    """A collector with a value that is no number."""

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily("text", "", value="much")  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(2000, 2040))
def test_our_registry_as_a_collector_gives_what_theirs_would(seed: int, cell_per_thread: bool) -> None:
    twins = Twins(seed, odd=True, cell_per_thread=cell_per_thread)
    twins.update(100)
    outer = CollectorRegistry()
    outer.register(twins.ours)

    assert generate_latest(outer) == generate_latest(twins.theirs)
    write: Callable[[object], bytes] = openmetrics.generate_latest
    assert write(outer) == write(twins.theirs)


def test_their_metrics_in_our_registry_are_written_in_place(registry: MetricsRegistry) -> None:
    theirs = CollectorRegistry()
    registry.counter("first").inc()
    for home in (registry, theirs):
        target: Any = home
        prometheus_client.Counter("c", "Theirs.", ["a"], registry=target).labels("x").inc(2, {"trace_id": "abc"})
        prometheus_client.Summary("s", "Theirs.", registry=target).observe(3)
        prometheus_client.Info("build", "Theirs.", registry=target).info({"version": "1"})
        prometheus_client.Enum("state", "Theirs.", states=["on", "off"], registry=target).state("off")
    registry.gauge("last").set(7)

    first, last = (b"# HELP live_first_total \n# TYPE live_first_total counter\nlive_first_total 1.0\n",
                   b"# HELP live_last \n# TYPE live_last gauge\nlive_last 7.0\n")  # fmt: skip
    assert generate_text(registry) == first + generate_latest(theirs) + last
    write: Callable[[object], bytes] = openmetrics.generate_latest
    inner = write(theirs).removesuffix(b"# EOF\n")
    assert b"# {" in inner
    assert inner in generate_openmetrics(registry)


def test_their_whole_registry_in_ours_is_written_as_they_write_it(registry: MetricsRegistry) -> None:
    theirs = CollectorRegistry()
    prometheus_client.Gauge("g", "", registry=theirs).set(4)
    registry.register(theirs)

    assert generate_text(registry) == generate_latest(theirs)
    assert value(registry, "g") == 4.0


def test_their_values_are_collected_with_ours(registry: MetricsRegistry) -> None:
    theirs = CollectorRegistry()
    prometheus_client.Counter("c", "Theirs.", ["a"], registry=theirs).labels("x").inc(2, {"trace_id": "abc"})
    registry.register(theirs)

    assert registry.collect_all() == [
        Sample("c_total", {"a": "x"}, 2.0, 1_700_000_000.123, ({"trace_id": "abc"}, 2.0, 1_700_000_000.123)),  # type: ignore[arg-type]
    ]
    assert registry.to_dict()["c_total"]["type"] == "counter"


@pytest.mark.parametrize("name", ["live_c", "live_c_total", "live_h_bucket", "live_g"])
def test_a_name_that_one_side_has_is_refused_by_the_other(registry: MetricsRegistry, name: str) -> None:
    registry.counter("c")
    registry.gauge("g")
    registry.histogram("h")
    outer, target = CollectorRegistry(), registry
    outer.register(registry)

    with pytest.raises(ValueError, match=r"Duplicated timeseries"):
        prometheus_client.Gauge(name, "", registry=outer)
    with pytest.raises(InstrumentError) as raised:
        prometheus_client.Gauge(name, "", registry=target)  # type: ignore[arg-type]
    assert raised.value.problems[0].code == "instruments/conflict"


def test_an_instrument_cannot_take_a_name_of_theirs(registry: MetricsRegistry) -> None:
    target: Any = registry
    summary = prometheus_client.Summary("live_s", "", registry=target)
    with pytest.raises(InstrumentError):
        registry.gauge("s_count")

    registry.unregister(summary)
    registry.gauge("s_count")


def test_a_collector_stands_in_a_registry_once(registry: MetricsRegistry) -> None:
    nameless = Broken()
    registry.register(nameless)
    with pytest.raises(InstrumentError):
        registry.register(nameless)


@pytest.mark.parametrize("broken", [Broken(), Unwritable()], ids=["raises", "writes no number"])
def test_a_collector_that_fails_is_counted_and_the_rest_goes_on(registry: MetricsRegistry, broken: Broken) -> None:
    registry.gauge("first").set(1)
    registry.register(broken)
    registry.gauge("last").set(2)

    for write in (generate_text, generate_openmetrics):
        written = write(registry)
        assert b"live_first 1.0\n" in written
        assert b"live_last 2.0\n" in written
        assert b"half" not in written
        assert b"much" not in written
    assert errors(registry)[type(broken).__name__] >= 2.0


def test_a_custom_collector_is_asked_at_each_collection(registry: MetricsRegistry) -> None:
    class Uptime:
        asked = 0

        def collect(self) -> Iterable[Metric]:
            self.asked += 1
            yield GaugeMetricFamily("asked", "", value=self.asked)
            yield InfoMetricFamily("about", "", value={"of": "x"})

    registry.register(Uptime())  # names are taken from a first collection

    assert [value(registry, "asked") for _ in range(3)] == [2.0, 3.0, 4.0]
    assert value(registry, "about_info", {"of": "x"}) == 1.0


def test_a_restricted_registry_has_the_named_series_alone(registry: MetricsRegistry) -> None:
    registry.histogram("h", buckets=[1]).observe(0.5)
    registry.counter("c").inc()

    written = generate_latest(registry.restricted_registry(["live_h_sum", "live_c_total"]))
    lines = [line for line in written.splitlines() if not line.startswith(b"#")]
    assert lines == [b"live_h_sum 0.5", b"live_c_total 1.0"]


def test_their_wsgi_app_serves_our_registry(registry: MetricsRegistry) -> None:
    registry.counter("c").inc()
    target: Any = registry
    environ: dict[str, Any] = {"QUERY_STRING": "name[]=live_c_total"}
    setup_testing_defaults(environ)

    body = b"".join(make_wsgi_app(target)(environ, lambda status, headers: None))
    assert body.endswith(b"live_c_total 1.0\n")
