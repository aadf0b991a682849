"""A receiver for Alertmanager's webhook: an HTTP server in a thread that keeps what it was sent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from support.waiting import wait_for

__all__ = ["WebhookReceiver"]

Payload = dict[str, Any]


class WebhookReceiver:
    """Listens on a free loopback port as long as its `with` block lasts.

    Attributes:
        payloads: what came in, in the order of arrival; the keys are those of Alertmanager's webhook version 4.
        paths: the path of each request, in the same order.
        statuses: the HTTP status that each request was answered with, in the same order.
        times: when each request came, on the monotonic clock, in the same order.
        port: the port.
        url: where to send, such as `http://127.0.0.1:45678/`.
        status: the HTTP status that requests are answered with; 503 makes Alertmanager try again.
    """

    def __init__(self) -> None:
        self.payloads: list[Payload] = []
        self.paths: list[str] = []
        self.statuses: list[int] = []
        self.times: list[float] = []
        self.status = 200
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/"

    @property
    def accepted(self) -> list[Payload]:
        """The payloads that were answered with a status of success; the sender has no reason to send them again."""
        with self._lock:
            return [payload for payload, status in zip(self.payloads, self.statuses, strict=True) if status < 300]

    def take(self, path: str, payload: Payload) -> int:
        """Keeps what came in; gives the status to answer with."""
        with self._lock:
            self.paths.append(path)
            self.payloads.append(payload)
            self.statuses.append(self.status)
            self.times.append(time.monotonic())
            return self.statuses[-1]

    def wait_for(self, awaited: str, wanted: Callable[[Payload], bool], timeout: float = 30.0) -> Payload:
        """The first payload that is `wanted`, waiting for it when it is not there yet.

        Raises:
            AssertionError: none came within `timeout` seconds; the message shows the last payload that did.
        """

        def look() -> Payload | None:
            return next((payload for payload in list(self.payloads) if wanted(payload)), None)

        return wait_for(awaited, look, timeout, log=lambda: f"received so far: {self.payloads[-3:]}")

    def wait_for_alert(self, name: str, status: str = "firing", timeout: float = 30.0) -> Payload:
        """The first alert named `name` that came in with this status (`firing` or `resolved`)."""

        def matching(payload: Payload) -> list[Payload]:
            alerts = payload.get("alerts", [])
            return [alert for alert in alerts if (alert["labels"]["alertname"], alert["status"]) == (name, status)]

        payload = self.wait_for(f"{name} is delivered as {status}", lambda payload: bool(matching(payload)), timeout)
        return matching(payload)[0]

    def __enter__(self) -> Self:
        # A short poll: stopping waits for the next one.
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(receiver: WebhookReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(receiver.take(self.path, json.loads(body)))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Says nothing: the payloads are kept, and a log line for each would drown the test's own output."""

    return Handler
