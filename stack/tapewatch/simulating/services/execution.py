"""Places orders at the exchange, and is that exchange: it keeps the record against which positions are reconciled."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from contextlib import suppress

from tapewatch.simulating.book import SIDES, Book, Fill
from tapewatch.simulating.chance import Draws, Outcomes, Spread
from tapewatch.simulating.market import SYMBOLS
from tapewatch.simulating.scene import Actor, Handler, Scene
from tapewatch.simulating.services._api import ExchangeApi
from tapewatch.simulating.services._halting import Halted
from tapewatch.simulating.wire import Answer, Unreachable
from tapewatch_sdk import tracing
from tapewatch_sdk.events import EventType

__all__ = ["Execution"]

SHARES = {"rejected": 1, "cancelled": 1}
"""Of a hundred orders; the others are filled."""

REASONS = ("insufficient_funds", "post_only", "rate_limited")
"""Why the exchange rejects an order."""

PLACEMENT = 8.0
"""Milliseconds that it usually takes to place an order; the alert's limit is 100."""

FILL = 12.0
"""Milliseconds from submitting an order to its fill, usually."""

SLIPPAGE = 0.15
"""Basis points by which a fill is usually worse than the price that was expected."""

REMEMBERED = 256
"""Orders whose answer is kept, for one that comes a second time."""

_SLOW = 180.0
_BAD = 0.25


class _RejectedError(Exception):
    """The exchange does not take an order; the text is its reason."""


class Execution(Actor):
    """Orders from submission to their end, which comes at once."""

    domains = frozenset({"execution"})

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._record = Book()
        self._halted = Halted(scene)
        self._api = ExchangeApi(scene)
        self._orders = 0
        self._untold: deque[Answer] = deque()
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._outcomes = Outcomes(Draws(scene.seed, scene.stream("outcome")), SHARES, "filled")
        self._chance = Draws(scene.seed, scene.stream("chance"))
        self._placement = Spread(scene.seed, scene.stream("placement"), PLACEMENT, 0.4)
        self._fill = Spread(scene.seed, scene.stream("fill"), FILL, 0.4)
        self._slippage = Spread(scene.seed, scene.stream("slippage"), SLIPPAGE, 0.5)

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """Takes orders, and shows the exchange's record."""
        return {
            ("POST", "/orders"): self.order,
            ("POST", "/halt"): self._halted.look,
            ("GET", "/exchange/positions"): lambda *_: self._record.record(),
        }

    def begin(self, now: float) -> None:
        """The exchange forgets nothing: a service that is started anew takes its record from the tracker."""
        with suppress(Unreachable):  # it has none, or is about to begin as well
            self._record.restore(self.scene.wire.ask("position", "/positions"))
        for symbol in SYMBOLS:
            self.meters["execution_orders_cancelled_total"].appear(symbol)
            for side in SIDES:
                self.meters["execution_orders_submitted_total"].appear(symbol, side)
                self.meters["execution_orders_filled_total"].appear(symbol, side)
            for reason in REASONS:
                self.meters["execution_orders_rejected_total"].appear(symbol, reason)
        self._api.begin(now)

    def advance(self, now: float) -> None:
        """Ask the exchange for this and that, tell fills that nobody could be told of."""
        with self.lock:
            self._halted.advance(now)
            self._api.advance(now)
            self._tell()

    def order(self, order: Answer, _headers: Mapping[str, str]) -> Answer:
        """An order -> its end: `filled` with the fill, `rejected`, `cancelled`, or `halted`."""
        with self.lock:
            known = self._answers.get(str(order["id"]))
            if known is not None:
                return known
            if self._halted.now:
                return {"status": "halted"}
            answer = self._answers[str(order["id"])] = self._submit(order)
            if len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
            return answer

    def _submit(self, order: Answer) -> Answer:
        symbol, side = str(order["symbol"]), str(order["side"])
        self._orders += 1
        self.meters["orders_submitted_total"].inc(1)
        self.meters["execution_orders_submitted_total"].inc(1, symbol, side)
        status, reason = self._placed(order, symbol)
        self.scene.bus.emit_trade(
            symbol, side, order["size"], order["price"], event_type=EventType.TRADE_SUBMITTED, trade_id=order["id"]
        )
        self.log("order placed", order=order["id"], symbol=symbol, side=side, status=status)
        if status == "filled":
            return self._filled(order)
        return self._failed(order, status, reason)

    def _placed(self, order: Answer, symbol: str) -> tuple[str, str]:
        """What the exchange makes of an order, and why it rejects it; the span that asks shows that as its error."""
        try:
            with tracing.span("place order", kind="client", order=order["id"], symbol=symbol):
                return self._asked(), ""
        except _RejectedError as error:
            return "rejected", str(error)

    def _asked(self) -> str:
        placed = self._placement.next(_SLOW if "slow-orders" in self.scene.faults else 0.0)
        self.meters["order_placement_latency_milliseconds"].observe(placed)
        self.meters["execution_time_ms"].observe(placed / 4, "submit")
        # The call works; the exchange's word on the order comes later.
        self._api.called("orders", "200", placed / 2)
        status = self._outcome()
        if status == "rejected":
            raise _RejectedError(REASONS[int(len(REASONS) * self._chance.unit(-self._orders))])
        return status

    def _outcome(self) -> str:
        for fault, status in (("rejections", "rejected"), ("unfilled", "cancelled")):
            if fault in self.scene.faults and self._chance.unit(self._orders) < _BAD:
                return status
        return self._outcomes.of(self._orders)

    def _filled(self, order: Answer) -> Answer:
        symbol, side = str(order["symbol"]), str(order["side"])
        slippage, latency = self._slippage.next(), self._fill.next()
        price = float(order["price"]) * (1 + SIDES[side] * slippage / 10_000)
        fill: Answer = {
            "number": self._record.last + 1, "order": order["id"], "symbol": symbol, "side": side,
            "size": order["size"], "price": price, "strategy": order.get("strategy", ""),
        }  # fmt: skip
        self._record.take(Fill.read(fill))
        self.meters["orders_filled_total"].inc(1)
        self.meters["execution_orders_filled_total"].inc(1, symbol, side)
        self.meters["execution_fill_latency_ms"].observe(latency, symbol)
        self.meters["execution_slippage_bps"].observe(slippage, symbol)
        self.meters["execution_last_fill_price"].set(price, symbol)
        self.scene.bus.emit_trade(
            symbol, side, order["size"], price, trade_id=order["id"], latency_ms=round(latency, 3),
            slippage_bps=round(slippage, 3), strategy=fill["strategy"],
        )  # fmt: skip
        self._untold.append(fill)
        self._tell()
        return {"status": "filled", "fill": fill}

    def _failed(self, order: Answer, status: str, reason: str) -> Answer:
        symbol = str(order["symbol"])
        if status == "cancelled":
            self.meters["execution_orders_cancelled_total"].inc(1, symbol)
            self.meters["execution_time_ms"].observe(self._placement.next() / 4, "cancel")
            return {"status": status}
        self.meters["orders_rejected_total"].inc(1)
        self.meters["execution_orders_rejected_total"].inc(1, symbol, reason)
        self.scene.bus.emit_trade(
            symbol, str(order["side"]), order["size"], order["price"], event_type=EventType.TRADE_REJECTED,
            trade_id=order["id"], reason=reason,
        )  # fmt: skip
        return {"status": status, "reason": reason}

    def _tell(self) -> None:
        """Tell the tracker of the fills, in their order; one that it could not be told of is told later."""
        while self._untold:
            try:
                self.scene.wire.ask("position", "/fills", self._untold[0])
            except Unreachable:
                return
            self._untold.popleft()
