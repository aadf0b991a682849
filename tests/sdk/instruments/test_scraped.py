"""A real Prometheus scrapes our registry, in both formats, exemplars included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import prometheus_client
import pytest

from support.servers import Server, start_prometheus
from support.waiting import wait_for
from tapewatch_sdk.instruments import (
    CONTENT_TYPE_OPENMETRICS,
    CONTENT_TYPE_TEXT,
    MetricsRegistry,
    generate_openmetrics,
    generate_text,
)

pytestmark = pytest.mark.needs("prometheus")

SYMBOL = 'BTC "\\" ü\n→'

FORMATS = {"text": (CONTENT_TYPE_TEXT, generate_text), "openmetrics": (CONTENT_TYPE_OPENMETRICS, generate_openmetrics)}


@contextmanager
def served(registry: MetricsRegistry) -> Iterator[int]:
    """The registry under `/text` and `/openmetrics`; gives the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content_type, write = FORMATS[self.path.strip("/")]
            body = write(registry)
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def config(port: int) -> str:
    job = "  - {{job_name: {0}, metrics_path: /{0}, static_configs: [{{targets: ['127.0.0.1:{1}']}}]}}\n"
    return "global: {scrape_interval: 1s}\nscrape_configs:\n" + "".join(job.format(name, port) for name in FORMATS)


def answer(prometheus: Server, query: str) -> list[Any]:
    found = prometheus.get_json("/api/v1/query?" + urlencode({"query": query}))["data"]["result"]
    return [(one["metric"], one["value"][1]) for one in found]


def test_prometheus_stores_what_our_registry_has(tmp_path: Path) -> None:
    registry = MetricsRegistry("live")
    registry.counter("orders", "Orders sent.", ["symbol"]).inc(3, {"symbol": SYMBOL})
    registry.gauge("position").set(-1_234_567.5)
    latency = registry.histogram("wait_seconds", "How long.", buckets=[0.1, 1])
    latency.observe(0.5, exemplar={"trace_id": "4bf92f3577b34da6"})
    latency.observe(5)
    target: Any = registry
    prometheus_client.Gauge("theirs", "", registry=target).set(8)

    with served(registry) as port, start_prometheus(
        config(port), tmp_path, "--enable-feature=exemplar-storage"
    ) as prometheus:  # fmt: skip
        for job in FORMATS:
            up = f'up{{job="{job}"}} == 1'
            wait_for(f"Prometheus has scraped /{job}", partial(answer, prometheus, up), log=prometheus.log_tail)
            series = {
                (metric["__name__"], metric.get("symbol"), metric.get("le")): number
                for metric, number in answer(prometheus, f'{{job="{job}", __name__=~"live_.*|theirs"}}')
            }
            assert series == {
                ("live_orders_total", SYMBOL, None): "3",
                ("live_position", None, None): "-1234567.5",
                ("live_wait_seconds_bucket", None, "0.1"): "0",
                ("live_wait_seconds_bucket", None, "1.0"): "1",
                ("live_wait_seconds_bucket", None, "+Inf"): "2",
                ("live_wait_seconds_count", None, None): "2",
                ("live_wait_seconds_sum", None, None): "5.5",
                ("theirs", None, None): "8",
            }
        kinds = prometheus.get_json("/api/v1/targets/metadata?metric=live_wait_seconds")["data"]
        found = prometheus.get_json(
            "/api/v1/query_exemplars?" + urlencode({"query": "live_wait_seconds_bucket", "start": 0, "end": 4e9})
        )["data"]

    assert {kind["type"] for kind in kinds} == {"histogram"}
    assert [(one["seriesLabels"]["job"], one["exemplars"][0]["labels"]) for one in found] == [
        ("openmetrics", {"trace_id": "4bf92f3577b34da6"})
    ]
