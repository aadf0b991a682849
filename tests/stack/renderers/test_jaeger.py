"""jaeger.yml and the sampling strategies."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rendering import render, varied, write
from support.samples import load_sample
from support.servers import Server, free_port, start_jaeger
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.compose import ComposeRenderer
from tapewatch.renderers.grafana import GrafanaRenderer
from tapewatch.renderers.jaeger import JaegerRenderer
from tapewatch.renderers.kubernetes import KubernetesRenderer
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.where import native
from tapewatch.servers import find

CONFIG = f"{layout.JAEGER}/jaeger.yml"
SAMPLING = f"{layout.JAEGER}/sampling.json"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PORTS = (
    "jaeger", "jaeger_grpc", "jaeger_health", "jaeger_metrics", "jaeger_sampling", "otlp_grpc", "otlp_http",
    "span_metrics",
)  # fmt: skip


def configuration(catalogue: Catalogue) -> Any:
    return yaml.safe_load(render(JaegerRenderer(), catalogue)[CONFIG])


def span() -> dict[str, Any]:
    now = time.time_ns()
    one = {
        "traceId": TRACE,
        "spanId": "b7ad6b7169203331",
        "name": "check limit",
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 1_000_000),
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "risk-manager"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [one]}]}]}


def test_spans_are_acknowledged_only_once_they_are_stored() -> None:
    pipeline = configuration(load_sample())["service"]["pipelines"]["traces"]
    assert "processors" not in pipeline
    assert "sending_queue" not in str(configuration(load_sample())["exporters"])


@pytest.mark.parametrize(("retention", "hours"), [("72h", "72h"), ("7d", "168h"), ("90m", "5400000ms")])
def test_retention_is_written_the_way_go_reads_it(retention: str, hours: str) -> None:
    config = configuration(varied(lambda data: data["stack"]["retention"].update(traces=retention)))
    assert config["extensions"]["jaeger_storage"]["backends"]["traces"]["badger"]["ttl"]["spans"] == hours


def test_each_service_samples_as_the_catalogue_says() -> None:
    catalogue = varied(lambda data: data["services"]["risk-manager"].update(traces={"sampling": 1.0}))
    sampling = json.loads(render(JaegerRenderer(), catalogue)[SAMPLING])
    shares = {each["service"]: each["param"] for each in sampling["service_strategies"]}
    assert shares == {"risk-manager": 1.0}
    assert sampling["default_strategy"] == {"type": "probabilistic", "param": 0.1}


@pytest.mark.parametrize(
    "version",
    [
        pytest.param("2.13", marks=pytest.mark.needs("jaeger", "jaeger-2.13")),
        # No Go module has it. TAPEWATCH_JAEGER names one that was built from its sources, or taken from its image.
        pytest.param("2.20", marks=pytest.mark.needs("jaeger-2.20")),
    ],
)
def test_a_real_jaeger_keeps_a_trace_over_a_crash_samples_and_counts(tmp_path: Path, version: str) -> None:
    ports = {name: free_port() for name in PORTS}
    catalogue = varied(lambda data: data["stack"].update(ports=ports))
    locate = partial(native, data=str(tmp_path / "data"), config=str(tmp_path / layout.PROVISIONING))
    folder = write(render(JaegerRenderer(locate), catalogue), tmp_path)
    (tmp_path / "data" / "jaeger").mkdir(parents=True)
    with start_jaeger(folder / CONFIG, tmp_path, version=version) as jaeger:
        assert ask(ports["jaeger_health"], tmp_path, "/status")["healthy"] is True
        strategy = ask(ports["jaeger_sampling"], tmp_path, "/sampling?service=risk-manager")
        assert strategy["probabilisticSampling"] == {"samplingRate": 0.1}
        send(ports["otlp_http"], tmp_path)
        jaeger.stop(signal.SIGKILL)
        jaeger.start()
        found = wait_for("the trace is back", lambda: jaeger.get(f"/api/v3/traces/{TRACE}"), log=jaeger.log_tail)
        assert "check limit" in found
        send(ports["otlp_http"], tmp_path)
        counted = wait_for(
            "spans are counted",
            lambda: [
                line
                for line in beside(ports["span_metrics"], tmp_path).get("/metrics").splitlines()
                if line.startswith("traces_span_metrics_calls_total{")
            ],
            log=jaeger.log_tail,
        )
        assert 'service_name="risk-manager"' in counted[0]


CASSANDRA = {
    "engine": "cassandra", "servers": ["cassandra-1:9042", "cassandra-2:9042"], "datacenter": "ld4",
    "username": "jaeger", "password_file": "/run/secrets/cassandra",
}  # fmt: skip


def with_cassandra(more: dict[str, Any], **stack: Any) -> Catalogue:
    return varied(lambda data: data["stack"].update(traces={**CASSANDRA, **more}, **stack))


@pytest.mark.parametrize(("copies", "consistency"), [(1, "LOCAL_ONE"), (2, "LOCAL_ONE"), (3, "LOCAL_QUORUM")])
def test_a_span_is_acknowledged_by_most_where_one_of_them_may_die(copies: int, consistency: str) -> None:
    config = configuration(with_cassandra({"replication": copies}))
    cassandra = config["extensions"]["jaeger_storage"]["backends"]["traces"]["cassandra"]
    assert cassandra["query"]["consistency"] == consistency
    assert cassandra["schema"]["replication_factor"] == copies
    assert cassandra["schema"]["trace_ttl"] == "72h"


def test_the_password_stays_in_its_file() -> None:
    text = render(JaegerRenderer(), with_cassandra({}))[CONFIG]
    assert "${file:/run/secrets/cassandra}" in text
    services = yaml.safe_load(render(ComposeRenderer(), with_cassandra({}))[layout.COMPOSE])["services"]
    assert services["jaeger"]["secrets"] == ["cassandra"]


def test_several_of_them_have_one_name_together_and_are_scraped_each() -> None:
    catalogue = with_cassandra({"replicas": 3})
    document = yaml.safe_load(render(ComposeRenderer(), catalogue)[layout.COMPOSE])
    found = {name: part for name, part in document["services"].items() if name.startswith("jaeger")}
    assert list(found) == ["jaeger", "jaeger-b", "jaeger-c"]
    for number, part in enumerate(found.values()):
        assert part["networks"]["default"]["aliases"] == ["jaeger-any"]
        assert part["volumes"] == ["./provisioning/jaeger:/etc/jaeger:ro"]
        assert ("ports" in part) == (number == 0)
        assert ("jaeger" in part["depends_on"]) == (number > 0)
    assert "jaeger" not in document["volumes"]
    assert "badger" not in str(document["services"]["prepare"])
    jobs = yaml.safe_load(render(PrometheusRenderer(), catalogue)[f"{layout.PROMETHEUS}/prometheus.yml"])
    (spans,) = [job for job in jobs["scrape_configs"] if job["job_name"] == "span-metrics"]
    assert spans["static_configs"][0]["targets"] == ["jaeger:8889", "jaeger-b:8889", "jaeger-c:8889"]
    sources = render(GrafanaRenderer(), catalogue)
    assert any("http://jaeger-any:16686" in text for text in sources.values())


def test_in_a_cluster_it_needs_no_volume_and_may_leave_the_namespace(tmp_path: Path) -> None:
    files = render(KubernetesRenderer(), with_cassandra({"replicas": 3}, kubernetes={}))
    found = [yaml.load(text, yaml.CSafeLoader) for path, text in files.items() if path.endswith(".yaml")]
    (pods,) = [
        each
        for each in found
        if each.get("metadata", {}).get("name") == "jaeger" and "template" in each.get("spec", {})
    ]
    assert pods["kind"] == "Deployment"
    assert pods["spec"]["replicas"] == 1
    assert "/run/secrets" in str(pods)
    (locked,) = [each for each in found if each.get("metadata", {}).get("name") == "locked-in"]
    assert "jaeger" not in str(locked["spec"]["podSelector"])


@pytest.mark.needs("jaeger")
def test_a_real_jaeger_takes_every_setting(tmp_path: Path) -> None:
    for name in ("cassandra", "ca", "cert", "key"):
        (tmp_path / name).write_text("word", encoding="utf-8")
    tls = {"ca_file": str(tmp_path / "ca"), "cert_file": str(tmp_path / "cert"), "key_file": str(tmp_path / "key")}
    more = {"tls": {**tls, "server_name": "traces"}, "password_file": str(tmp_path / "cassandra"), "create": False}
    for case, given in enumerate(({}, more)):
        folder = write(
            render(JaegerRenderer(), with_cassandra({"password_file": more["password_file"], **given})), tmp_path
        )
        command: list[str | Path] = [find("jaeger").path, "validate", "--config", folder / CONFIG]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (case, done.stderr)


def beside(port: int, folder: Path) -> Server:
    """Another port of the running server."""
    return Server("jaeger", [], port, "/", folder)


def send(port: int, folder: Path) -> None:
    """A span, once the port for spans is open: it is the last one."""
    wait_for("the span is taken", lambda: beside(port, folder).post("/v1/traces", span()))


def ask(port: int, folder: Path, path: str) -> Any:
    return wait_for(f"port {port} answers", lambda: beside(port, folder).get_json(path))
