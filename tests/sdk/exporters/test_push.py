"""The one call: where to, by what, as whom, with which key; and what it says when that is wrong."""

from __future__ import annotations

import gc
import logging
import re
import subprocess
import sys
from base64 import b64encode
from functools import partial
from importlib.metadata import EntryPoint, EntryPoints

import prometheus_client
import pytest

from sdk.exporters.backend import Backend, points, series
from sdk.exporters.conftest import Start
from support.servers import free_port
from support.waiting import wait_for
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.exporters import DROPPED_BATCHES, Destination, Pushing, push
from tapewatch_sdk.exporters._urls import Target, targets
from tapewatch_sdk.instruments import MetricsRegistry, generate_text

SECRET = "s3cret/with@signs"


def one(url: str, key: str = "") -> Target:
    (found,) = targets(url, key)
    return found


def refused(url: str) -> str:
    with pytest.raises(ProblemsError) as caught:
        targets(url)
    (problem,) = caught.value.problems
    assert problem.code == "push/bad-url"
    return problem.summary


@pytest.mark.parametrize(
    ("url", "exporter", "whole"),
    [
        ("http://p:9090/api/v1/otlp/v1/metrics", "otlp", "http://p:9090/api/v1/otlp/v1/metrics"),
        ("http://p:9090/api/v1/otlp", "otlp", "http://p:9090/api/v1/otlp/v1/metrics"),
        ("https://otlp-gateway.example.net/otlp/", "otlp", "https://otlp-gateway.example.net/otlp/v1/metrics"),
        ("http://collector:4318/v1/metrics", "otlp", "http://collector:4318/v1/metrics"),
        ("http://p:9090/api/v1/write", "remote_write", "http://p:9090/api/v1/write"),
        ("https://example.net/api/prom/push", "remote_write", "https://example.net/api/prom/push"),
        ("http://mimir/api/v1/push?tenant=a", "remote_write", "http://mimir/api/v1/push?tenant=a"),
        ("otlp+http://p/own/path", "otlp", "http://p/own/path"),
        ("remote_write+https://p/own/path", "remote_write", "https://p/own/path"),
        ("statsd+udp://agent:8125", "statsd", "udp://agent:8125"),
        ("statsd+unix:///var/run/agent.sock", "statsd", "unix:///var/run/agent.sock"),
        ("prometheus+http://0.0.0.0:9096", "prometheus", "http://0.0.0.0:9096"),
        ("acme+anything", "acme", "anything"),
        ("http://[::1]:4318/v1/metrics", "otlp", "http://[::1]:4318/v1/metrics"),
    ],
)
def test_a_url_tells_what_takes_it(url: str, exporter: str, whole: str) -> None:
    assert one(url) == Target(exporter, Destination(whole))


@pytest.mark.parametrize(
    "url",
    [
        "http://prometheus:9090", "http://prometheus:9090/metrics", "prometheus:9090/api/v1/write", "/api/v1/write",
        "ftp://p/v1/metrics", "http:///v1/metrics", "http://p:99999/v1/metrics", "http://[::1/v1/metrics", "write",
        "otlp+ftp://p/v1/metrics", "remote_write+p/write", "otlp+", "udp://agent:8125",
    ],
)  # fmt: skip
def test_a_url_that_nothing_takes_is_named(url: str) -> None:
    assert f"`{url}`" in refused(url)


def test_a_text_may_hold_several_urls_and_each_counts_once() -> None:
    found = targets("http://a/v1/metrics, http://b/write\n http://a/v1/metrics\tstatsd+udp://c:1 ")

    assert [target.exporter for target in found] == ["otlp", "remote_write", "statsd"]
    assert targets(["http://a/v1/metrics", "http://b/write"]) == found[:2]
    assert targets(" , ") == []


def test_all_urls_that_are_wrong_are_named_together() -> None:
    with pytest.raises(ProblemsError) as caught:
        targets("http://a http://b/v1/metrics http://c")

    assert [problem.summary.split("`")[1] for problem in caught.value.problems] == ["http://a", "http://c"]


@pytest.mark.parametrize(
    ("url", "gets"),
    [
        ("https://example.net/otlp", True),
        ("http://127.0.0.1:9090/v1/metrics", True),
        ("http://localhost/write", True),
        ("http://[::1]/write", True),
        ("http://prometheus:9090/v1/metrics", False),
        ("http://127.0.0.1.example.net/v1/metrics", False),
        ("http://localhost.example.net/write", False),
        ("statsd+udp://127.0.0.1:8125", False),
        ("prometheus+http://127.0.0.1:9000", True),
    ],
)
def test_a_key_goes_by_https_or_to_this_machine_alone(url: str, gets: bool) -> None:
    destination = one(url, f"17:{SECRET}").destination

    assert (destination.user, destination.password) == (("17", SECRET) if gets else ("", ""))


def test_a_key_without_an_instance_is_a_bearer_token() -> None:
    assert one("https://example.net/otlp", "glc_x").destination.token == "glc_x"


def test_a_url_may_carry_its_own_password_and_then_gets_no_other() -> None:
    destination = one("http://me:p%40ss@prometheus/write", "17:other").destination

    assert destination == Destination("http://prometheus/write", "me", "p@ss")


@pytest.mark.parametrize(
    "url",
    [
        f"http://me:{SECRET}@host", f"ftp://me:{SECRET}@host/v1/metrics?token={SECRET}", f"otlp+me:{SECRET}@host",
        "http://me:s3cret@host", "http://host/a?key=s3cret", "http://me:s3?s3cret@host/", "http://host/a?s3cret@s3cret",
    ],
)  # fmt: skip
def test_no_secret_of_a_url_is_shown_when_it_is_wrong(url: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        targets(url)

    assert not re.search("s3|cret|signs", f"{caught.value} {caught.value.problems}")


def test_the_rest_of_a_wrong_url_with_a_password_is_shown() -> None:
    assert refused("https://17:s3cret@example.net/in?a=b") == (
        "`https://example.net/in` does not tell by itself what takes it"
    )


def test_no_secret_is_logged_or_shown(backend: Backend, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    backend.status = 500
    url = backend.otlp.replace("://", "://me:s3cret@") + "?key=s3cret"
    with caplog.at_level(logging.DEBUG):
        pushing = start([url, f"http://you:s3cret@127.0.0.1:{free_port()}/write"])
        wait_for("both failed", lambda: all(each.failures for each in pushing.counts.values()))
        pushing.close(1)

    shown = f"{pushing!r} {pushing.counts} {pushing.failures} {one(url)!r} {caplog.text}"
    assert backend.otlp in shown
    assert "s3cret" not in shown


def test_the_backend_is_told_who_pushes(backend: Backend, start: Start) -> None:
    start(backend.otlp, api_key="17:token").flush()
    assert backend.headers["authorization"] == f"Basic {b64encode(b'17:token').decode()}"
    assert backend.headers["content-type"] == "application/x-protobuf"

    start(backend.write, api_key="token").flush()
    assert backend.headers["authorization"] == "Bearer token"
    assert backend.headers["x-prometheus-remote-write-version"] == "0.1.0"
    assert backend.headers["content-encoding"] == "snappy"


def test_everything_may_stand_in_the_environment(
    backend: Backend, start: Start, registry: MetricsRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.gauge("level").set(1)
    monkeypatch.setenv("GRAFANA_PUSH_URL", f"{backend.otlp} {backend.write}")
    monkeypatch.setenv("GRAFANA_API_KEY", "17:token")
    monkeypatch.setenv("ENVIRONMENT", "production")
    pushing = start(None, team="data", labels={"region": "eu"})

    assert pushing.on
    assert pushing.flush()
    assert list(pushing.counts) == [backend.otlp, backend.write]
    assert backend.headers["authorization"].startswith("Basic ")
    wanted = {"service": "capture", "team": "data", "environment": "production", "region": "eu"}
    assert [_labels(body) for body in backend.bodies] == [wanted] * 4


def _labels(body: bytes) -> dict[str, str]:
    """The labels of the one series, by whatever way it came."""
    try:
        labels, _, _ = series(body)["level"][0]
    except Exception:  # noqa: BLE001 - no snappy, and so OTLP
        labels = points(body)["level"][0]["attributes"]
    return labels


def test_without_a_url_nothing_is_pushed_and_nothing_started() -> None:
    pushing = push(service="capture")

    assert (pushing.on, pushing.counts, pushing.failures) == (False, {}, {})
    assert pushing.flush()
    assert pushing.close()
    assert repr(pushing) == "<Pushing to nowhere>"


def test_after_the_end_it_is_off(backend: Backend, start: Start) -> None:
    pushing = start(backend.otlp)
    pushing.close()

    assert not pushing.on
    assert pushing.flush()
    assert len(backend.bodies) == 2


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"labels": {"le": "1"}}, "push/bad-label"),
        ({"labels": {"a-b": "1"}}, "push/bad-label"),
        ({"labels": {"__name__": "1"}}, "push/bad-label"),
        ({"interval": 0}, "push/bad-setting"),
        ({"interval": float("nan")}, "push/bad-setting"),
        ({"buffer": 0}, "push/bad-setting"),
    ],
)
def test_settings_that_are_wrong_are_named(settings: dict[str, object], code: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        push(service="capture", **settings)  # type: ignore[arg-type]

    assert [problem.code for problem in caught.value.problems] == [code]


def test_one_wrong_url_starts_nothing(backend: Backend, registry: MetricsRegistry) -> None:
    with pytest.raises(ProblemsError) as caught:
        push([backend.otlp, "acme+http://x", "statsd+http://y"], service="capture", registry=registry)

    assert [problem.code for problem in caught.value.problems] == ["plugins/not-found", "push/bad-url"]
    assert "acme" in caught.value.problems[0].summary
    assert backend.statuses.count(200) <= 2, "it goes on pushing"


@pytest.mark.parametrize(
    ("url", "hidden", "extra"),
    [
        ("http://127.0.0.1:9/v1/metrics", "opentelemetry.proto.metrics.v1.metrics_pb2", "otel"),
        ("http://127.0.0.1:9/api/v1/write", "cramjam", "remote-write"),
        ("http://127.0.0.1:9/api/v1/write", "google.protobuf.descriptor_pool", "remote-write"),
    ],
)
def test_a_package_that_is_missing_is_named(url: str, hidden: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("_otlp_request", "_write_request"):
        monkeypatch.delitem(sys.modules, f"tapewatch_sdk.exporters.{module}", raising=False)
    monkeypatch.setitem(sys.modules, hidden, None)

    with pytest.raises(ProblemsError) as caught:
        push(url, service="capture")

    (problem,) = caught.value.problems
    assert problem.code == "push/not-installed"
    assert f"tapewatch[{extra}]" in problem.fix


class Acme:
    """An exporter from elsewhere."""

    name = "acme"
    api_version = 1
    started: list[Destination] = []
    raises = False

    def start(self, source: object, destination: Destination) -> object:
        if self.raises:
            raise ValueError("broken")
        self.started.append(destination)
        return Pushing({})


class Raising(Acme):
    """One that fails at the start."""

    name = "raising"
    raises = True


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acme's exporters are installed."""
    group = "tapewatch.exporters"
    found = EntryPoints(
        [EntryPoint("acme", f"{__name__}:Acme", group), EntryPoint("raising", f"{__name__}:Raising", group)]
    )
    monkeypatch.setattr("tapewatch_sdk.loading._points", lambda _: list(found))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Acme.__module__])


@pytest.mark.usefixtures("installed")
def test_an_installed_exporter_is_found_by_its_name(registry: MetricsRegistry) -> None:
    pushing = push("acme+https://me:pw@acme.example/in", service="capture", registry=registry)

    assert pushing.close(), "its counts are none of ours, and no reason to raise"
    assert Acme.started == [Destination("https://acme.example/in", "me", "pw")]


@pytest.mark.usefixtures("installed")
def test_an_exporter_that_raises_at_the_start_is_named(registry: MetricsRegistry) -> None:
    with pytest.raises(ProblemsError) as caught:
        push("raising+x://y", service="capture", registry=registry)

    (problem,) = caught.value.problems
    assert problem.code == "plugins/failed"
    assert "`raising` failed in `start`: ValueError: broken" in problem.summary


def test_what_is_lost_shows_as_a_metric_of_the_registry(
    backend: Backend, start: Start, registry: MetricsRegistry
) -> None:
    pushing = start(backend.otlp)
    pushing.flush()
    assert DROPPED_BATCHES not in generate_text(registry).decode(), "there is nothing to tell"
    backend.status = 400
    pushing.flush()
    backend.status = 200
    pushing.flush()

    (lost,) = points(backend.bodies[-1])[DROPPED_BATCHES]
    assert lost["attributes"] == {"service": "capture", "exporter": "otlp", "reason": "refused"}
    assert lost["asDouble"] == 1
    assert f'{DROPPED_BATCHES}{{exporter="otlp",reason="refused"}} 1.0' in generate_text(registry).decode()


def test_losses_of_all_pushes_of_a_registry_are_one_metric_and_stay(registry: MetricsRegistry, start: Start) -> None:
    for _ in range(2):
        pushing = start(f"http://127.0.0.1:{free_port()}/v1/metrics")
        wait_for("it was tried", partial(_tried, pushing))
        pushing.close(1)

    text = generate_text(registry).decode()
    assert f'{DROPPED_BATCHES}{{exporter="otlp",reason="buffer"}} 4.0' in text


def _tried(pushing: Pushing) -> bool:
    return all(each.failures for each in pushing.counts.values())


def test_losses_show_in_a_registry_of_prometheus_client_too(backend: Backend, start: Start) -> None:
    theirs = prometheus_client.CollectorRegistry()
    prometheus_client.Gauge("level", "", registry=theirs).set(4)
    backend.status = 400
    pushing = start(backend.write, registry=theirs)
    pushing.flush()
    backend.status = 200
    pushing.flush()

    found = series(backend.bodies[-1])
    assert found["level"][0][1] == 4
    ((labels, value, _),) = found[DROPPED_BATCHES]
    assert (labels["reason"], value) == ("refused", 2)


def test_a_registry_is_not_kept_alive_by_pushes_that_have_ended(backend: Backend) -> None:
    from weakref import ref

    registry = MetricsRegistry()
    gone = ref(registry)
    pushing = push(backend.otlp, service="capture", registry=registry)
    pushing.close()
    del registry, pushing

    def collected() -> bool:
        gc.collect()
        return gone() is None

    wait_for("it is gone", collected)


def test_the_exporter_that_is_asked_serves_what_it_would_push(start: Start, registry: MetricsRegistry) -> None:
    import urllib.request

    registry.gauge("level").set(5)
    port = free_port()
    pushing = start(f"prometheus+http://127.0.0.1:{port}")

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert "level 5.0" in answer.read().decode().splitlines()
    assert pushing.flush()
    assert pushing.close()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10)


@pytest.mark.parametrize("url", ["http://127.0.0.1", "https://127.0.0.1:1", "http://127.0.0.1:1/other", "x"])
def test_what_cannot_be_served_is_named(url: str, registry: MetricsRegistry) -> None:
    with pytest.raises(ProblemsError) as caught:
        push(f"prometheus+{url}", service="capture", registry=registry)

    assert [problem.code for problem in caught.value.problems] == ["push/bad-url"]


def test_importing_the_exporters_loads_nothing_heavy() -> None:
    code = (
        "import sys, tapewatch_sdk.exporters, tapewatch_sdk.exporters.otlp, tapewatch_sdk.exporters.remote_write; "
        "tapewatch_sdk.exporters.push(service='x'); "
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = ("opentelemetry", "google", "requests", "urllib3", "cramjam", "prometheus_client", "asyncio", "http", "ssl")
    assert [name for name in heavy if f"'{name}'" in done.stdout] == []
