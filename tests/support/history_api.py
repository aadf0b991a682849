"""The history's API on a real socket, in a thread, on top of what a test gives it.

with serving(Standing(), Gate(Hosts(loopback=True))) as api:
    status, headers, body = api.ask("GET", "/health")
"""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from support.servers import free_port
from support.waiting import wait_for
from tapewatch.history.api import Core, Pushed, Settings, create_app
from tapewatch.history.api.access import Gate
from tapewatch.history.api.otlp import Pushes, read
from tapewatch.history.api.socket import Hub
from tapewatch.history.serving.http import server_of
from tapewatch.history.serving.options import Options
from tapewatch.history.store import Reader
from tapewatch_sdk.events import Event

__all__ = ["Api", "Reply", "Standing", "ask", "serving"]


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of an error."""
        return str(self.json["error"]["code"])


def ask(
    url: str, method: str = "GET", body: bytes | object | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """Ask whatever URL; what is no bytes is sent as JSON."""
    sent, more = body, {}
    if body is not None and not isinstance(body, bytes):
        sent, more = json.dumps(body).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(url, sent, {**more, **(headers or {})}, method=method)  # type: ignore[arg-type]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as answer:
            return Reply(answer.status, dict(answer.headers.items()), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, dict(error.headers.items()), error.read())


class Standing:
    """What an API stands on that stores nothing but in memory: enough for what HTTP and the WebSocket are about."""

    def __init__(self, reader: Reader | None = None) -> None:
        self.hub = Hub()
        self.events: dict[str, Event] = {}
        self.messages: list[Mapping[str, Any]] = []
        self.reasons: list[str] = []
        self.measured: list[tuple[str, str, int]] = []
        self.pushes = Pushes()
        self.failing: Exception | None = None
        self._reader = reader
        self._threads = ThreadPoolExecutor(2)

    @property
    def reader(self) -> Reader:
        assert self._reader is not None
        return self._reader

    @property
    def threads(self) -> Executor:
        return self._threads

    async def store_events(self, events: Sequence[Event]) -> int:
        if self.failing is not None:
            raise self.failing
        new = [event for event in events if event.id not in self.events]
        self.events.update((event.id, event) for event in new)
        return len(new)

    async def push(self, body: bytes, content_type: str) -> Pushed:
        taken = self.pushes.take(read(body, content_type), 0.0)
        self.pushes.keep(taken)
        return Pushed(len(taken.refused), str(taken.refused))

    async def deliver(self, message: Mapping[str, Any]) -> None:
        self.messages.append(message)

    async def problems(self) -> Sequence[str]:
        return self.reasons

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        return b"up 1\n", "text/plain; version=0.0.4; charset=utf-8"

    def measure(self, method: str, route: str, status: int, seconds: float) -> None:
        self.measured.append((method, route, status))


@dataclass
class Api:
    """A running API."""

    core: Standing
    port: int
    loop: asyncio.AbstractEventLoop
    end: Callable[[], None]
    url: str = ""

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.port}"

    def ask(
        self, method: str, path: str, body: bytes | object | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        return ask(self.url + path, method, body, headers)

    def within(self, work: Callable[[], object]) -> None:
        """Do something in the server's event loop, as what it stands on would."""
        done = threading.Event()

        def run() -> None:
            work()
            done.set()

        self.loop.call_soon_threadsafe(run)
        assert done.wait(10)

    def show(self, snapshot: Mapping[str, Any], version: int = 1, series: Sequence[Any] = ()) -> None:
        """Let it send a snapshot."""
        told = json.dumps({"type": "series", "version": version, "series": series}).encode()
        shown = json.dumps({"type": "snapshot", "version": version, **snapshot}).encode()
        self.within(lambda: self.core.hub.show(version, told, shown))


@contextmanager
def serving(core: Standing, gate: Gate, settings: Settings | None = None) -> Iterator[Api]:
    """Serve the API until the end of the block."""
    checked: Core = core  # the type checker sees that nothing is missing
    port, loop = free_port(), asyncio.new_event_loop()
    server = server_of(create_app(checked, gate, settings), core.hub, gate, Options())
    server.config.host, server.config.port = "127.0.0.1", port
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve(),), daemon=True)
    thread.start()

    def end() -> None:
        server.should_exit = True

    try:
        wait_for("the API listens", lambda: server.started)
        yield Api(core, port, loop, end)
    finally:
        end()
        thread.join(15)
        loop.close()
