"""uvicorn, set up for the API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tapewatch.history.api.access import Gate
from tapewatch.history.api.errors import RETRY_AFTER, ApiError, answer_of
from tapewatch.history.api.shield import HEADERS, LONGEST_HEADERS, LONGEST_URL, Shield
from tapewatch.history.api.socket import Connection, Hub
from tapewatch.history.serving.options import Options

__all__ = ["HEAD_TIMEOUT", "LimitedProtocol", "UvicornServer", "server_of"]

HEAD_TIMEOUT = 10.0
"""Seconds in which the head of a request must have come whole."""

LONGEST = 2 * (LONGEST_HEADERS + LONGEST_URL)
"""Bytes of a head above which it is read no further; the shield refuses half as much and keeps the connection."""

UNFINISHED = 1 << 20
"""Bytes without the end of a head after which a connection is ended; the event loop may read a quarter of it at once,
the beginning of a body with it."""

UNREAD = 30.0
"""Seconds that a client may take nothing at all of an answer, which may be 10 MB of our memory."""

KEEP_ALIVE = 75
"""Seconds that a connection may be idle between two requests; Prometheus scrapes more often, a page asks as often."""

CONNECTIONS = 4_000
"""Connections at a time; twice as many as clients of the WebSocket."""

GRACE = 5
"""Seconds that answers under way have at the end."""


_LAST = {**HEADERS, "Connection": "close"}

_NO_REQUEST = ApiError(400, "bad_request", "this is no request of HTTP", headers=_LAST)
_TOO_LONG = ApiError(431, "too_long", f"the URL or the headers have more than {LONGEST_HEADERS} bytes", headers=_LAST)
_TOO_MANY = ApiError(
    503, "too_many_connections", "there are too many connections", headers={**_LAST, "Retry-After": str(RETRY_AFTER)}
)


class TooLongError(Exception):
    """The head of a request is longer than any of ours."""


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, with an end to how long and how slow the head of a request may be."""

    _size = 0
    _timer: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come, and is expected to say something."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._hurried()
        if self._reading is not None:
            self._reading.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._size = 0
        self._wait()

    def on_url(self, url: bytes) -> None:
        """A part of its URL."""
        self._grow(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of its headers."""
        self._grow(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._hurried()
        if len(self.connections) > CONNECTIONS:
            self.app = answer_of(_TOO_MANY)  # and the connection ends with it
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Bytes have come; a single header is handed on only when it is whole, so they are counted here too."""
        self._unfinished += len(data)
        if self._timer is not None and self._unfinished > UNFINISHED:
            self.transport.abort()
            return
        super().data_received(data)
        if self._is_between() and self.timeout_keep_alive_task is None:
            self._wait()  # any byte ends uvicorn's own wait for the next request, also one that begins none

    _unfinished = 0

    def _is_between(self) -> bool:
        """Whether this is still HTTP, and no request is under way."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        done = cycle is None or cycle.response_complete
        return done and not self.transport.is_closing() and self.transport.get_protocol() is self

    def on_response_complete(self) -> None:
        """An answer is written, as far as the client takes it."""
        super().on_response_complete()
        self._watch(self.transport.get_write_buffer_size())

    def _watch(self, left: int) -> None:
        if left and self._reading is None:
            self._reading = self.loop.call_later(UNREAD, self._look, left)

    def _look(self, before: int) -> None:
        self._reading = None
        left = self.transport.get_write_buffer_size()
        if left >= before:
            self.transport.abort()
        else:
            self._watch(left)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request of HTTP, or too long a one, in the one shape, and end the connection."""
        answer = answer_of(_TOO_LONG if self._size > LONGEST else _NO_REQUEST)
        lines = [b"HTTP/1.1 %d %s" % (answer.status_code, HTTPStatus(answer.status_code).phrase.encode())]
        lines += [b"%s: %s" % pair for pair in answer.raw_headers]
        self.transport.write(b"\r\n".join([*lines, b"", bytes(answer.body)]))
        self.transport.close()

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > LONGEST:
            raise TooLongError

    def _wait(self) -> None:
        if self._timer is None:
            self._unfinished = 0
            self._timer = self.loop.call_later(HEAD_TIMEOUT, self._too_slow)

    def _hurried(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.abort()


class UvicornServer(uvicorn.Server):
    """uvicorn's server, which leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Takes none."""
        yield


def server_of(app: Shield, hub: Hub, gate: Gate, options: Options, tls: bool = True) -> UvicornServer:
    """A server of the API.

    Parameters:
        app: the API.
        hub: tells the clients of its WebSocket.
        gate: lets them in.
        options: TLS, access log.
        tls: whether TLS is spoken, if the options have it.
    """
    speaks = tls and options.tls_key is not None
    config = uvicorn.Config(
        app,
        http=LimitedProtocol,
        ws=cast(Any, Connection.factory(hub, gate)),  # it makes one, as a class would
        lifespan="off",
        log_config=None,
        access_log=options.access_log,
        server_header=False,
        proxy_headers=False,
        backlog=1024,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        ssl_keyfile=options.tls_key if speaks else None,
        ssl_certfile=options.tls_certificate if speaks else None,
    )
    return UvicornServer(config)
