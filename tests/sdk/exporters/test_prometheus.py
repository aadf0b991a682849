"""Real Prometheus servers of both supported ages, with the generated configuration: all that is pushed arrives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support.rendering import write
from support.samples import load_sample
from support.servers import Server, start_prometheus
from support.simulated import Sample
from support.waiting import wait_for
from tapewatch.project import open_project
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.where import native
from tapewatch.simulating.meters import SIMULATED, Meters
from tapewatch_sdk.exporters import Pushing, push
from tapewatch_sdk.families import Family, MetricType
from tapewatch_sdk.instruments import MetricsRegistry

WAYS = [
    pytest.param("otlp", None, id="otlp", marks=pytest.mark.needs("prometheus")),
    pytest.param("write", None, id="remote-write", marks=pytest.mark.needs("prometheus")),
    pytest.param("write", "3.5", id="remote-write-3.5", marks=pytest.mark.needs("prometheus-3.5")),
]
PATHS = {"otlp": "/api/v1/otlp", "write": "/api/v1/write"}
OWN = {"service": "capture", "team": "data", "environment": "test"}

Values = dict[frozenset[tuple[str, str]], float]


@dataclass
class Store:
    """A Prometheus that takes pushes."""

    server: Server
    way: str

    @property
    def url(self) -> str:
        """Where it takes them."""
        return self.server.url + PATHS[self.way]

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        result: list[dict[str, Any]] = self.server.get_json(f"/api/v1/query?query={quote(expr)}")["data"]["result"]
        return result

    def values(self, service: str) -> dict[str, Values]:
        """The newest values that a service pushed, by name and labels; `le` and `quantile` as numbers."""
        found: dict[str, Values] = {}
        # What the rules made of them has a colon in its name, alerts are called ALERTS.
        for each in self.query(f'{{service="{service}",__name__!~".*:.*|ALERTS.*"}}'):
            labels = {name: _plain(name, value) for name, value in each["metric"].items()}
            name = labels.pop("__name__")
            found.setdefault(name, {})[frozenset(labels.items())] = float(each["value"][1])
        return found


def _plain(name: str, value: str) -> str:
    return repr(float(value)) if name in ("le", "quantile") else value


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str | None], Store]]:
    """The servers, as they are asked for."""
    with ExitStack() as stack:
        yield _Stores(stack, tmp_path_factory)


class _Stores(dict[tuple[str, str | None], Store]):
    def __init__(self, stack: ExitStack, folders: pytest.TempPathFactory) -> None:
        super().__init__()
        self._stack = stack
        self._folders = folders
        self._servers: dict[str | None, Server] = {}

    def __missing__(self, key: tuple[str, str | None]) -> Store:
        way, version = key
        if version not in self._servers:
            folder = self._folders.mktemp("prometheus")
            # Debian's build has no OTLP receiver.
            flags = ["--web.enable-remote-write-receiver", "--enable-feature=exemplar-storage"]
            flags += ["--web.enable-otlp-receiver"] if version is None else []
            server = start_prometheus(configuration(folder), folder, *flags, version=version)
            self._servers[version] = self._stack.enter_context(server)
        self[key] = Store(self._servers[version], way)
        return self[key]


def configuration(folder: Path) -> Path:
    """What `tapewatch generate` writes for the sample, for a Prometheus of this machine."""
    sample = Sample(folder)
    project = open_project(folder, sample.environ)
    write(project.render(), folder)
    write({file.path: file.text for file in PrometheusRenderer(native).render(project.request)}, folder)
    return folder / "provisioning/prometheus/prometheus.yml"


@pytest.fixture
def store(request: pytest.FixtureRequest, stores: dict[tuple[str, str | None], Store]) -> Store:
    way, version = request.param
    return stores[way, version]


def ways(function: Any) -> Any:
    """Runs a test once for each way into each server."""
    cases = [pytest.param((param.values[0], param.values[1]), id=param.id, marks=param.marks) for param in WAYS]
    return pytest.mark.parametrize("store", cases, indirect=True)(function)


def pushed(url: str, registry: MetricsRegistry, service: str = "capture", interval: float = 3600.0) -> Pushing:
    """Pushes a registry; where nothing else is said the only push is that of the end."""
    return push(url, registry=registry, interval=interval, buffer=500, service=service, team="data", environment="test")


def measured() -> tuple[Meters, list[Family]]:
    """Every family of the sample with one series, each with a value of its own."""
    families = list(load_sample().families.values())
    meters = Meters(families)
    for number, family in enumerate(families, 1):
        labels = [f"{label}-{number}" for label in family.labels]
        match family.type:
            case MetricType.COUNTER:
                meters[family.name].inc(number, *labels)
            case MetricType.GAUGE:
                meters[family.name].set(-number / 4, *labels)
            case _:
                for value in (0.0, *family.buckets, 1e9):
                    meters[family.name].observe(value, *labels)
    return meters, families


@ways
def test_every_family_of_the_sample_arrives_as_it_is_declared(store: Store) -> None:
    meters, families = measured()
    pushing = pushed(store.url, meters.registry, f"all-{store.way}", 3600.0)
    assert pushing.close(30), pushing.failures

    found = store.values(f"all-{store.way}")
    assert found.pop(SIMULATED), "simulated services say that they are"
    assert found == expected(families, {**OWN, "service": f"all-{store.way}"})
    assert len(found) > 100, "the sample has more families than that"


def expected(families: list[Family], service: dict[str, str]) -> dict[str, Values]:
    """The series that a scrape would give, worked out by hand."""
    found: dict[str, Values] = {}
    for number, family in enumerate(families, 1):
        labels = {**service, **{label: f"{label}-{number}" for label in family.labels}}
        key = frozenset(labels.items())
        if family.type is MetricType.COUNTER:
            found[family.name] = {key: number}
        elif family.type is MetricType.GAUGE:
            found[family.name] = {key: -number / 4}
        else:
            observed = (0.0, *family.buckets, 1e9)
            found[f"{family.name}_count"] = {key: len(observed)}
            found[f"{family.name}_sum"] = {key: sum(observed)}
        if family.type is MetricType.HISTOGRAM:
            # Each bound was observed once, and 0 besides; what equals a bound falls into its bucket.
            found[f"{family.name}_bucket"] = {
                frozenset({**labels, "le": repr(bound)}.items()): float(sum(each <= bound for each in observed))
                for bound in (*family.buckets, math.inf)
            }
    return found


@ways
def test_a_pushed_histogram_gives_its_quantiles_and_a_counter_its_rate(store: Store) -> None:
    registry = MetricsRegistry()
    service = f"quantiles-{store.way}"
    latency = registry.histogram("latency_seconds", labels=["venue"], buckets=(0.1, 1, 10, 1e6))
    orders = registry.counter("orders")
    latency.labels(venue="kraken")
    pushing = pushed(store.url, registry, service, 0.2)
    for _ in range(100):
        latency.observe(0.5, {"venue": "kraken"})
    orders.inc(40)
    assert pushing.close(30), pushing.failures

    selector = f'{{service="{service}"}}'
    (median,) = store.query(f"histogram_quantile(0.5, latency_seconds_bucket{selector})")
    assert float(median["value"][1]) == pytest.approx(0.55)
    (total,) = store.query(f"orders_total{selector}")
    assert float(total["value"][1]) == 40


@ways
def test_special_values_arrive(store: Store) -> None:
    registry = MetricsRegistry()
    service = f"special-{store.way}"
    for name, value in (("inf", math.inf), ("minus", -math.inf), ("nan", math.nan), ("large", 2.0**53 + 2)):
        registry.gauge(name).set(value)
    registry.histogram("below_zero", buckets=(-1, 0)).observe(-5)
    registry.gauge("own", labels=["team", "zone"]).set(1, {"team": "mine", "zone": ""})
    pushing = pushed(store.url, registry, service, 3600.0)
    assert pushing.close(30), pushing.failures

    found = {name: next(iter(values.values())) for name, values in store.values(service).items()}
    assert (found["inf"], found["minus"], found["large"]) == (math.inf, -math.inf, 2.0**53 + 2)
    assert math.isnan(found["nan"])
    assert "below_zero_sum" not in found
    (labels,) = store.values(service)["own"]
    assert dict(labels) == {**OWN, "service": service, "exported_team": "mine"}


@ways
def test_a_series_that_is_no_more_ends_at_once_and_one_of_a_program_that_ended_does_not(store: Store) -> None:
    registry = MetricsRegistry()
    service = f"ends-{store.way}"
    level = registry.gauge("level", labels=["symbol"])
    spread = registry.histogram("spread", labels=["symbol"], buckets=(1, 2))
    for symbol in ("a", "b"):
        level.set(1, {"symbol": symbol})
        spread.observe(1, {"symbol": symbol})
    pushing = pushed(store.url, registry, service, 3600.0)
    assert pushing.flush(30), pushing.failures
    level.remove({"symbol": "b"})
    spread.remove({"symbol": "b"})
    assert pushing.close(30), pushing.failures

    symbols = {name: {dict(labels)["symbol"] for labels in values} for name, values in store.values(service).items()}
    assert symbols == {name: {"a"} for name in ("level", "spread_bucket", "spread_count", "spread_sum")}
    (before,) = store.query(f'count_over_time(level{{service="{service}",symbol="b"}}[5m])')
    assert int(before["value"][1]) >= 1, "it was there before"


@ways
def test_exemplars_arrive(store: Store) -> None:
    registry = MetricsRegistry()
    service = f"exemplars-{store.way}"
    trace = {"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}
    registry.histogram("latency", buckets=(1, 2)).observe(1.5, exemplar=trace)
    pushing = pushed(store.url, registry, service, 3600.0)
    assert pushing.close(30), pushing.failures

    query = quote(f'latency_bucket{{service="{service}"}}')
    found = store.server.get_json(f"/api/v1/query_exemplars?query={query}&start=0&end=4000000000")["data"]
    assert [(each["seriesLabels"]["le"], len(each["exemplars"])) for each in found] in ([("2", 1)], [("2.0", 1)])
    assert found[0]["exemplars"][0]["labels"] == trace
    assert float(found[0]["exemplars"][0]["value"]) == 1.5


@pytest.mark.needs("prometheus")
@pytest.mark.parametrize("way", PATHS)
def test_nothing_is_lost_over_a_restart_of_prometheus(way: str, tmp_path: Path) -> None:
    registry = MetricsRegistry()
    level = registry.gauge("level")
    flags = ("--web.enable-remote-write-receiver", "--web.enable-otlp-receiver")
    config = "storage:\n  tsdb:\n    out_of_order_time_window: 10m\n"
    with start_prometheus(config, tmp_path, *flags) as server:
        pushing = pushed(server.url + PATHS[way], registry, interval=0.2)
        server.stop()
        (url,) = pushing.counts
        wait_for("pushes fail", lambda: pushing.failures[url])
        for value in range(1, 6):
            level.set(value)
            wait_for("it was read", partial(waits, pushing, pushing.counts[url].waiting + 2))
        server.start()

        assert pushing.flush(60), pushing.failures
        assert pushing.close(30)
        assert pushing.counts[url].dropped == pushing.counts[url].refused == 0
        store = Store(server, way)
        (found,) = store.query("level[5m]")
        values = [float(value) for _, value in found["values"]]
        assert {1.0, 2.0, 3.0, 4.0, 5.0} <= set(values)
        assert values == sorted(values)


def waits(pushing: Pushing, number: int) -> bool:
    """Whether so many batches wait."""
    return all(counts.waiting >= number for counts in pushing.counts.values())


@pytest.mark.needs("prometheus")
def test_the_default_translation_of_otlp_leaves_ordinary_names_alone(tmp_path: Path) -> None:
    """Without the generated configuration; what it does to others stands on the page about exporters."""
    registry = MetricsRegistry()
    for name in ("orders_total", "total_orders_total", "orders_total_usd_total"):
        registry.counter(name).inc()
    for name in ("queue_bytes", "used_total", "level:rate", "a__b", "_hidden", "ratio"):
        registry.gauge(name).set(1)
    registry.histogram("latency_seconds", buckets=(1,)).observe(1)
    with start_prometheus("global: {}\n", tmp_path, "--web.enable-otlp-receiver") as server:
        assert pushed(server.url + PATHS["otlp"], registry).close(30)
        names = server.get_json("/api/v1/label/__name__/values")["data"]

    assert sorted(set(names)) == [
        "a_b", "hidden", "latency_seconds_bucket", "latency_seconds_count", "latency_seconds_sum", "level:rate",
        "orders_total", "orders_usd_total", "queue_bytes", "ratio", "used_total",
    ]  # fmt: skip
