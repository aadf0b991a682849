"""jaeger.yml and the sampling strategies."""

from __future__ import annotations

import json
import signal
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
from tapewatch.renderers.jaeger import JaegerRenderer
from tapewatch.renderers.where import native

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
        beside(ports["otlp_http"], tmp_path).post("/v1/traces", span())
        jaeger.stop(signal.SIGKILL)
        jaeger.start()
        found = wait_for("the trace is back", lambda: jaeger.get(f"/api/v3/traces/{TRACE}"), log=jaeger.log_tail)
        assert "check limit" in found
        beside(ports["otlp_http"], tmp_path).post("/v1/traces", span())
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


def beside(port: int, folder: Path) -> Server:
    """Another port of the running server."""
    return Server("jaeger", [], port, "/", folder)


def ask(port: int, folder: Path, path: str) -> Any:
    return wait_for(f"port {port} answers", lambda: beside(port, folder).get_json(path))
