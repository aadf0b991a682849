"""How busy the live page keeps a browser's main thread while the platform trades and it is looked at."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from _measure import ROOT, Figure

sys.path.insert(0, str(ROOT / "tests"))

from playwright.sync_api import Page

from support.browser import browser
from support.live_page import PageServer, service

__all__ = ["run"]

BUSY = 15.0
"""Percent of the main thread that the page may take at rest, so that it can be left open beside other work."""

SECONDS = 15.0


def run() -> list[Figure]:
    """The shares, with the sample platform's series and with those of a large one."""
    return [
        Figure("main thread, sample platform", _busy(0), "%", BUSY),
        Figure("main thread, 60 services of 100 series", _busy(55), "%", BUSY),
    ]


def _busy(more: int) -> float:
    """The share in percent, with so many services of 100 series more; every value changes each second."""
    with PageServer() as server, browser(1400, 1000, away=True) as page:
        server.trade()
        for index in range(more):
            server.services[f"service-{index:02}"] = service()
        with _trading(lambda: _second(server, more)):
            page.goto(server.url)
            page.wait_for_timeout(5_000)
            return _share(page)


def _second(server: PageServer, more: int) -> None:
    for symbol in ("BTC-USD", "ETH-USD", "SOL-USD"):
        where: dict[str, Any] = {"symbol": symbol, "service": "market-data"}
        server.add("market_data_price", 0.5, "gauge", **where)
        for family in ("market_data_ticks_received_total", "market_data_processing_latency_microseconds_count"):
            server.add(family, 5.0, **where)
        server.add("market_data_processing_latency_microseconds_sum", 45.0, **where)
        for outcome in ("submitted", "filled"):
            server.add(f"execution_orders_{outcome}_total", 1.0, symbol=symbol, service="execution-engine")
        server.add("position_value_usd", 10.0, "gauge", symbol=symbol, service="position-tracker")
    for name in ("risk_total_exposure", "risk_pnl_realized", "risk_daily_loss_usd"):
        server.add(name, 1.0, "gauge", service="risk-manager")
    for index in range(more):
        for number in range(100):
            server.add(f"other_{number}", 1.0, service=f"service-{index:02}")


@contextmanager
def _trading(second: Callable[[], None]) -> Iterator[None]:
    """Once a second something happens."""
    ended = Event()

    def work() -> None:
        while not ended.wait(1.0):
            second()

    second()
    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _share(page: Page) -> float:
    """What Chromium itself counts as the main thread's tasks, in percent of the time."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def metrics() -> dict[str, float]:
        return {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}

    before = metrics()
    page.wait_for_timeout(SECONDS * 1_000)
    after = metrics()
    return 100 * (after["TaskDuration"] - before["TaskDuration"]) / (after["Timestamp"] - before["Timestamp"])
