"""The server: one event loop in one daemon thread, on sockets of its own that a fork can close."""

from __future__ import annotations

import asyncio
import logging
import os
import selectors
import socket
import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import TracebackType
from typing import Self

from tapewatch_sdk.serving._request import BadRequest, Request, Response, parse

__all__ = ["Server"]

MAX_HEAD = 16_384
"""Bytes of a request; Prometheus sends some 400."""

MAX_CONNECTIONS = 64
"""Connections at a time. One more closes the one that has been idle for longest; if none is, it is not taken."""

HEAD_TIMEOUT = 5.0
"""Seconds from the first byte of a request to its last."""

IDLE_TIMEOUT = 120.0
"""Seconds that a connection stays open without a request; scrapes are far closer together."""

SEND_TIMEOUT = 10.0
"""Seconds that a client has to take an answer; Prometheus gives a scrape up after as many by default."""

_CHUNK = 4096
_BREATH = 0.1
"""Seconds until the next try when the process has no file descriptor left for a connection."""

_END = b"\r\n\r\n"

_log = logging.getLogger("tapewatch_sdk.serving")

Answer = Callable[[Request], Awaitable[Response]]


class Server:
    """A running server. It ends with `close`, or with the program.

    Parameters:
        listener: a socket that listens.
        answer: gives the answer to a request.
    """

    def __init__(self, listener: socket.socket, answer: Answer) -> None:
        self._listener = listener
        self._answer = answer
        listener.setblocking(False)
        self.address, self.port = listener.getsockname()[:2]
        # Not epoll: its file would be shared with a forked child.
        self._loop = asyncio.SelectorEventLoop(selectors.PollSelector())
        self._idle: dict[socket.socket, float] = {}
        self._tasks: dict[socket.socket, asyncio.Task[None]] = {}
        self._accepting: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._work, name="tapewatch-serving", daemon=True)
        self._thread.start()
        reference = weakref.WeakMethod(self._after_fork)
        os.register_at_fork(after_in_child=lambda: (method := reference()) and method())

    @property
    def url(self) -> str:
        """Where it is reached from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.address, self.address)  # noqa: S104 -- compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def close(self, timeout: float = 2.0) -> None:
        """Serves no more: the port is free again, connections are closed.

        Parameters:
            timeout: seconds to wait for that.
        """
        if self._listener.fileno() < 0:
            return
        try:
            self._loop.call_soon_threadsafe(self._stop)
        except RuntimeError:  # the loop is closed already
            return
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._accepting = self._loop.create_task(self._accept())
        try:
            self._loop.run_until_complete(self._accepting)
        except asyncio.CancelledError:
            self._loop.run_until_complete(asyncio.gather(*self._tasks.values(), return_exceptions=True))
        finally:
            self._listener.close()
            self._loop.close()

    def _stop(self) -> None:
        for task in (self._accepting, *self._tasks.values()):
            if task is not None:
                task.cancel()

    async def _accept(self) -> None:
        while True:
            try:
                connection, _ = await self._loop.sock_accept(self._listener)
            except OSError:
                await asyncio.sleep(_BREATH)
                continue
            if len(self._tasks) >= MAX_CONNECTIONS and not self._make_room():
                connection.close()
                continue
            task = self._loop.create_task(self._serve(connection))
            self._tasks[connection] = task

    def _make_room(self) -> bool:
        oldest = min(self._idle, key=self._idle.__getitem__, default=None)
        if oldest is None:
            return False
        del self._idle[oldest]
        self._tasks.pop(oldest).cancel()
        return True

    async def _serve(self, connection: socket.socket) -> None:
        try:
            await self._converse(connection)
        except (OSError, TimeoutError):  # the client is gone, or too slow
            return
        except Exception as error:  # noqa: BLE001 -- a mistake of ours ends this connection, not the server
            _log.error("a connection to the metrics server broke", exc_info=error)
        finally:
            self._idle.pop(connection, None)
            self._tasks.pop(connection, None)
            connection.close()

    async def _converse(self, connection: socket.socket) -> None:
        received = bytearray()
        while True:
            try:
                head = await self._head(connection, received)
                if head is None:
                    return
                request = parse(head)
            except BadRequest as bad:
                body = f"{bad.status.value} {bad.status.phrase}\n".encode()
                await self._send(connection, Response(bad.status, body).encode(keep=False))
                return
            response = await self._answer(request)
            await self._send(connection, response.encode(request.keep, with_body=request.method != "HEAD"))
            if not request.keep:
                return

    async def _head(self, connection: socket.socket, received: bytearray) -> bytes | None:
        """The next request's head; None when the client has no more. `received` keeps what follows it."""
        if not received:
            self._idle[connection] = time.monotonic()
            async with asyncio.timeout(IDLE_TIMEOUT):
                received += await self._loop.sock_recv(connection, _CHUNK)
            self._idle.pop(connection, None)
        async with asyncio.timeout(HEAD_TIMEOUT):
            while (end := received.find(_END)) < 0:
                more = await self._loop.sock_recv(connection, _CHUNK) if received else b""
                if not more:
                    return None
                received += more
                if len(received) > MAX_HEAD:
                    raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        head = bytes(received[:end])
        del received[: end + len(_END)]
        return head

    async def _send(self, connection: socket.socket, data: bytes) -> None:
        async with asyncio.timeout(SEND_TIMEOUT):
            await self._loop.sock_sendall(connection, data)

    def _after_fork(self) -> None:
        """The child serves nothing, and holds none of its parent's sockets open."""
        self._listener.close()
        for connection in self._tasks:
            connection.close()
        self._tasks.clear()
        self._idle.clear()
