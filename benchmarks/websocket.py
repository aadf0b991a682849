"""What the live view costs: how late a snapshot is, and what a thousand clients take of a processor.

`python benchmarks/websocket.py MINUTES` keeps a thousand clients for so long and tells whether the memory stays.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import uvloop

from _measure import Figure, table
from tapewatch.history.api import Pushed, create_app
from tapewatch.history.api.access import Gate, Hosts
from tapewatch.history.api.live import About, Live
from tapewatch.history.api.socket import Hub, frame
from tapewatch.history.samples import Layout, Scrape, Series
from tapewatch.history.serving.http import server_of
from tapewatch.history.serving.listening import listen
from tapewatch.history.serving.options import Options
from tapewatch.history.serving.process import allow_files
from tapewatch.history.serving.working import beat

SERVICES, SERIES = 8, 100
"""About what the sample platform shows."""

SECONDS = 8.0
FEW, MANY = 100, 1_000
LATE_LIMIT = 20.0
"""Milliseconds."""

SHARE_LIMIT = 0.35


def run() -> list[Figure]:
    allow_files()
    with _server("once") as ours:
        few = asyncio.run(_watch(ours.port, FEW, SECONDS))
        before = _used(ours.process)
        many = asyncio.run(_watch(ours.port, MANY, SECONDS))
        cost = (_used(ours.process) - before) / many.messages
    with _server("each") as each:
        before = _used(each.process)
        others = asyncio.run(_watch(each.port, MANY, SECONDS))
        of_each = (_used(each.process) - before) / others.messages
    return [
        Figure(f"{FEW} clients, snapshot until it is read, p50", statistics.median(few.late) * 1e3, "ms"),
        Figure(f"{FEW} clients, p99", _p99(few.late) * 1e3, "ms", LATE_LIMIT),
        Figure(f"{MANY} clients, p99", _p99(many.late) * 1e3, "ms"),
        # Told as what is missing, because a limit is the most that a figure may be.
        Figure(f"{MANY} clients, beats missed of ten a second", 10 - many.rate, "", 0.2),
        Figure("size of a snapshot", many.size / 1e3, "kB"),
        Figure(f"{MANY} clients, processor time a message", cost * 1e6, "us"),
        Figure("  the same when it is encoded for each", of_each * 1e6, "us"),
        Figure("  ratio", cost / of_each, "", SHARE_LIMIT),
        Figure(f"{MANY} clients, share of a processor", cost * many.rate * MANY, ""),
    ]


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


# The clients.


class _Client(asyncio.Protocol):
    """Reads frames and looks at little more than their length."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch
        self._data = bytearray()
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        head = (
            "GET /ws/metrics HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        transport.write(head.encode())
        self._watch.transports.append(transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._open:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self._data.startswith(b"HTTP/1.1 101"), bytes(self._data[:100])
            del self._data[: end + 4]
            self._open = True
        while (size := _whole(self._data)) is not None:
            self._watch.take(bytes(self._data[:120]), size)
            del self._data[:size]


def _whole(data: bytearray) -> int | None:
    """The size of the first frame with its head; None while it is not there."""
    if len(data) < 4:
        return None
    length, head = data[1], 2
    if length == 126:
        length, head = int.from_bytes(data[2:4]), 4
    elif length == 127:
        length, head = int.from_bytes(data[2:10]), 10
    return head + length if len(data) >= head + length else None


class _Watch:
    def __init__(self) -> None:
        self.transports: list[asyncio.Transport] = []
        self.late: list[float] = []
        self.messages = 0
        self.size = 0
        self.rate = 0.0
        self.counting = False

    def take(self, beginning: bytes, size: int) -> None:
        if self.counting and b'"snapshot"' in beginning:
            now = time.time()
            self.messages += 1
            self.size = size
            found = beginning.find(b'"at":')
            self.late.append(now - float(beginning[found + 5 :].partition(b",")[0]))


async def _watch(port: int, clients: int, seconds: float) -> _Watch:
    watch = _Watch()
    loop = asyncio.get_running_loop()
    for _ in range(clients):
        await loop.create_connection(lambda: _Client(watch), "127.0.0.1", port)
    await asyncio.sleep(2.0)
    watch.counting = True
    began = time.monotonic()
    await asyncio.sleep(seconds)
    watch.counting = False
    watch.rate = watch.messages / clients / (time.monotonic() - began)
    for transport in watch.transports:
        transport.abort()
    await asyncio.sleep(0.5)
    return watch


# The server, in a process of its own.


class _Running:
    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = psutil.Process(process.pid)
        self.port = port


@contextmanager
def _server(how: str) -> Iterator[_Running]:
    command = [sys.executable, str(Path(__file__)), "--serve", how]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield _Running(process, int(process.stdout.readline()))
        finally:
            process.terminate()


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


class _Core:
    """Only what the WebSocket needs."""

    def __init__(self) -> None:
        self.hub = Hub()

    def __getattr__(self, name: str) -> Pushed:
        raise AttributeError(name)

    def measure(self, *_: object) -> None:
        """Count nothing."""


async def _serve(how: str) -> None:
    core, gate = _Core(), Gate(Hosts(loopback=True))
    live, layouts = _live()
    listener = listen(Options(port=0))
    server = server_of(create_app(core, gate), core.hub, gate, Options())  # type: ignore[arg-type]
    serving = asyncio.create_task(server.serve([listener]))
    print(listener.getsockname()[1], flush=True)
    beats = 0

    def once() -> None:
        nonlocal beats
        if beats % 10 == 0:
            _scrape(live, layouts)
        beats += 1
        snapshot = live.snapshot()
        if how == "once":
            core.hub.show(live.version, live.series, snapshot)
        else:
            told = json.loads(snapshot)
            for client in list(core.hub._clients):
                if not client.waiting():
                    client.write(
                        frame(json.dumps({**told, "at": round(time.time(), 3)}, separators=(",", ":")).encode())
                    )

    beating = asyncio.create_task(beat(0.1, once))
    await serving
    beating.cancel()


def _live() -> tuple[Live, list[Layout]]:
    layouts = [
        Layout(
            tuple(
                Series(f"family_{number}_total", (("symbol", f"S{number % 9}"),), "counter") for number in range(SERIES)
            )
        )
        for _ in range(SERVICES)
    ]
    return Live({f"service-{number}": About("trading") for number in range(SERVICES)}), layouts


def _scrape(live: Live, layouts: list[Layout]) -> None:
    """Every value is another one each second."""
    for number, layout in enumerate(layouts):
        name = f"service-{number}"
        values = np.round(np.random.default_rng().uniform(0, 1e5, SERIES), 3)
        live.take({name: [Scrape(name, "127.0.0.1:1", time.time(), 0.002, layout=layout, values=values)]})


def _long(minutes: float) -> None:
    with _server("once") as ours:
        first = last = 0.0

        async def watch() -> None:
            nonlocal first, last
            task = asyncio.create_task(_watch(ours.port, MANY, minutes * 60))
            await asyncio.sleep(10)
            first = ours.process.memory_info().rss / 1e6
            found = await task
            last = ours.process.memory_info().rss / 1e6
            found.late.clear()

        asyncio.run(watch())
        print(
            table(
                "memory", [Figure("after 10 s", first, "MB"), Figure(f"after {minutes:g} min", last, "MB", first * 1.1)]
            )
        )


if __name__ == "__main__":
    allow_files()
    if sys.argv[1] == "--serve":
        uvloop.run(_serve(sys.argv[2]))
    else:
        _long(float(sys.argv[1]))
