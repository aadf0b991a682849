"""The scraped services: each listens on its own port and answers as a real one does."""

from __future__ import annotations

import json
import selectors
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from tapewatch.simulating.values import Clock, Series, Values
from tapewatch_sdk.families import Family, MetricType

__all__ = ["WEBHOOK", "Answers", "Listening", "Port", "registry"]

WEBHOOK = "/api/alerts/webhook"
"""Where the history takes Alertmanager's messages; the sample's receivers point there."""

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of a message that are read at most; Alertmanager's largest is some hundred alerts of a kilobyte each."""

REQUEST_TIMEOUT = 10.0
"""Seconds that a client may keep silent in the midst of a request."""


def registry(values: Values, clock: Clock) -> CollectorRegistry:
    """A registry that collects what a service measures at the moment of the scrape."""
    made = CollectorRegistry()
    made.register(_Measured(values, clock))
    return made


class _Measured(Collector):
    def __init__(self, values: Values, clock: Clock) -> None:
        self._values = values
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        for family, series in self._values.at(self._clock.uptime()):
            yield _metric(family, series)


def _metric(family: Family, series: Sequence[Series]) -> Metric:
    """A family in prometheus-client's form. Its unit is not passed on: OpenMetrics would want it in the name."""
    name, text, labels = family.name, family.help or family.name, family.labels
    match family.type:
        case MetricType.COUNTER:
            counter = CounterMetricFamily(name, text, labels=labels)
            for each in series:
                counter.add_metric(each.labels, each.value)
            return counter
        case MetricType.GAUGE:
            gauge = GaugeMetricFamily(name, text, labels=labels)
            for each in series:
                gauge.add_metric(each.labels, each.value)
            return gauge
        case MetricType.HISTOGRAM:
            bounds = [*map(floatToGoString, family.buckets), "+Inf"]
            histogram = HistogramMetricFamily(name, text, labels=labels)
            for each in series:
                histogram.add_metric(each.labels, list(zip(bounds, each.counts, strict=True)), each.value)
            return histogram
        case MetricType.SUMMARY:
            summary = SummaryMetricFamily(name, text, labels=labels)
            for each in series:
                summary.add_metric(each.labels, each.counts[-1], each.value)
            return summary


@dataclass(frozen=True)
class Answers:
    """What a service answers.

    Parameters:
        service: its name.
        metrics: path of its metrics.
        registry: what stands there.
        take_alerts: takes a message of Alertmanager; None when the service has no webhook.
    """

    service: str
    metrics: str
    registry: CollectorRegistry
    take_alerts: Callable[[Mapping[str, Any]], None] | None = field(default=None)


class Port(ThreadingHTTPServer):
    """One bound port of a service.

    Parameters:
        listen: IP address or host name to bind.
        port: the port.
        answers: what is answered there.

    Raises:
        OSError: the port cannot be bound.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, listen: str, port: int, answers: Answers) -> None:
        self.answers = answers
        self.address_family = socket.AF_INET6 if ":" in listen else socket.AF_INET
        super().__init__((listen, port), _Handler)

    def server_bind(self) -> None:
        """Binds, and does not ask DNS for this machine's name as `HTTPServer` does: that can take many seconds."""
        TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away in the midst of an answer is no news; anything else is a bug, and shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Listening:
    """Answers on all ports, from one thread, as long as its `with` block lasts; the end takes no time.

    Parameters:
        ports: bound ports; they are closed at the end.
    """

    def __init__(self, ports: Sequence[Port]) -> None:
        self._ports = ports
        self._wake, self._woken = socket.socketpair()
        self._thread = Thread(target=self._accept, name="listening", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake.close()
        self._thread.join()
        self._woken.close()
        for port in self._ports:
            port.server_close()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for port in self._ports:
                port.socket.setblocking(False)  # a client may be gone again before it is accepted
                selector.register(port.socket, selectors.EVENT_READ, port)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    _answer(key.data)


def _answer(port: Port) -> None:
    """Hands the next connection to a thread of its own."""
    try:
        request, client = port.get_request()
    except OSError:
        return
    port.process_request(request, client)


class _Handler(BaseHTTPRequestHandler):
    server: Port
    timeout = REQUEST_TIMEOUT

    def do_GET(self) -> None:
        answers = self.server.answers
        match self.path.partition("?")[0]:
            case answers.metrics:
                encode, kind = choose_encoder(self.headers.get("Accept", ""))
                self._send(200, encode(answers.registry), kind)
            case "/health":
                self._send_json(200, {"status": "ok", "service": answers.service})
            case "/ready":
                self._send_json(200, {"status": "ready", "service": answers.service})
            case path:
                self._send_json(404, {"error": f"nothing is at {path}"})

    def do_POST(self) -> None:
        take = self.server.answers.take_alerts
        if take is None or self.path.partition("?")[0] != WEBHOOK:
            self._send_json(404, {"error": f"nothing takes a POST at {self.path}"})
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_LIMIT:
            self._send_json(400, {"error": f"the body must have a length, of {BODY_LIMIT} bytes at most"})
            return
        try:
            take(json.loads(self.rfile.read(int(length))))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._send_json(400, {"error": f"this is no message of Alertmanager: {error!r}"})
        else:
            self._send_json(200, {"status": "ok"})

    def _send_json(self, status: int, body: Mapping[str, str]) -> None:
        self._send(status, json.dumps(body).encode() + b"\n", "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        """Says nothing: there is a request for each service every few seconds."""
