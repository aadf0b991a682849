"""What stands in a worker for the historian.

It reads the store through the store's own socket. What is to be written goes to the historian over another Unix socket,
as the same calls that it came in with, and is answered when it is on disk. What is live comes from there over the same
WebSocket that a browser uses, and goes on to this worker's clients as it came.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp

from tapewatch.history.api.core import Pushed
from tapewatch.history.api.errors import ApiError, kept_out
from tapewatch.history.api.otlp import JSON
from tapewatch.history.api.socket import Hub
from tapewatch.history.api.socket.connection import PATH
from tapewatch.history.serving.options import THREADS
from tapewatch.history.serving.working import Loops
from tapewatch.history.store import Reader, connect

__all__ = ["MEASURED", "PUSH", "Forwarder"]

BASE = "http://historian"
MEASURED = "/internal/measured"
PUSH = "/internal/push"
"""Where workers tell the historian which requests they have answered and who listens, and what was pushed to them."""

TIMEOUT = 30.0
"""Seconds that the historian may take; a commit takes milliseconds."""

TOLD_EVERY = 1.0
"""Seconds between two tellings of what was measured."""

MOST = 10_000
"""Requests that are remembered until they are told; more are not counted."""

SILENCE = 5.0
"""Seconds without a message after which the connection counts as dead; there are ten a second."""

PAUSE = 0.5

KNOWN = 200
"""The newest events that are known when the link is made anew; it then begins with the newest fifty."""


class Forwarder:
    """The historian, from a worker. It lives in one event loop.

    Parameters:
        api: the historian's socket.
        store: the store's socket.
    """

    def __init__(self, api: Path, store: Path) -> None:
        self.hub = Hub()
        self._api = api
        self._store = store
        self._reader: Reader | None = None
        self._threads = ThreadPoolExecutor(THREADS, "history-question")
        self._session: aiohttp.ClientSession | None = None
        self._measured: list[tuple[str, str, int, float]] = []
        self._loops = Loops()
        self._live = False
        self._known: deque[str] = deque(maxlen=KNOWN)

    async def start(self) -> None:
        """Begin to listen to the historian."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(self._api)),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT),
        )
        self._loops.start("the link to the historian", self._listen)
        self._loops.start("the telling of requests", self._tell)

    async def stop(self) -> None:
        """Let go of everything."""
        await self._loops.stop()
        if self._session is not None:
            await self._session.close()
        self._threads.shutdown(cancel_futures=True)
        if self._reader is not None:
            self._reader.close()

    @property
    def reader(self) -> Reader:
        """Reads the store; connected by the first question."""
        if self._reader is None:
            self._reader = connect(self._store)
        return self._reader

    @property
    def threads(self) -> Executor:
        """Where questions to the store are waited for."""
        return self._threads

    # What goes to the historian; see `Core`.

    async def forward(self, path: str, body: bytes, content_type: str) -> Any:
        """What the historian answers; its errors are ours."""
        status, answer = await self._ask("POST", path, body, {"Content-Type": content_type})
        try:
            found = json.loads(answer)
        except ValueError:
            raise kept_out("the historian does not answer as it should", "no_historian") from None
        if status < 300:
            return found
        error = found["error"]
        details = [(each["where"], each["message"]) for each in error["details"]]
        retry = {"Retry-After": "5"} if status == 503 else None
        raise ApiError(status, error["code"], error["message"], details, retry)

    async def store_events(self, events: Sequence[Any]) -> int:
        """Have events stored."""
        body = json.dumps({"events": [each.to_dict() for each in events]}).encode()
        return int((await self.forward("/api/events", body, JSON))["stored"])

    async def push(self, body: bytes, content_type: str) -> Pushed:
        """Have the points of an OTLP request stored."""
        found = await self.forward(PUSH, body, content_type)
        return Pushed(found["refused"], found["reason"])

    async def deliver(self, message: Mapping[str, Any]) -> None:
        """Have a message of Alertmanager's stored."""
        await self.forward("/api/alerts/webhook", json.dumps(message).encode(), JSON)

    async def problems(self) -> Sequence[str]:
        """Why the historian cannot do its work, or that it does not answer."""
        try:
            _, answer = await self._ask("GET", "/health/ready")
            found = json.loads(answer)["reasons"]
        except (ApiError, ValueError, KeyError):
            return ["the historian does not answer"]
        return found if self._live else [*found, "this worker is not told yet what is live"]

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """The historian's metrics, which count the requests of all workers."""
        assert self._session is not None
        try:
            async with self._session.get(f"{BASE}/metrics", headers={"Accept": accept}) as answer:
                return await answer.read(), answer.headers["Content-Type"]
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise kept_out("the historian does not answer", "no_historian") from None

    def measure(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        if len(self._measured) < MOST:
            self._measured.append((method, route, status, seconds))

    async def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        assert self._session is not None
        try:
            async with self._session.request(method, BASE + path, data=body, headers=headers) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise kept_out("the historian does not answer", "no_historian") from None

    # What comes from it.

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
                pass  # it ends, or is not there yet; clients are shown nothing new, and see that
            finally:
                self._live = False
            await asyncio.sleep(PAUSE)

    async def _hear(self) -> None:
        assert self._session is not None
        version, series = -1, b""
        async with self._session.ws_connect(BASE + PATH, max_msg_size=0) as link:
            while True:
                message = await link.receive(SILENCE)
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                text: bytes = message.data.encode()
                if text.startswith(b'{"type":"series"'):
                    version, series = json.loads(text)["version"], text
                elif text.startswith(b'{"type":"snapshot"'):
                    self.hub.show(version, series, text)
                    self._live = True
                else:
                    self._hear_of(json.loads(text)["events"])

    def _hear_of(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Pass events on; after the link was broken some come a second time."""
        new = [each for each in events if each["id"] not in self._known]
        self._known.extend(each["id"] for each in new)
        encoded = [json.dumps(each, separators=(",", ":")).encode() for each in new]
        (self.hub.publish if self._live else self.hub.remember)(encoded)

    async def _tell(self) -> None:
        sent = skipped = 0
        while True:
            await asyncio.sleep(TOLD_EVERY)
            told, self._measured = self._measured, []
            now = self.hub.sent, self.hub.skipped
            counts = {"clients": len(self.hub), "sent": now[0] - sent, "skipped": now[1] - skipped}
            body = json.dumps({"worker": os.getpid(), "requests": told, **counts}).encode()
            try:
                await self._ask("POST", MEASURED, body, {"Content-Type": JSON})
                sent, skipped = now
            except ApiError:
                self._measured = (told + self._measured)[:MOST]
