"""One piece of work in two processes, in a real Jaeger and a real Loki: a trace over both, and the lines of each."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest

from sdk.tracing.otlp_receiver import values
from support.rendering import render, varied, write
from support.servers import Server, free_port, start_jaeger, start_loki
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.renderers.jaeger import JaegerRenderer
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.where import native
from tapewatch_sdk import tracing

pytestmark = pytest.mark.needs("jaeger", "loki")

PORTS = (
    "jaeger", "jaeger_grpc", "jaeger_health", "jaeger_metrics", "jaeger_sampling", "loki", "loki_grpc", "otlp_grpc",
    "otlp_http", "span_metrics",
)  # fmt: skip

CALLED = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from tapewatch_sdk import logs, tracing

# It would keep no trace of its own accord: the caller's decision holds.
tracing.configure("execution-engine", team="trading", environment="test", sampling=0.0)
logs.configure_logs("execution-engine", "test", stdout=False)
log = logs.get_logger("orders")

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        with tracing.continued(self.headers), tracing.span("place order", kind="server", symbol="BTC-USD"):
            log.warning("order placed", extra={"order": "o-17", "api_key": "abc"})
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments):
        pass

server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.handle_request()
"""

CALLING = """
import http.client, sys
from tapewatch_sdk import logs, tracing

tracing.configure("risk-manager", team="risk", environment="test", sampling=1.0)
logs.configure_logs("risk-manager", "test", stdout=False)
log = logs.get_logger("limits")

with tracing.correlated("c-17"), tracing.span("check order", kind="client") as step:
    log.info("order passed")
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    connection.request("POST", "/orders", headers=tracing.inject())
    assert connection.getresponse().status == 204
    print(tracing.current().trace_id)
"""


@dataclass(frozen=True)
class Backends:
    """A running Jaeger and a running Loki, with the project's own configuration."""

    jaeger: Server
    loki: Server
    traces_url: str
    logs_url: str


@pytest.fixture(scope="module")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    tmp_path = tmp_path_factory.mktemp("backends")
    ports = {name: free_port() for name in PORTS}
    catalogue = varied(lambda data: data["stack"].update(ports=ports))
    locate = partial(native, data=str(tmp_path / "data"), config=str(tmp_path / layout.PROVISIONING))
    files = {**render(JaegerRenderer(locate), catalogue), **render(LokiRenderer(locate), catalogue)}
    folder = write(files, tmp_path)
    (tmp_path / "data" / "jaeger").mkdir(parents=True)
    with (
        start_jaeger(folder / f"{layout.JAEGER}/jaeger.yml", tmp_path) as jaeger,
        start_loki(folder / f"{layout.LOKI}/loki.yml", tmp_path) as loki,
    ):
        yield Backends(jaeger, loki, f"http://127.0.0.1:{ports['otlp_http']}/v1/traces", f"{loki.url}/otlp/v1/logs")


def begin(code: str, backends: Backends, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": backends.traces_url,
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": backends.logs_url,
    }
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )


def spans(jaeger: Server, trace: str) -> dict[str, dict[str, Any]]:
    """The spans of a trace by name, each with its resource's attributes."""
    parts = jaeger.get_json(f"/api/v3/traces/{trace}")["result"]["resourceSpans"]
    return {
        one["name"]: {**one, "resource": values(part["resource"])}
        for part in parts
        for scope in part["scopeSpans"]
        for one in scope["spans"]
    }


def lines(loki: Server, service: str, trace: str) -> list[dict[str, Any]]:
    """The lines of a service in a trace, as Grafana's link from the trace asks for them."""
    query = quote(f'{{service="{service}"}} | trace_id="{trace}"')
    streams = loki.get_json(f"/loki/api/v1/query_range?query={query}")["data"]["result"]
    return [{**stream["stream"], "line": value[1]} for stream in streams for value in stream["values"]]


def test_one_piece_of_work_is_one_trace_with_the_lines_of_both_processes(backends: Backends) -> None:
    called = begin(CALLED, backends)
    assert called.stdout is not None
    calling = begin(CALLING, backends, called.stdout.readline().strip())
    trace = calling.communicate(timeout=60)[0].strip()
    called.communicate(timeout=60)
    assert (calling.returncode, called.returncode) == (0, 0)

    found = wait_for(
        "both spans are in Jaeger",
        lambda: both if len(both := spans(backends.jaeger, trace)) == 2 else None,
        log=backends.jaeger.log_tail,
    )
    check, place = found["check order"], found["place order"]
    assert place["parentSpanId"] == check["spanId"]
    assert (check["kind"], place["kind"]) == (3, 2)
    assert values(place) == {"symbol": "BTC-USD"}
    assert {"service": "execution-engine", "team": "trading", "environment": "test"}.items() <= place[
        "resource"
    ].items()
    assert check["resource"]["service.name"] == "risk-manager"

    def seen(service: str) -> list[dict[str, Any]]:
        return wait_for(
            f"the line of {service} is in Loki",
            lambda: lines(backends.loki, service, trace),
            log=backends.loki.log_tail,
        )

    (passed,), (placed,) = seen("risk-manager"), seen("execution-engine")
    assert (passed["line"], passed["level"], passed["logger"]) == ("order passed", "info", "limits")
    assert (placed["line"], placed["level"], placed["order"]) == ("order placed", "warning", "o-17")
    assert placed["api_key"] == "[redacted]"
    assert passed["span_id"] == check["spanId"]
    assert placed["span_id"] == place["spanId"]
    assert passed["correlation_id"] == placed["correlation_id"] == "c-17"
    labels = backends.loki.get_json("/loki/api/v1/labels")["data"]
    assert labels == ["environment", "level", "service"]


def test_spans_of_a_time_without_jaeger_arrive_when_it_is_back(backends: Backends) -> None:
    running = tracing.configure("risk-manager", sampling=1.0, endpoint=backends.traces_url)
    backends.jaeger.stop()
    with tracing.span("meanwhile"):
        here = tracing.current()
    assert here is not None
    wait_for("a try has failed", lambda: running.counts.failures)
    backends.jaeger.start()

    assert running.flush(60)
    assert running.counts.dropped == 0
    running.close()
    wait_for(
        "the span is in Jaeger",
        lambda: "meanwhile" in spans(backends.jaeger, here.trace_id),
        log=backends.jaeger.log_tail,
    )


def test_a_line_that_loki_takes_for_too_old_is_refused_and_the_next_one_arrives(backends: Backends) -> None:
    code = (
        "import logging, json\n"
        "from tapewatch_sdk import logs\n"
        "running = logs.configure_logs('live-trading', 'test', stdout=False)\n"
        "old = logging.makeLogRecord({'name': 'a', 'levelno': 20, 'msg': 'old', 'created': 1.7e9})\n"
        "logging.getLogger().handle(old)\n"
        "running.flush()\n"
        "logging.getLogger().warning('new')\n"
        "running.flush()\n"
        "print(json.dumps([running.sent.sent, running.sent.refused]))\n"
    )
    told = begin(code, backends).communicate(timeout=60)[0]

    assert json.loads(told) == [1, 1]
