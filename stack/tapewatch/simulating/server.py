"""A simulated service's ports: `/metrics`, `/health`, `/ready`, and what its actors answer."""

from __future__ import annotations

import json
import selectors
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from tapewatch.simulating.meters import Meters
from tapewatch.simulating.scene import Handler, Refused
from tapewatch_sdk import tracing

__all__ = ["Answers", "Listening", "Port"]

BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of a message that are read at most; Alertmanager's largest is some hundred alerts of a kilobyte each."""

IDLE_TIMEOUT = 120.0
"""Seconds that a client may keep silent, in the midst of a request as well as between two."""

BEGINS_WITHIN = 1.5
"""Seconds that a message waits for the service to begin; less than its sender has patience."""


@dataclass(frozen=True)
class Answers:
    """What a service answers.

    Parameters:
        service: its name.
        metrics: path of its metrics.
        meters: what stands there.
        routes: what else it answers, by method and path.
        unready: gives why it cannot work; empty when it can.
        begun: set once the service knows all that it must; what would change it waits until then.
    """

    service: str
    metrics: str
    meters: Meters
    routes: Mapping[tuple[str, str], Handler] = field(default_factory=dict)
    unready: Callable[[], str] = lambda: ""
    begun: Event = field(default_factory=Event)


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
    request_queue_size = 64

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
    timeout = IDLE_TIMEOUT
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body go out together

    def do_GET(self) -> None:
        answers = self.server.answers
        match self._path:
            case answers.metrics:
                self._send(200, *answers.meters.exposed(self.headers.get("Accept", "")))
            case "/health":
                self._send_json(200, {"status": "ok", "service": answers.service})
            case "/ready":
                reason = answers.unready() if answers.begun.is_set() else "it begins"
                state = {"status": "not ready", "reason": reason} if reason else {"status": "ready"}
                self._send_json(503 if reason else 200, {**state, "service": answers.service})
            case _:
                self._route({})

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_LIMIT:
            self.close_connection = True
            self._send_json(400, {"error": f"the body must have a length, of {BODY_LIMIT} bytes at most"})
            return
        text = self.rfile.read(int(length))
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        if not self.server.answers.begun.wait(BEGINS_WITHIN):
            self._send_json(503, {"error": "the service has not begun yet"})
        elif isinstance(body, dict):
            self._route(body)
        else:
            self._send_json(400, {"error": "the body must be a JSON object"})

    @property
    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _route(self, body: dict[str, Any]) -> None:
        """Let an actor answer, in the trace and with the correlation id that came in."""
        handler = self.server.answers.routes.get((self.command, self._path))
        if handler is None:
            self._send_json(404, {"error": f"nothing takes a {self.command} at {self._path}"})
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answer = 200, {}
        with tracing.continued(headers), tracing.span(f"{self.command} {self._path}", kind="server"):
            try:
                answer = handler(body, headers)
            except Refused as refused:
                status, answer = refused.status, {"error": str(refused)}
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                status, answer = 400, {"error": f"this is no message for {self._path}: {error!r}"}
        self._send_json(status, answer)

    def _send_json(self, status: int, body: Mapping[str, Any]) -> None:
        self._send(status, json.dumps(body).encode() + b"\n", "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        """Says nothing: there is a request for each service every few seconds."""
