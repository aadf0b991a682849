"""A backend in a thread: keeps what is posted to it, and answers as it is told to."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

import cramjam
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from support.servers import free_port
from tapewatch_sdk.exporters._write_request import WriteRequest

__all__ = ["Backend", "points", "series"]


class Backend:
    """Listens on a loopback port as long as its `with` block lasts.

    Attributes:
        bodies: of the requests that were answered with 200.
        statuses: what each request was answered with.
        times: when they came, in seconds of the monotonic clock.
        headers: of the last one, names in lower case.
        status, answer, answer_headers: what requests are answered with.
        raw: these bytes alone are answered, whatever else is set.
        delay: seconds until the answer.
    """

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.statuses: list[int] = []
        self.times: list[float] = []
        self.headers: dict[str, str] = {}
        self.status = 200
        self.answer = b""
        self.answer_headers: dict[str, str] = {}
        self.raw = b""
        self.delay = 0.0
        self.port = free_port()

    @property
    def otlp(self) -> str:
        """Where it takes OTLP."""
        return f"http://127.0.0.1:{self.port}/v1/metrics"

    @property
    def write(self) -> str:
        """Where it takes remote write."""
        return f"http://127.0.0.1:{self.port}/api/v1/write"

    def start(self) -> Self:
        """Listens."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        """Listens no more."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def points(body: bytes) -> dict[str, list[dict[str, Any]]]:
    """The points of an OTLP request by the metric's name, each with its attributes as a plain dictionary."""
    found: dict[str, list[dict[str, Any]]] = {}
    request = MessageToDict(ExportMetricsServiceRequest.FromString(body))
    for metric in request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]:
        for kind in ("sum", "gauge", "histogram", "summary"):
            for point in metric.get(kind, {}).get("dataPoints", ()):
                attributes = {each["key"]: each["value"]["stringValue"] for each in point["attributes"]}
                found.setdefault(metric["name"], []).append({**point, "attributes": attributes})
    return found


def series(body: bytes) -> dict[str, list[tuple[dict[str, str], float, int]]]:
    """The series of a remote write request by name: labels, value and time in milliseconds."""
    found: dict[str, list[tuple[dict[str, str], float, int]]] = {}
    for each in WriteRequest.FromString(bytes(cramjam.snappy.decompress_raw(body))).timeseries:
        labels = {label.name: label.value for label in each.labels}
        (sample,) = each.samples
        found.setdefault(labels.pop("__name__"), []).append((labels, sample.value, sample.timestamp))
    return found


def _handler(backend: Backend) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            backend.headers = {name.lower(): value for name, value in self.headers.items()}
            backend.times.append(time.monotonic())
            backend.statuses.append(backend.status)
            if backend.status == 200:
                backend.bodies.append(body)
            time.sleep(backend.delay)
            try:
                self._answer()
            except OSError:  # the client did not wait so long
                self.close_connection = True

        def _answer(self) -> None:
            if backend.raw:
                self.wfile.write(backend.raw)
                return
            self.send_response(backend.status)
            for name, value in backend.answer_headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(backend.answer)))
            self.end_headers()
            self.wfile.write(backend.answer)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Says nothing."""

    return Handler
