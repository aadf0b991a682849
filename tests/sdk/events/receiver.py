"""The receiving end of `HttpSender`: an HTTP server in a thread that takes events as the project's API does."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event as Flag
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from support.waiting import wait_for

__all__ = ["Receiver"]


class Receiver:
    """Listens on a free loopback port as long as its `with` block lasts.

    Attributes:
        url: what a sender is given.
        status: the HTTP status of the next answers; events are taken with 200 only.
        refuses: ids of events for which any batch with them in it is answered 422.
        silent: when set, a request is taken and not answered until it is cleared.
        hang_up: close the connection after this many requests instead of answering; 0 for never.
        events: what was taken, in the order of arrival, repetitions included.
        batches: how many events each request held, whatever the answer.
        headers: the headers of each request.
        paths: the path of each request.
        connections: connections that were opened.
    """

    def __init__(self) -> None:
        self.status = 200
        self.refuses: set[str] = set()
        self.silent = Flag()
        self.close_after_answer = False
        self.hang_up = 0
        self.connections = 0
        self.events: list[dict[str, Any]] = []
        self.batches: list[int] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def ids(self) -> list[str]:
        """The ids of what was taken, each once, in the order of their first arrival."""
        with self._lock:
            return list(dict.fromkeys(event["id"] for event in self.events))

    def wait_for_ids(self, ids: Iterable[str], timeout: float = 30.0) -> None:
        """Waits until all of these events were taken."""
        wanted = set(ids)
        wait_for(f"{len(wanted)} events have arrived", lambda: wanted <= set(self.ids), timeout)

    def answer(self, handler: BaseHTTPRequestHandler) -> int:
        """Takes a request; gives the status to answer with, 0 for none at all."""
        events = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))["events"]
        while self.silent.is_set():
            self.silent.wait(0.01)
            if self._stopped.wait(0.01):
                return 0
        with self._lock:
            self.batches.append(len(events))
            self.headers.append(dict(handler.headers))
            self.paths.append(handler.path)
            if self.hang_up:
                self.hang_up -= 1
                return 0
            status = 422 if self.refuses & {event["id"] for event in events} else self.status
            if status == 200:
                self.events += events
            return status

    def __enter__(self) -> Self:
        self._stopped = Flag()
        # A short poll: stopping waits for the next one.
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept, as by the real API

        def setup(self) -> None:
            super().setup()
            receiver.connections += 1

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:  # a sender that is killed in the middle
                self.close_connection = True

        def do_POST(self) -> None:
            status = receiver.answer(self)
            if not status:
                self.close_connection = True
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
            if receiver.close_after_answer:  # unannounced, as a server does whose connection was idle for too long
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Says nothing: a line for each request would drown the test's own output."""

    return Handler
