"""The exchange's feed, as the platform sees it."""

from __future__ import annotations

from collections.abc import Mapping

from tapewatch.simulating.chance import Spread
from tapewatch.simulating.market import SYMBOLS, Trade
from tapewatch.simulating.scene import Actor, Handler, Scene
from tapewatch.simulating.wire import Answer, Unreachable
from tapewatch_sdk import tracing
from tapewatch_sdk.events import EventSeverity, EventType

__all__ = ["MarketData"]

EVERY = 16
"""Of so many trades of a symbol one is looked at by the strategies: about one a second, at rest."""

PROCESSING = 9.0
"""Microseconds that a tick usually takes; the budget is 20."""

RECONNECT_EVERY = 20.0
"""Simulated seconds from one reconnection to the next, when there are too many."""

_SLOW = 160.0
_BACKLOG = 5_000


class MarketData(Actor):
    """Takes ticks and hands some of them on; one that is handed on begins a trace."""

    domains = frozenset({"market_data"})

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._until = 0.0
        self._connected = True
        self._reconnect_at = 0.0
        self._latency = Spread(scene.seed, scene.stream("processing"), PROCESSING, 0.3)
        self._prices: dict[str, float] = {}

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The last prices."""
        return {("GET", "/prices"): lambda *_: {"prices": dict(self._prices)}}

    def begin(self, now: float) -> None:
        """Nothing that was traded before counts."""
        self._until = now
        for symbol in SYMBOLS:
            for name in ("ticks_received", "ticks_processed", "orderbook_updates", "volume"):
                self.meters[f"market_data_{name}_total"].appear(symbol)
        for reason in ("fault", "timeout"):
            self.meters["market_data_websocket_reconnects_total"].appear(reason)
        self._show(now)

    def advance(self, now: float) -> None:
        """Take the ticks up to a moment."""
        after, self._until = self._until, now
        self._connect(now)
        if self._connected:
            silent = self.scene.faults.value("stale-symbol")
            for trade in self.scene.market.trades(after, now):
                if trade.symbol != silent:
                    self._take(trade)
            for symbol in SYMBOLS:
                count = self.scene.market.updates(symbol, now) - self.scene.market.updates(symbol, after)
                self.meters["market_data_orderbook_updates_total"].inc(count, symbol)
        self._show(now)

    def unready(self) -> str:
        """Without its feed it cannot work."""
        return "" if self._connected else "the exchange's feed is not connected"

    def _take(self, trade: Trade) -> None:
        micros = self._latency.next(_SLOW if "slow-ticks" in self.scene.faults else 0.0)
        self.meters["market_data_ticks_received_total"].inc(1, trade.symbol)
        self._prices[trade.symbol] = trade.price
        if trade.number % EVERY:
            self._measure(trade, micros)
            return
        with tracing.correlated(), tracing.span("tick", symbol=trade.symbol, price=trade.price):
            self._measure(trade, micros)
            self._tell(trade)

    def _measure(self, trade: Trade, micros: float) -> None:
        self.meters["market_data_processing_latency_microseconds"].observe(micros, trade.symbol)
        self.meters["market_data_processing_latency_ms"].observe(micros / 1000, trade.symbol)
        self.meters["market_data_ticks_processed_total"].inc(1, trade.symbol)
        self.meters["market_data_volume_total"].inc(trade.size, trade.symbol)

    def _tell(self, trade: Trade) -> None:
        self.log("tick handed on", symbol=trade.symbol, price=round(trade.price, 4), number=trade.number)
        tick: Answer = {
            "symbol": trade.symbol, "price": trade.price, "number": trade.number // EVERY, "at": trade.at,
        }  # fmt: skip
        try:
            self.scene.wire.ask("signal", "/ticks", tick)
        except Unreachable:
            return  # the wire has said so, once

    def _connect(self, now: float) -> None:
        connected = "feed-disconnected" not in self.scene.faults
        if connected != self._connected:
            self._connected = connected
            kind = EventType.CONNECTION_RESTORED if connected else EventType.CONNECTION_LOST
            severity = EventSeverity.INFO if connected else EventSeverity.ERROR
            self.scene.bus.emit(kind, {"connection": "exchange feed"}, severity=severity)
            if connected:
                self.meters["market_data_websocket_reconnects_total"].inc(1, "fault")
        if "reconnects" in self.scene.faults and now >= self._reconnect_at:
            self._reconnect_at = now + RECONNECT_EVERY
            self.meters["market_data_websocket_reconnects_total"].inc(1, "timeout")

    def _show(self, now: float) -> None:
        self.meters["market_data_websocket_connected"].set(float(self._connected))
        backlog = _BACKLOG if "backlog" in self.scene.faults else 0
        waiting = int(4 * self._latency.next() / PROCESSING) if self._connected else 0
        self.meters["market_data_message_queue_size"].set(backlog + waiting)
        for symbol in SYMBOLS:
            price = self._prices.setdefault(symbol, self.scene.market.price(symbol, now))
            self.meters["market_data_price"].set(price, symbol)
            self.meters["market_data_orderbook_depth"].set(self.scene.market.depth(symbol, now), symbol)
