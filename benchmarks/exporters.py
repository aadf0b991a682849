"""What a push costs, in a background thread, against OpenTelemetry's SDK and a scrape of prometheus-client's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from timeit import repeat

import prometheus_client
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from _measure import Figure, median, used_by
from tapewatch_sdk.exporters._otlp_request import OtlpConnection
from tapewatch_sdk.exporters._reading import Reader
from tapewatch_sdk.exporters._write_request import WriteConnection
from tapewatch_sdk.exporters.contract import Destination
from tapewatch_sdk.exporters.statsd import StatsdConnection
from tapewatch_sdk.instruments import MetricsRegistry

SERVICE = {"service": "benchmark", "team": "platform", "environment": "test"}
FAMILIES, SYMBOLS = 10, 1_000
"""10,000 counters, each with two labels of its own."""

OTLP_LIMIT = 0.3
"""Of what OpenTelemetry's SDK takes for as many."""

NOBODY = Destination("http://127.0.0.1:9/v1/metrics")


def run() -> list[Figure]:
    """Milliseconds for 10,000 series, the best of seven rounds; ratios within this run; an import's time."""
    reader = Reader(_ours(), SERVICE)
    by_otlp, by_write, by_statsd = OtlpConnection(NOBODY), WriteConnection(NOBODY), StatsdConnection("127.0.0.1", 9)
    otlp = _milliseconds(lambda: by_otlp.encoded(reader.read()))
    write = _milliseconds(lambda: by_write.encoded(reader.read()))
    statsd = _milliseconds(lambda: list(by_statsd.packets(reader.read())))
    opentelemetry, scrape = _milliseconds(_opentelemetry()), _milliseconds(_scrape())
    return [
        Figure("read 10,000 series", _milliseconds(reader.read), "ms"),
        Figure("read and encode them for OTLP", otlp, "ms"),
        Figure("  against OpenTelemetry's SDK", otlp / opentelemetry, "", OTLP_LIMIT),
        Figure("  against a scrape of prometheus-client", otlp / scrape, ""),
        Figure("read and encode them for remote write", write, "ms"),
        Figure("  against a scrape of prometheus-client", write / scrape, ""),
        Figure("read and encode them for StatsD", statsd, "ms"),
        Figure("import tapewatch_sdk.exporters", _import("tapewatch_sdk.exporters") - _import("sys"), "ms"),
    ]


def _ours() -> MetricsRegistry:
    registry = MetricsRegistry(series_budget=SYMBOLS)
    for number in range(FAMILIES):
        counter = registry.counter(f"orders_{number}", labels=["symbol", "venue"])
        for symbol in range(SYMBOLS):
            counter.inc(symbol + 0.5, {"symbol": f"S{symbol}", "venue": "kraken"})
    return registry


def _opentelemetry() -> Callable[[], object]:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("benchmark")
    for number in range(FAMILIES):
        counter = meter.create_counter(f"orders_{number}")
        for symbol in range(SYMBOLS):
            counter.add(symbol + 0.5, {"symbol": f"S{symbol}", "venue": "kraken", **SERVICE})

    def push() -> bytes:
        found = reader.get_metrics_data()
        assert found is not None
        return bytes(encode_metrics(found).SerializeToString())

    return push


def _scrape() -> Callable[[], object]:
    registry = prometheus_client.CollectorRegistry()
    for number in range(FAMILIES):
        counter = prometheus_client.Counter(f"orders_{number}", "", ["symbol", "venue"], registry=registry)
        for symbol in range(SYMBOLS):
            counter.labels(f"S{symbol}", "kraken").inc(symbol + 0.5)
    return lambda: prometheus_client.generate_latest(registry)


def _milliseconds(call: Callable[[], object]) -> float:
    call()
    return 1000 * min(repeat(call, number=1, repeat=7))


def _import(module: str) -> float:
    return 1000 * median(lambda: used_by([sys.executable, "-c", f"import {module}"], Path.cwd()).seconds)
