"""A receiving end for tests of what is sent by HTTP."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self

__all__ = ["HttpReceiver", "Received"]


class Received(NamedTuple):
    """One request.

    Parameters:
        method: `POST`.
        path: the path, with what follows `?`.
        headers: the headers, by their names in lower case.
        body: the body as it came.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class HttpReceiver:
    """A web server on a free port of this machine that keeps what it is sent.

        with HttpReceiver() as receiver:
            ...
            assert receiver.requests[0].body == b"..."

    Parameters:
        status: what it answers; can be changed while it runs.
    """

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.requests: list[Received] = []
        """What came, in its order."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        serve = partial(self._server.serve_forever, poll_interval=0.02)  # seconds that `close` waits at most
        threading.Thread(target=serve, name="http-receiver", daemon=True).start()

    @property
    def url(self) -> str:
        """`http://127.0.0.1:12345`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """From now on nobody is there."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _handler(receiver: HttpReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Received(self.command, self.path, headers, body))
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_PUT = do_GET = do_DELETE = do_POST  # noqa: N815 - the names that the base class looks for

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    return Handler
