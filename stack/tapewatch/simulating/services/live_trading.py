"""A Python engine that trades on its own, a cycle every five seconds."""

from __future__ import annotations

from collections.abc import Mapping

from tapewatch.simulating.book import SIDES, Book, Fill
from tapewatch.simulating.chance import Draws, Spread
from tapewatch.simulating.market import SYMBOLS
from tapewatch.simulating.scene import Actor, Handler, Scene
from tapewatch.simulating.services._halting import Halted
from tapewatch.simulating.wire import Unreachable
from tapewatch_sdk import tracing
from tapewatch_sdk.events import EventType

__all__ = ["LiveTrading"]

EVERY = 5.0
"""Seconds between two cycles."""

CASH = 100_000.0
"""USD with which it begins."""

TRADE = 500.0
"""USD of a trade."""

CAP = 10_000.0
"""USD that it holds of a symbol at most."""

_KEEP = 0.8
"""Weight of the mean price so far."""

_BEHIND = 20
"""Cycles that are made up for at most, after the machine has slept."""


class LiveTrading(Actor):
    """Cycles: ask for the prices, decide for each symbol, trade."""

    domains = frozenset({"live_trading"})

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._book = Book()
        self._cash = CASH
        self._at_midnight = CASH
        self._day = self._cycles = 0
        self._next = 0.0
        self._means: dict[str, float] = {}
        self._halted = Halted(scene)
        self._draws = Draws(scene.seed, scene.stream("decision"))
        self._cycle = Spread(scene.seed, scene.stream("cycle"), 0.35, 0.3)
        self._latency = Spread(scene.seed, scene.stream("order"), 0.03, 0.4)

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """Can be halted."""
        return {("POST", "/halt"): self._halted.look}

    def begin(self, now: float) -> None:
        """The first cycle begins now."""
        self._next, self._day = now, self.scene.day(now)
        for symbol in SYMBOLS:
            self.meters["live_trading_trades_total"].appear(symbol)
        self._show()

    def advance(self, now: float) -> None:
        """Run the cycles that are due."""
        self._halted.advance(now)
        if self.scene.day(now) != self._day:
            self._day, self._at_midnight = self.scene.day(now), self._value
        self._next = max(self._next, now - _BEHIND * EVERY)
        while self._next <= now:
            self._next += EVERY
            with tracing.correlated(), tracing.span("cycle"):
                self._run()
        self._show()

    def _run(self) -> None:
        self._cycles += 1
        self.scene.bus.emit(EventType.CYCLE_START, {"cycle": self._cycles})
        try:
            prices = self.scene.wire.ask("market_data", "/prices")["prices"]
        except (Unreachable, KeyError) as error:
            self.meters["live_trading_errors_total"].inc(1)
            self.scene.bus.emit_error(error, "ask for the prices")
            prices = {}
        traded = sum(self._decide(symbol, float(price)) for symbol, price in prices.items() if symbol in SYMBOLS)
        self.meters["live_trading_cycles_total"].inc(1)
        self.meters["live_trading_cycle_duration_seconds"].observe(self._cycle.next())
        self.log("cycle", number=self._cycles, trades=traded)
        self.scene.bus.emit(EventType.CYCLE_END, {"cycle": self._cycles, "trades": traded})

    def _decide(self, symbol: str, price: float) -> bool:
        mean = self._means.get(symbol, price)
        self._means[symbol] = _KEEP * mean + (1 - _KEEP) * price
        self._book.mark(symbol, price)
        self.meters["live_trading_decisions_total"].inc(1)
        if self._halted.now or self._draws.unit(3 * self._cycles + len(symbol) + ord(symbol[0])) < 0.8:
            return False
        side = "buy" if price < mean else "sell"
        if abs(held := self._book.of(symbol).value) >= CAP:
            side = "sell" if held > 0 else "buy"
        self._trade(symbol, side, price)
        return True

    def _trade(self, symbol: str, side: str, price: float) -> None:
        fill = Fill(self._book.last + 1, symbol, side, TRADE / price, price)
        self._book.take(fill)
        self._cash -= SIDES[side] * TRADE
        self.meters["live_trading_trades_total"].inc(1, symbol)
        self.meters["live_trading_trades_value_usd_total"].inc(TRADE)
        self.meters["live_trading_order_latency_seconds"].observe(self._latency.next())
        self.scene.bus.emit_trade(symbol, side, fill.size, price, trade_id=f"{self.scene.service}-{fill.number}")

    @property
    def _value(self) -> float:
        return self._cash + sum(each.value for each in self._book.positions.values())

    def _show(self) -> None:
        self.meters["live_trading_portfolio_value_usd"].set(self._value)
        self.meters["live_trading_cash_balance_usd"].set(self._cash)
        self.meters["live_trading_positions_count"].set(self._book.open)
        self.meters["live_trading_daily_pnl_usd"].set(self._value - self._at_midnight)
