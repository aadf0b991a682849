"""Hundreds of services that one process stands in for, behind one listening socket.

Each has an address of its own in 127.0.0.0/8, which all belong to this machine: by the one that was asked it is known
which service is meant. At 127.0.0.1 it takes whatever is sent, as an engine that keeps metrics would. The process is
its own, so that what a test works out does not hold up an answer.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
from collections.abc import Mapping
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from support.servers import free_port

__all__ = ["Many", "address_of", "service_name"]

WELL: Mapping[str, str] = {
    "system_uptime_seconds": "100",
    "risk_kill_switch_active": "0",
    "market_data_websocket_connected": "1",
}
"""What every service exposes at rest."""

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %d\r\n\r\n"

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")

_Change = tuple[str, dict[str, str] | None]


class Many:
    """The services, as long as its `with` block lasts.

    Parameters:
        count: how many.

    Attributes:
        names: their names.
        port: the port of all.
    """

    def __init__(self, count: int) -> None:
        self.names = [service_name(number) for number in range(count)]
        self.port = free_port()
        context = multiprocessing.get_context("fork")
        self._control, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self.names, self.port, theirs), daemon=True)

    def expose(self, name: str, **values: str) -> None:
        """Let a service expose these series besides, or with these values."""
        self._control.send((name, {**WELL, **values}))

    def silence(self, name: str) -> None:
        """Let a service not answer any more."""
        self._control.send((name, None))

    def __enter__(self) -> Self:
        self._process.start()
        assert self._control.poll(20), "the services do not listen"
        self._control.recv()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join(10)


def service_name(number: int) -> str:
    """The name that `samples.large` gives a service."""
    return f"service-{number:05}"


def address_of(number: int, port: int) -> str:
    """`host:port` of a service, by its number."""
    return f"{_host(number)}:{port}"


def _host(number: int) -> str:
    return f"127.1.{number // 250}.{number % 250 + 1}"


def _serve(names: list[str], port: int, control: Connection[str, _Change]) -> None:
    asyncio.run(_Server(names).run(port, control))


class _Server:
    """What runs in the process."""

    def __init__(self, names: list[str]) -> None:
        self._names = {_host(number): name for number, name in enumerate(names)}
        self._values: dict[str, dict[str, str] | None] = {name: dict(WELL) for name in names}

    async def run(self, port: int, control: Connection[str, _Change]) -> None:
        server = await asyncio.start_server(self._answer, "0.0.0.0", port, backlog=1024)

        def take() -> None:
            name, values = control.recv()
            self._values[name] = values

        asyncio.get_running_loop().add_reader(control.fileno(), take)
        control.send("it listens")
        await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = self._names.get(writer.get_extra_info("sockname")[0], "")
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if length := _LENGTH.search(head):
                    await reader.readexactly(int(length[1]))
                values = self._values[name] if name else {}
                if values is None:
                    break
                body = "".join(f"{series} {value}\n" for series, value in values.items()).encode()
                writer.write(_HEAD % len(body) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
