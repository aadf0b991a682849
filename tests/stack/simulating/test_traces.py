"""One signal of the sample platform, found in a real Jaeger and, by the ids that it has there, in a real Loki."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read

from support.rendering import render, varied, write
from support.servers import Server, free_port, start_jaeger, start_loki
from support.simulated import NOWHERE, Sample
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.renderers.jaeger import JaegerRenderer
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.where import native
from tapewatch.simulating.services.execution import REASONS

pytestmark = pytest.mark.needs("jaeger", "loki")

WAY = ("market-data", "signal-bridge", "risk-manager", "execution-engine", "position-tracker")
"""The services of a signal, in its order."""

PORTS = (
    "jaeger", "jaeger_grpc", "jaeger_health", "jaeger_metrics", "jaeger_sampling", "otlp_grpc", "otlp_http",
    "span_metrics",
)  # fmt: skip


@dataclass
class Traced:
    """The platform with both."""

    sample: Sample
    simulate: Server
    jaeger: Server
    loki: Server

    def spans(self) -> list[dict[str, Any]]:
        """The spans of the first signal that went all the way; none as long as there is no such."""
        spans = self.of_order("fill taken")
        return spans if {span["service"] for span in spans} >= {*WAY} else []

    def of_order(self, message: str, **fields: str) -> list[dict[str, Any]]:
        """The spans of the trace in which a log line was written first; none as long as there is no such line."""
        told = (json.loads(line) for line in self.simulate.log().splitlines() if line.startswith("{"))
        wanted = {"message": message, **fields}
        trace = next((each["trace_id"] for each in told if wanted.items() <= each.items()), "")
        found = self.jaeger.get_json(f"/api/v3/traces/{trace}")["result"]["resourceSpans"] if trace else []
        spans = []
        for resource in found:
            names = {each["key"]: each["value"].get("stringValue") for each in resource["resource"]["attributes"]}
            for scope in resource["scopeSpans"]:
                spans += [{**span, "service": names["service.name"]} for span in scope["spans"]]
        return spans

    def lines(self, trace: str) -> dict[str, dict[str, Any]]:
        """By service, the log lines of a trace, once all services have told theirs."""
        query = quote(f'{{service=~".+"}} | trace_id="{trace}"')
        found = self.loki.get_json(f"/loki/api/v1/query_range?query={query}&limit=100")["data"]["result"]
        by_service = {each["stream"]["service"]: each["stream"] for each in found}
        return by_service if by_service.keys() >= {*WAY} else {}

    def log(self) -> str:
        """What the platform says, for a failure."""
        return "\n".join(line[:300] for line in self.simulate.log().splitlines()[-30:])


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    folder = tmp_path_factory.mktemp("traced")
    ports = {name: free_port() for name in PORTS}
    catalogue = varied(lambda data: data["stack"].update(ports=ports))
    locate = partial(native, data=str(folder / "data"), config=str(folder / layout.PROVISIONING))
    write({**render(JaegerRenderer(locate), catalogue), **render(LokiRenderer(locate), catalogue)}, folder)
    (folder / "data" / "jaeger").mkdir(parents=True)
    home = folder / "project"
    home.mkdir()
    sample = Sample(home)
    text = (home / "catalogue.yaml").read_text(encoding="utf-8")
    (home / "catalogue.yaml").write_text(text.replace("sampling: 0.1", "sampling: 1.0"), encoding="utf-8")
    with ExitStack() as stack:
        jaeger = stack.enter_context(start_jaeger(folder / layout.JAEGER / "jaeger.yml", folder))
        loki = stack.enter_context(start_loki(folder / layout.LOKI / "loki.yml", folder))
        sample.environ = {
            **sample.environ,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{ports['otlp_http']}/v1/traces",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{loki.url}/otlp/v1/logs",
        }
        simulate = stack.enter_context(sample.server(f"--push-url={NOWHERE}", "--fault=rejections").start())
        yield Traced(sample, simulate, jaeger, loki)


def test_a_trace_goes_through_five_services_each_below_the_one_before(traced: Traced) -> None:
    spans = wait_for("a signal went all the way", traced.spans, 60, traced.log)

    services = {span["spanId"]: span["service"] for span in spans}
    steps = {(services.get(span.get("parentSpanId", ""), ""), span["service"]) for span in spans}
    assert {(before, after) for before, after in steps if before != after} == set(zip(("", *WAY), WAY, strict=False))
    begins = {
        service: min(int(span["startTimeUnixNano"]) for span in spans if span["service"] == service) for service in WAY
    }
    assert sorted(WAY, key=begins.__getitem__) == [*WAY]


def test_every_service_on_the_way_has_log_lines_with_the_same_trace_and_correlation_id(traced: Traced) -> None:
    spans = wait_for("a signal went all the way", traced.spans, 60, traced.log)

    lines = wait_for("its log lines are in Loki", lambda: traced.lines(spans[0]["traceId"]), 60, traced.log)

    assert {*WAY} <= lines.keys()
    assert len({line["correlation_id"] for line in lines.values()}) == 1
    assert all(line["level"] == "info" and line["environment"] == "local" for line in lines.values())
    ids = {span["spanId"] for span in spans}
    assert all(line["span_id"] in ids for line in lines.values())


def test_the_time_to_place_an_order_shows_the_trace_of_one_as_an_exemplar(traced: Traced) -> None:
    wait_for("a signal went all the way", traced.spans, 60, traced.log)
    url = traced.sample.url("execution-engine", "/metrics")
    request = urllib.request.Request(url, headers={"Accept": "application/openmetrics-text"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        families = {family.name: family for family in read(answer.read().decode())}  # type: ignore[no-untyped-call]

    found = [sample.exemplar for sample in families["order_placement_latency_milliseconds"].samples if sample.exemplar]
    assert found
    trace = found[0].labels["trace_id"]
    spans = traced.jaeger.get_json(f"/api/v3/traces/{trace}")["result"]["resourceSpans"]
    assert len(spans) >= 4


def test_an_order_that_the_exchange_rejects_is_an_error_of_the_span_that_places_it(traced: Traced) -> None:
    def placing() -> list[dict[str, Any]]:
        return [span for span in traced.of_order("order placed", status="rejected") if span["name"] == "place order"]

    (span,) = wait_for("an order was rejected", placing, 60, traced.log)

    assert span["status"]["code"] == 2
    assert span["status"]["message"].endswith(REASONS)
