"""A TCP proxy in front of a server: it makes answers late, swallows everything, or refuses connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from types import TracebackType
from typing import Any, Self

from support.servers import free_port

__all__ = ["Proxy"]

CHUNK = 65536


class Proxy:
    """Listens on a free loopback port as long as its `with` block lasts and passes on what it gets, both ways.

    Parameters:
        upstream: the loopback port of the server behind it.

    Attributes:
        address: `127.0.0.1:port`, in place of the server's own.
        port: the port.
        to_server: seconds by which everything towards the server is late.
        to_client: seconds by which everything from the server is late.
    """

    def __init__(self, upstream: int) -> None:
        # Not port 0: this one stays free while nobody listens on it, which `refusing` wants.
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.to_server = 0.0
        self.to_client = 0.0
        self._upstream = upstream
        self._drops = False
        self._listener: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)

    @contextmanager
    def late(self, to_server: float, to_client: float) -> Iterator[None]:
        """Makes both directions late by so many seconds, as long as the block lasts."""
        self.to_server, self.to_client = to_server, to_client
        try:
            yield
        finally:
            self.to_server = self.to_client = 0.0

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Ends all connections and refuses new ones, as a machine whose process is gone, as long as the block lasts."""
        self._call(self._stop_listening())
        try:
            yield
        finally:
            self._call(self._listen())

    @contextmanager
    def dropping(self) -> Iterator[None]:
        """Takes connections and swallows what comes, as long as the block lasts; then ends those connections."""
        self._drops = True
        try:
            yield
        finally:
            self._drops = False
            self._call(self._end_connections())

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        """Does something in the proxy's own thread, and waits until it is done."""
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await self._end_connections()

    async def _end_connections(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _stop(self) -> None:
        await self._stop_listening()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, server_writer}
        self._writers |= ends
        try:
            await asyncio.gather(
                self._pass_on(reader, server_writer, "to_server"), self._pass_on(server_reader, writer, "to_client")
            )
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str) -> None:
        """Everything from one side to the other, each piece late by the same time, so that none overtakes another."""
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sender = asyncio.create_task(self._send(pieces, writer))
        with suppress(ConnectionError):
            while piece := await reader.read(CHUNK):
                if not self._drops:
                    pieces.put_nowait((time.monotonic() + getattr(self, direction), piece))
        pieces.put_nowait((time.monotonic() + getattr(self, direction), b""))
        await sender

    @staticmethod
    async def _send(pieces: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        """Sends each piece when it is due; the empty one is the end of what this side has to say."""
        with suppress(ConnectionError):
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if not piece:
                    writer.write_eof()
                    return
                writer.write(piece)
                await writer.drain()
