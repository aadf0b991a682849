"""How the services that push do it: where to, all at one moment, and what the user is told."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

import pytest

from sdk.exporters.backend import Backend, points, series
from support.servers import free_port
from support.waiting import wait_for
from tapewatch.simulating.meters import SIMULATED, Meters
from tapewatch.simulating.plan import Plan, ServicePlan
from tapewatch.simulating.push import Pushes, Together, is_url, load, whole
from tapewatch_sdk.families import Family, MetricType

FAMILIES = (
    Family("rows_total", MetricType.COUNTER, "mine", ("table",), help="Rows"),
    Family("buffer_size", MetricType.GAUGE, "mine"),
    Family("flush_seconds", MetricType.HISTOGRAM, "mine", buckets=(0.5, 1, 5), unit="seconds"),
    Family("batch_bytes", MetricType.SUMMARY, "mine"),
)
LABELS = {"environment": "local", "service": "capture", "team": "data", "zone": "a"}


@pytest.fixture
def backend() -> Iterator[Backend]:
    with Backend() as running:
        yield running


@pytest.fixture
def meters() -> Meters:
    """Of a service that has measured a little."""
    made = Meters(FAMILIES)
    made["rows_total"].inc(5, "raw_trades")
    made["rows_total"].appear("features")
    made["buffer_size"].set(7)
    for value in (0.2, 0.7, 0.9, 9.0):
        made["flush_seconds"].observe(value)
    made["batch_bytes"].observe(300)
    return made


def pushes(said: list[str], meters: Meters, *urls: str, interval: float = 3600.0) -> Pushes:
    service = ServicePlan("capture", "data", {"zone": "a"}, (), (), (), push_interval=interval)
    plan = Plan("local", FAMILIES, (service,), push_urls=urls)
    return Pushes(plan, service, Together(meters.registry, threading.Lock()), said.append)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("http://p:9090/api/v1/otlp", "otlp+http://p:9090/api/v1/otlp/v1/metrics"),
        ("http://p:4318", "otlp+http://p:4318/v1/metrics"),
        ("http://p:4318/v1/metrics", "otlp+http://p:4318/v1/metrics"),
        ("https://me:pw@p/otlp?a=b", "otlp+https://me:pw@p/otlp/v1/metrics?a=b"),
        ("otlp+http://p/write", "otlp+http://p/write/v1/metrics"),
        ("http://p:9090/api/v1/write", "http://p:9090/api/v1/write"),
        ("https://p/api/prom/push", "https://p/api/prom/push"),
        ("remote_write+https://p/in", "remote_write+https://p/in"),
    ],
)
def test_a_url_is_an_otlp_receivers_base_unless_it_is_one_for_remote_write(given: str, taken: str) -> None:
    assert is_url(given)
    assert whole(given) == taken


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://p/write", "http://", "http://[::1", "statsd+http://p", ""])
def test_what_is_no_url_is_none(url: str) -> None:
    assert not is_url(url)


def test_all_that_a_service_measures_arrives_both_ways_with_its_labels(backend: Backend, meters: Meters) -> None:
    said: list[str] = []
    base = backend.otlp.removesuffix("/v1/metrics")
    with pushes(said, meters, base, backend.write):
        wait_for("it is told of both", lambda: len(said) == 2)

    assert sorted(said) == [
        f"capture: pushes arrive at {backend.write}",
        f"capture: pushes arrive at {backend.otlp}",
    ]
    otlp = next(found for body in backend.bodies if (found := _points(body)))
    write = next(written for body in backend.bodies if (written := _series(body)))
    assert otlp.keys() == {family.name for family in FAMILIES} | {SIMULATED}
    assert [point["attributes"] for point in otlp["rows_total"]] == [
        {**LABELS, "table": "raw_trades"}, {**LABELS, "table": "features"},
    ]  # fmt: skip
    assert [point["asDouble"] for point in otlp["rows_total"]] == [5.0, 0.0]
    assert otlp["flush_seconds"][0]["bucketCounts"] == ["1", "2", "0", "1"]
    assert write.keys() == {name for family in FAMILIES for name in family.series_names} - {"batch_bytes"} | {SIMULATED}
    assert [value for _, value, _ in write["flush_seconds_bucket"]] == [1.0, 3.0, 3.0, 4.0]
    assert all(LABELS.items() <= labels.items() for found in write.values() for labels, _, _ in found)


def _points(body: bytes) -> dict[str, list[dict[str, object]]]:
    try:
        return points(body)
    except Exception:  # noqa: BLE001 - it is the other one
        return {}


def _series(body: bytes) -> dict[str, list[tuple[dict[str, str], float, int]]]:
    try:
        return series(body)
    except Exception:  # noqa: BLE001 - it is the other one
        return {}


def test_numbers_that_change_together_are_read_together(meters: Meters) -> None:
    moment = threading.Lock()
    together = Together(meters.registry, moment)
    read: list[object] = []
    thread = threading.Thread(target=lambda: read.append(together.collect()))
    with moment:
        thread.start()
        time.sleep(0.1)
        assert read == []
    thread.join(10)

    assert len(read) == 1


def test_a_service_that_is_scraped_pushes_nothing(backend: Backend, meters: Meters) -> None:
    with pushes([], meters, backend.write, interval=0.0):
        time.sleep(0.3)

    assert backend.statuses == []


def test_its_end_pushes_what_it_measured_last(backend: Backend, meters: Meters) -> None:
    with pushes([], meters, backend.write):
        wait_for("the first arrives", lambda: backend.bodies)
        meters["buffer_size"].set(9)

    assert series(backend.bodies[-1])["buffer_size"][0][1] == 9


def test_an_end_that_fails_is_told_once_and_once_more_when_it_works(backend: Backend, meters: Meters) -> None:
    said: list[str] = []
    backend.status = 503
    with pushes(said, meters, backend.write, interval=0.1):
        wait_for("three pushes were tried", lambda: len(backend.statuses) >= 3)
        backend.status = 200
        wait_for("they arrive", lambda: len(said) >= 2)

    assert said == [
        f"capture: cannot push to {backend.write}, and goes on trying: 503",
        f"capture: pushes arrive at {backend.write}",
    ]


def test_nobody_at_the_other_end_is_told_in_the_systems_words(meters: Meters) -> None:
    said: list[str] = []
    url = f"http://127.0.0.1:{free_port()}/api/v1/write"
    with pushes(said, meters, url):
        wait_for("it is told", lambda: said)

    assert said == [f"capture: cannot push to {url}, and goes on trying: [Errno 111] Connection refused"]


def test_without_an_extra_the_others_are_pushed_all_the_same(
    backend: Backend, meters: Meters, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.delitem(sys.modules, "tapewatch_sdk.exporters._otlp_request", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.metrics.v1.metrics_pb2", None)
    load([backend.otlp, backend.write])

    with pushes(said, meters, backend.otlp, backend.write):
        wait_for("the other arrives", lambda: len(said) == 2)

    assert said[0].startswith(f"capture: nothing can be pushed to {backend.otlp}: ")
    assert said[1] == f"capture: pushes arrive at {backend.write}"
