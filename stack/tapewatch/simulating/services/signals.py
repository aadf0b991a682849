"""Two strategies that make signals of ticks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import count

from tapewatch.simulating.book import SIDES, Book, Fill
from tapewatch.simulating.chance import Draws, Spread
from tapewatch.simulating.market import SYMBOLS
from tapewatch.simulating.scene import Actor, Handler, Scene
from tapewatch.simulating.wire import Answer, Unreachable
from tapewatch_sdk.events import EventType

__all__ = ["CAP", "SignalBridge"]

STRATEGIES = ("momentum", "mean-reversion")

TURNS = (0, 0, 0, 0, 0, 1, 1, 1)
"""Whose turn it is, by tick: five of eight for momentum."""

CAP = 6_000.0
"""USD that a strategy holds of a symbol at most; both together stay far below the limits of the risk manager."""

ORDER = 400.0
"""USD of a usual order."""

INFERENCE = 15.0
"""Microseconds that a model usually takes; the budget is 30."""

_FAST, _SLOW = 0.2, 0.05
"""Weight of the newest price in the quick and in the slow mean."""


class SignalBridge(Actor):
    """Makes a signal of each tick that it is told of, and an order of the signal."""

    domains = frozenset({"signal"})

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._books = {name: Book() for name in STRATEGIES}
        self._at_midnight = dict.fromkeys(STRATEGIES, 0.0)
        self._day = 0
        self._means: dict[str, tuple[float, float]] = {}
        self._only_reduce: set[str] = set()
        self._ids = count(1)
        self._run = f"{time.time_ns():x}"  # orders of a service that was started anew are others
        self._draws = Draws(scene.seed, scene.stream("size"))
        self._inference = Spread(scene.seed, scene.stream("inference"), INFERENCE, 0.2)

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """Takes ticks."""
        return {("POST", "/ticks"): self.tick}

    def begin(self, now: float) -> None:
        """Every series is there from the first moment."""
        self._day = self.scene.day(now)
        for strategy in STRATEGIES:
            for side in SIDES:
                self.meters["strategy_signals_total"].appear(strategy, side)
        self._show()

    def advance(self, now: float) -> None:
        """A new day begins at midnight, UTC."""
        with self.lock:
            if self.scene.day(now) != self._day:
                self._day = self.scene.day(now)
                self._at_midnight = {name: _profit(book) for name, book in self._books.items()}
            self._show()

    def tick(self, tick: Answer, _headers: Mapping[str, str]) -> Answer:
        """A tick -> what became of its signal."""
        symbol, price = str(tick["symbol"]), float(tick["price"])
        if symbol not in SYMBOLS:
            return {"status": "unknown symbol"}
        with self.lock:
            strategy = STRATEGIES[TURNS[int(tick["number"]) % len(TURNS)]]
            side = self._decide(strategy, symbol, price)
            self.meters["signal_inference_duration_microseconds"].observe(self._inference.next(), "direction")
            self.meters["strategy_signals_total"].inc(1, strategy, side)
            self.log("signal", strategy=strategy, symbol=symbol, side=side, price=round(price, 4))
            answer = self._order(strategy, symbol, side, price, float(tick["at"]))
            self._show()
            return answer

    def _decide(self, strategy: str, symbol: str, price: float) -> str:
        fast, slow = self._means.get(symbol, (price, price))
        fast, slow = fast + _FAST * (price - fast), slow + _SLOW * (price - slow)
        self._means[symbol] = (fast, slow)
        side = "buy" if (fast >= slow if strategy == "momentum" else price <= fast) else "sell"
        book = self._books[strategy]
        book.mark(symbol, price)
        held = book.of(symbol).value
        full = abs(held) >= CAP or (symbol in self._only_reduce and held)
        if full and held * SIDES[side] > 0:
            return "sell" if side == "buy" else "buy"
        return side

    def _order(self, strategy: str, symbol: str, side: str, price: float, at: float) -> Answer:
        number = next(self._ids)
        order: Answer = {
            "id": f"{self._run}-{number}", "strategy": strategy, "symbol": symbol, "side": side, "price": price,
            "size": ORDER * (0.5 + self._draws.unit(number)) / price, "at": at,
        }  # fmt: skip
        self.scene.bus.emit(EventType.DECISION_MADE, {**order})
        try:
            answer = self.scene.wire.ask("risk", "/checks", order)
        except Unreachable as error:
            return {"status": "unreachable", "reason": str(error)}
        (self._only_reduce.add if answer.get("only_reduce") else self._only_reduce.discard)(symbol)
        if "fill" in answer:
            self._books[strategy].take(Fill.read(answer["fill"]))
        return answer

    def _show(self) -> None:
        for strategy, book in self._books.items():
            profit = _profit(book)
            self.meters["strategy_pnl"].set(profit, strategy)
            self.meters["strategy_daily_pnl"].set(profit - self._at_midnight[strategy], strategy)
            self.meters["strategy_positions"].set(book.open, strategy)
            self.meters["strategy_win_rate"].set(book.won / book.closed if book.closed else 0.0, strategy)


def _profit(book: Book) -> float:
    return book.realized + book.unrealized
