"""An OTLP receiver in a thread: takes spans and log records as a backend does, and answers as it is told to."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from support.servers import free_port

__all__ = ["OtlpReceiver", "values"]


class OtlpReceiver:
    """Listens on a loopback port as long as its `with` block lasts.

    Parameters:
        port: the port; a free one by default.

    Attributes:
        spans: the spans that were taken, as dictionaries, each with its `resource`.
        records: the log records, likewise.
        requests: how many requests came, taken or not.
        headers: the headers of the last one.
        status: what requests are answered with; only with 200 anything is taken.
        delay: seconds until the answer.
    """

    def __init__(self, port: int | None = None) -> None:
        self.spans: list[dict[str, Any]] = []
        self.records: list[dict[str, Any]] = []
        self.requests = 0
        self.headers: dict[str, str] = {}
        self.status = 200
        self.delay = 0.0
        self.port = port or free_port()
        self.traces_url = f"http://127.0.0.1:{self.port}/v1/traces"
        self.logs_url = f"http://127.0.0.1:{self.port}/v1/logs"

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def names(self) -> list[str]:
        """The names of all spans, in the order in which they came."""
        return [span["name"] for span in self.spans]

    def span(self, name: str) -> dict[str, Any]:
        """The one span of this name."""
        (found,) = [span for span in self.spans if span["name"] == name]
        return found

    def take(self, path: str, body: bytes) -> None:
        """Keeps what came in."""
        if path == "/v1/traces":
            traces = MessageToDict(ExportTraceServiceRequest.FromString(body))
            for each in traces.get("resourceSpans", []):
                for scope in each["scopeSpans"]:
                    self.spans += [{**span, "resource": values(each["resource"])} for span in scope["spans"]]
        else:
            logs = MessageToDict(ExportLogsServiceRequest.FromString(body))
            for each in logs.get("resourceLogs", []):
                for scope in each["scopeLogs"]:
                    self.records += [{**one, "resource": values(each["resource"])} for one in scope["logRecords"]]


def values(holder: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a span, a record or a resource, by name."""
    return {each["key"]: next(iter(each["value"].values())) for each in holder.get("attributes", [])}


def _handler(receiver: OtlpReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.requests += 1
            receiver.headers = {name.lower(): value for name, value in self.headers.items()}
            time.sleep(receiver.delay)
            status = receiver.status
            if status == 200:
                receiver.take(self.path, body)
            try:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:  # the client did not wait so long
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Says nothing."""

    return Handler
