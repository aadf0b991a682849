"""A target of Prometheus that does as it is told: answers what it is given, or misbehaves in a way that has a name."""

from __future__ import annotations

import gzip
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

__all__ = [
    "BAD",
    "HUGE",
    "Behaviour",
    "Exchange",
    "Target",
    "answer",
    "answer_garbage",
    "answer_half",
    "answer_too_much",
    "answer_too_much_compressed",
    "close",
    "hang",
    "nothing_packed",
    "stall",
]

BAD = "bad_answer"
"""Metric that stands, well-formed, at the beginning of every bad answer: not one sample of it may ever be stored."""

HUGE = 50_000_000
"""Bytes of an answer that is too much."""

POLL = 0.05
"""Seconds between two looks of a connection that hangs, whether it may stop to."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LINE = b"# " + b"x" * 997 + b"\n"


class Exchange:
    """One request that waits for its answer.

    Parameters:
        handler: the connection.
        text: what a well target would answer.
        over: tells whether to hang no longer: the target was told something else, or is stopped.
    """

    def __init__(self, handler: BaseHTTPRequestHandler, text: str, over: Callable[[], bool]) -> None:
        self.text = text
        self._handler = handler
        self._over = over

    def begin(self, length: int, encoding: str = "") -> None:
        """Sends the head of an answer that announces `length` bytes."""
        self._handler.send_response(200)
        self._handler.send_header("Content-Type", CONTENT_TYPE)
        self._handler.send_header("Content-Length", str(length))
        if encoding:
            self._handler.send_header("Content-Encoding", encoding)
        self._handler.end_headers()

    def send(self, body: bytes) -> None:
        """Sends (a part of) the body."""
        self._handler.wfile.write(body)
        self._handler.wfile.flush()

    def end(self) -> None:
        """Closes the connection once the behaviour returns; without it the connection is kept for the next scrape."""
        self._handler.close_connection = True

    def hang(self) -> None:
        """Returns when the target is told to behave otherwise."""
        while not self._over():
            time.sleep(POLL)


Behaviour = Callable[[Exchange], None]
"""How a request is answered."""


def answer(exchange: Exchange) -> None:
    """Answers as a well target does."""
    body = exchange.text.encode()
    exchange.begin(len(body))
    exchange.send(body)


def hang(exchange: Exchange) -> None:
    """Takes the request and says nothing."""
    exchange.hang()
    exchange.end()


def stall(exchange: Exchange) -> None:
    """Says half, and then nothing more."""
    _send_half(exchange)
    exchange.hang()


def close(exchange: Exchange) -> None:
    """Takes the request and closes the connection."""
    exchange.end()


def answer_half(exchange: Exchange) -> None:
    """Announces a whole answer, sends half of it, in whole lines, and closes the connection."""
    _send_half(exchange)


def answer_garbage(exchange: Exchange) -> None:
    """Sends a whole answer whose end is no metric."""
    body = _bad(exchange) + b"<html>\x00\xff{{{ 502 Bad Gateway\n"
    exchange.begin(len(body))
    exchange.send(body)


def answer_too_much(exchange: Exchange) -> None:
    """Sends 50 MB (`HUGE`), in well-formed lines."""
    body = _bad(exchange)
    lines = (HUGE - len(body)) // len(_LINE)
    exchange.begin(len(body) + lines * len(_LINE))
    exchange.end()
    exchange.send(body)
    for _ in range(lines // 100):
        exchange.send(_LINE * 100)
    exchange.send(_LINE * (lines % 100))


def answer_too_much_compressed(exchange: Exchange) -> None:
    """Sends 50 MB as the few kilobytes that they compress to."""
    body = _bad(exchange)
    packed = gzip.compress(body + _LINE * ((HUGE - len(body)) // len(_LINE)), compresslevel=1)
    exchange.begin(len(packed), "gzip")
    exchange.send(packed)


def nothing_packed(size: int) -> bytes:
    """The beginning of a packed answer that is larger than `size`, and holds not one byte."""
    packer = zlib.compressobj(wbits=31)
    beginning = packer.flush(zlib.Z_FULL_FLUSH)
    # A block that stores nothing.
    return beginning + b"\x00\x00\x00\xff\xff" * (size // 5 + 1)


def _bad(exchange: Exchange) -> bytes:
    return f"{BAD} 1\n{exchange.text}".encode()


def _send_half(exchange: Exchange) -> None:
    body = _bad(exchange)
    exchange.begin(2 * len(body))
    exchange.end()
    exchange.send(body)


class Target:
    """An exporter on a free loopback port, as long as its `with` block lasts.

    Attributes:
        address: `127.0.0.1:port`, as it stands in a list of targets.
        port: the port.
        scrapes: how many requests came in so far.
    """

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._behaviour: Behaviour = answer
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        self._stopped = Event()
        self.scrapes = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.port = int(self._server.server_address[1])
        self.address = f"127.0.0.1:{self.port}"

    def set(self, series: str, value: float) -> None:
        """Gives a series, such as `up_to{symbol="BTC"}`, a value from the next scrape on."""
        with self._lock:
            self._values[series] = value

    def remove(self, series: str) -> None:
        """Leaves a series out from the next scrape on."""
        with self._lock:
            del self._values[series]

    @contextmanager
    def behaving(self, behaviour: Behaviour) -> Iterator[None]:
        """Answers otherwise as long as the block lasts; connections that it kept hanging are then closed."""
        with self._lock:
            self._behaviour = behaviour
        try:
            yield
        finally:
            with self._lock:
                self._behaviour = answer

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answers one request the way that was chosen."""
        with self._lock:
            behaviour, text = self._behaviour, self._text()
            self.scrapes += 1

        def over() -> bool:
            return self._stopped.is_set() or self._behaviour is not behaviour

        # A peer that goes away in the middle is what several of the bad answers are made for.
        with suppress(OSError):
            behaviour(Exchange(handler, text, over))
            return
        handler.close_connection = True

    def opened(self, connection: socket.socket) -> None:
        """Remembers a connection, to close it at the end."""
        with self._lock:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forgets a connection that is closed."""
        with self._lock:
            self._open.discard(connection)

    def __enter__(self) -> Self:
        # A short poll: stopping waits for the next one.
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _text(self) -> str:
        """What a well target answers now."""
        return "".join(f"{series} {value}\n" for series, value in self._values.items())


def _handler(target: Target) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections are kept from scrape to scrape, as by any exporter

        def setup(self) -> None:
            super().setup()
            target.opened(self.connection)

        def finish(self) -> None:
            target.closed(self.connection)
            with suppress(OSError):
                super().finish()

        def handle_one_request(self) -> None:
            # Prometheus resets a connection whose answer it gave up.
            try:
                super().handle_one_request()
            except ConnectionError:
                self.close_connection = True

        def do_GET(self) -> None:
            target.serve(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Says nothing: one line for each scrape would drown the test's own output."""

    return Handler
