"""The live page with a server behind it that says what a test wants, in the very messages of the API.

with PageServer() as server, browser() as page:
    server.services["risk-manager"] = service()
    server.set("risk_kill_switch_active", 0.0, service="risk-manager")
    page.goto(server.url)
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Thread
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

from support.servers import free_port
from tapewatch.history.page import HEADERS, Asset, assets
from tapewatch_sdk.events import Event

__all__ = ["DASH", "PageServer", "alert", "buckets", "service"]

DASH = "\N{EN DASH}"
"""What the page shows for what is not known."""

BEAT = 0.1
"""Seconds between two snapshots, as the API has it."""

Key = tuple[str, tuple[tuple[str, str], ...]]


def service(up: bool | None = True, **told: Any) -> dict[str, Any]:
    """What a snapshot says of a service."""
    found = {"up": up, "error": "", "age": 0.4, "duration_ms": 3.2, "team": "trading", "mode": "scrape"}
    return found | told


def alert(alertname: str, severity: str = "critical", **told: Any) -> dict[str, Any]:
    """What a snapshot says of an alert."""
    found = {
        "alertname": alertname,
        "severity": severity,
        "service": "risk-manager",
        "team": "risk",
        "state": "firing",
        "since": time.time() - 90,
        "summary": f"{alertname} of risk-manager",
        "labels": {"alertname": alertname, "severity": severity},
    }
    return found | told


def buckets(name: str, values: Mapping[float, float], **labels: str) -> dict[str, Any]:
    """A series as the history answers it: one value for each minute, by the Unix time at which the minute begins."""
    found = [
        {"timestamp": datetime.fromtimestamp(at, UTC).isoformat(), "avg": value, "min": value, "max": value}
        | {"last": value, "count": 60}
        for at, value in values.items()
    ]
    symbol = labels.get("symbol", "")
    return {"name": name, "labels": labels, "type": "gauge", "service": "", "symbol": symbol, "buckets": found}


class PageServer:
    """Serves the page; its attributes may be changed at any time, and the next snapshot says so.

    Attributes:
        services, alerts, store, simulated: as a snapshot has them.
        history: the series that `POST /api/metrics/history` answers.
        most: series that one answer holds at most; one that would have more is cut off, and says so.
        asked: the bodies of those requests.
        key: what a login must show; empty: nobody has to log in.
        silent: the connection stays open, but no snapshot is sent.
        requests: how often each path was asked for.
        sequence: of the newest snapshot.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        self.services: dict[str, dict[str, Any]] = {}
        self.alerts: dict[str, Any] = {"evaluated": True, "reason": "", "active": []}
        self.store = {"writing": True, "reason": "", "samples_per_second": 812.4, "bytes": 48_300_000}
        self.simulated = True
        self.history: list[dict[str, Any]] = []
        self.most = 1_000
        self.asked: list[dict[str, Any]] = []
        self.key = ""
        self.silent = False
        self.requests: Counter[str] = Counter()
        self._values: dict[Key, tuple[str, float | None]] = {}
        self._told: tuple[Key, ...] = ()
        self._version = 0
        self.sequence = 0
        self._told_events: list[dict[str, Any]] = []
        self._clients: set[web.WebSocketResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._stopped = Flag()

    # What a test says.

    def set(self, name: str, value: float | None, kind: str = "gauge", **labels: str) -> None:
        """The value of a series; None: it is not exposed any more."""
        self._values[(name, tuple(sorted(labels.items())))] = (kind, value)

    def add(self, name: str, gained: float, kind: str = "counter", **labels: str) -> None:
        """Let a counter gain."""
        before = self._values.get((name, tuple(sorted(labels.items()))), (kind, 0.0))[1]
        self.set(name, (before or 0.0) + gained, kind, **labels)

    def forget(self) -> None:
        """Begin anew with no series, as a server does that was started again."""
        self._values, self._told, self._version = {}, (), 0

    def trade(self) -> None:
        """Let a platform of five services trade two symbols, and be in the best of health."""
        for name in ("market-data", "signal-bridge", "risk-manager", "execution-engine", "position-tracker"):
            self.services[name] = service()
        for symbol, price in (("BTC-USD", 64_010.5), ("ETH-USD", 3_187.25)):
            self.set("market_data_price", price, symbol=symbol, service="market-data")
            self.set("risk_pnl_unrealized", 2.5, symbol=symbol, service="risk-manager")
            for outcome in ("submitted", "filled", "rejected", "cancelled"):
                self.set(
                    f"execution_orders_{outcome}_total", 100.0, "counter", symbol=symbol, service="execution-engine"
                )
        self.set("market_data_websocket_connected", 1.0, service="market-data")
        self.set("strategy_daily_pnl", 12.5, strategy="momentum", service="signal-bridge")
        for name, value in (
            ("risk_kill_switch_active", 0.0),
            ("risk_circuit_breaker_status", 0.0),
            ("risk_daily_loss_usd", 50.0),
            ("risk_daily_loss_limit_usd", 5_000.0),
            ("risk_total_exposure", 798.45),
            ("risk_position_count", 2.0),
            ("risk_pnl_realized", -3.25),
        ):
            self.set(name, value, service="risk-manager")

    def tell(self, *events: Event) -> None:
        """Send events."""
        found = [event.to_dict() for event in events]
        self._told_events += found
        self._run(self._send({"type": "events", "events": found})).result(5)

    # The server.

    def start(self) -> Self:
        """Begin to listen."""
        if not self._loop.is_running():
            Thread(target=self._loop.run_forever, daemon=True).start()
        self._run(self._start()).result(10)
        return self

    def stop(self) -> None:
        """Cut every connection and listen no more; `start` goes on at the same port."""
        self._run(self._stop()).result(10)

    def _run(self, work: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _start(self) -> None:
        app = web.Application(middlewares=[self._checked])
        for path, asset in assets().items():
            app.router.add_get(path, _gives(asset))
        app.router.add_get("/ws/metrics", self._socket)
        app.router.add_get("/api/events", self._list_events)
        app.router.add_post("/api/metrics/history", self._history)
        app.router.add_post("/login", self._login)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self._beat = asyncio.ensure_future(self._send_snapshots())

    async def _stop(self) -> None:
        if self._runner is None:
            return
        self._beat.cancel()
        for client in tuple(self._clients):
            with suppress(OSError, RuntimeError):
                await client.close()
        await self._runner.cleanup()
        self._runner = None

    @web.middleware
    async def _checked(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        self.requests[request.path] += 1
        is_open = request.path in ("/", "/login") or request.path.startswith("/page/")
        if self.key and not is_open and request.cookies.get("login") != self.key:
            return web.json_response({"error": {"code": "unauthorized"}}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _login(self, request: web.Request) -> web.Response:
        if (await request.json())["key"] != self.key:
            return web.json_response({"error": {"code": "unauthorized"}}, status=401)
        answer = web.Response(status=204)
        answer.set_cookie("login", self.key, httponly=True, samesite="Strict")
        return answer

    async def _list_events(self, request: web.Request) -> web.Response:
        wanted = request.query.getall("type", [])
        found = [event for event in self._told_events if not wanted or event["event_type"] in wanted]
        return web.json_response({"events": found[-100:], "truncated": False})

    async def _history(self, request: web.Request) -> web.Response:
        query = await request.json()
        self.asked.append(query)
        wanted = [each for each in self.history if each["name"] in query["metric_types"]]
        return web.json_response({"truncated": len(wanted) > self.most, "series": wanted[: self.most]})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse()
        await client.prepare(request)
        await client.send_json({"type": "events", "events": self._told_events[-50:]})
        await client.send_json(self._series())
        self._clients.add(client)
        async for message in client:
            if message.type == WSMsgType.TEXT and message.data == "ping" and not self.silent:
                await client.send_str("pong")
        self._clients.discard(client)
        return client

    async def _send_snapshots(self) -> None:
        due = time.monotonic()
        while True:
            if not self.silent:
                if tuple(self._values) != self._told:
                    self._told = tuple(self._values)
                    self._version += 1
                    await self._send(self._series())
                await self._send(self._snapshot())
            due += BEAT
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _send(self, message: Mapping[str, Any]) -> None:
        text = json.dumps(message)
        for client in tuple(self._clients):
            with suppress(OSError, RuntimeError):
                await client.send_str(text)

    def _series(self) -> dict[str, Any]:
        found = [[name, dict(labels), self._values[(name, labels)][0]] for name, labels in self._told]
        return {"type": "series", "version": self._version, "series": found}

    def _snapshot(self) -> dict[str, Any]:
        self.sequence += 1
        return {
            "type": "snapshot",
            "version": self._version,
            "at": time.time(),
            "sequence": self.sequence,
            "simulated": self.simulated,
            "values": list(_numbers(self._values[key][1] for key in self._told)),
            "services": self.services,
            "alerts": self.alerts,
            "store": self.store,
        }

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)


def _numbers(values: Iterable[float | None]) -> Iterable[float | str | None]:
    for value in values:
        if value is None or math.isfinite(value):
            yield value
        else:
            yield "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _gives(asset: Asset) -> Callable[[web.Request], Any]:
    async def give(request: web.Request) -> web.Response:
        return web.Response(
            body=asset.body, headers={**HEADERS, "Content-Type": asset.content_type, "ETag": asset.etag}
        )

    return give
