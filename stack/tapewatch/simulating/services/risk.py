"""The risk manager: every order goes through it, and it can stop them all."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tapewatch.simulating.book import SIDES, Book, Fill
from tapewatch.simulating.chance import Spread
from tapewatch.simulating.market import SYMBOLS
from tapewatch.simulating.scene import Actor, Handler, Refused, Scene
from tapewatch.simulating.services._losses import LIMIT, Losses, StopLoss
from tapewatch.simulating.wire import Answer, Unreachable
from tapewatch_sdk.events import EventSeverity, EventType

__all__ = ["EXPOSURE_LIMIT", "POSITION_LIMIT", "RiskManager"]

POSITION_LIMIT = 25_000.0
"""USD that may be held of a symbol."""

EXPOSURE_LIMIT = 60_000.0
"""USD that may be held of all symbols together."""

CHECK = 6.0
"""Microseconds that a check usually takes; the budget is 20."""

BREACH_EVERY = 60.0
"""Simulated seconds between two orders that are far too large, when there are such."""

TRADERS = ("execution", "live_trading")
"""Who is told at once when trading stops, or may go on."""

_SLOW = 40.0


class RiskManager(Actor):
    """Checks orders before they are placed, and keeps positions and losses from what became of them."""

    domains = frozenset({"risk"})

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._book = Book()
        self._losses = Losses(scene)
        self._stop_loss = StopLoss(self.meters["risk_stop_loss_triggers_total"])
        self._check = Spread(scene.seed, scene.stream("check"), CHECK, 0.25)
        self._reason = ""
        self._by_fault = False
        self._breaker = False
        self._breach_at = 0.0

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """Checks orders, and takes the kill switch."""
        return {
            ("POST", "/checks"): self.check,
            ("GET", "/kill-switch"): lambda *_: self._state(),
            ("POST", "/kill-switch"): self._kill_switch,
        }

    def begin(self, now: float) -> None:
        """Go on from the positions that the tracker has; every series is there from the first moment."""
        with suppress(Unreachable):  # it has none, or is about to begin as well
            self._book.restore(self.scene.wire.ask("position", "/positions"))
            self._book.realized = 0.0  # since the service started
        for limit in ("position", "exposure"):
            self.meters["risk_limit_breaches_total"].appear(limit)
        for reason in ("volatility", "loss"):
            self.meters["risk_circuit_breaker_trips_total"].appear(reason)
        for symbol in SYMBOLS:
            self._book.of(symbol)
            self.meters["risk_position_checks_total"].appear(symbol)
            for kind in StopLoss.KINDS:
                self.meters["risk_stop_loss_triggers_total"].appear(symbol, kind)
        self._losses.begin(self._book, now)
        self._show()

    def advance(self, now: float) -> None:
        """What happens without an order: a new day, faults."""
        if ("kill-switch" in self.scene.faults) != self._by_fault:
            self._by_fault = not self._by_fault
            self.switch(self._by_fault, "fault" if self._by_fault else "the fault is over")
        with self.lock:
            self._trip("breaker" in self.scene.faults)
            if "limit-breach" in self.scene.faults and now >= self._breach_at:
                self._breach_at = now + BREACH_EVERY
                self.check(self._far_too_large(), {})
            self._losses.advance(self._book, now)
            self._show()

    def check(self, order: Answer, _headers: Mapping[str, str]) -> Answer:
        """An order -> what became of it."""
        with self.lock:
            symbol = str(order["symbol"])
            micros = self._check.next(_SLOW if "slow-checks" in self.scene.faults else 0.0)
            self.meters["risk_check_duration_microseconds"].observe(micros)
            self.meters["risk_check_duration_ms"].observe(micros / 1000, symbol)
            self.meters["risk_position_checks_total"].inc(1, symbol)
            self._book.mark(symbol, float(order["price"]))
            stopped = self._stop_loss.look(symbol, self._book.of(symbol))
            reason = self._objection(order, stopped)
            self.log("order checked", order=order["id"], symbol=symbol, refused=reason)
            answer: Answer = {"status": "refused", "reason": reason} if reason else self._place(order)
            if stopped or self._losses.careful:
                answer["only_reduce"] = True
            self._show()
            return answer

    def switch(self, active: bool, reason: str) -> None:
        """Stop all orders, or let them pass again; tells everybody who trades."""
        before, self._reason = self._reason, (reason or "by hand") if active else ""
        if bool(before) == active:
            return
        self.meters["risk_kill_switch_active"].set(float(active))
        if active:
            self.scene.bus.emit_kill_switch(self._reason, None, None)
        else:
            data = {"switch": "kill_switch", "released": True, "reason": reason}
            self.scene.bus.emit(EventType.KILL_SWITCH_TRIGGERED, data, severity=EventSeverity.WARNING)
        self.log("kill switch", active=active, reason=reason)
        for role in TRADERS:
            threading.Thread(target=self._tell, args=(role,), name=f"tell {role}", daemon=True).start()

    def _tell(self, role: str) -> None:
        try:
            self.scene.wire.ask(role, "/halt", {})
        except Unreachable:
            return  # no order passes here in any case, and it asks by itself before long

    def _kill_switch(self, body: Answer, headers: Mapping[str, str]) -> Answer:
        token = self.scene.token()
        if not token:
            raise Refused(403, "the kill switch cannot be used from outside: no token is configured")
        shown = headers.get("authorization", "").encode()
        if not hmac.compare_digest(shown, f"Bearer {token}".encode()):
            raise Refused(401, "the token is missing or wrong")
        if not isinstance(body.get("active"), bool):
            raise Refused(400, "the body needs `active`, true or false")
        self.switch(body["active"], str(body.get("reason", ""))[:200])
        return self._state()

    def _state(self) -> Answer:
        return {"active": bool(self._reason), "reason": self._reason}

    def _objection(self, order: Answer, stopped: bool) -> str:
        """Why an order must not be placed; empty when it may."""
        if self._reason:
            return "kill_switch"
        if self._breaker:
            return "circuit_breaker"
        if self._losses.exceeded:
            return "daily_loss"
        before = self._book.of(str(order["symbol"])).value
        after = before + SIDES[str(order["side"])] * float(order["size"]) * float(order["price"])
        if abs(after) <= abs(before):
            return ""
        if stopped or self._losses.careful:
            return "only_reduce"
        exposure = self._book.exposure - abs(before) + abs(after)
        for limit, value, allowed in (
            ("position", abs(after), POSITION_LIMIT), ("exposure", exposure, EXPOSURE_LIMIT),
        ):  # fmt: skip
            if value > allowed:
                self._breached(limit, value, allowed)
                return f"{limit}_limit"
        return ""

    def _breached(self, limit: str, value: float, allowed: float) -> None:
        self.meters["risk_limit_breaches_total"].inc(1, limit)
        data = {"limit_type": limit, "value": round(value, 2), "limit": allowed}
        self.scene.bus.emit(EventType.POSITION_LIMIT_WARNING, data, severity=EventSeverity.WARNING)

    def _place(self, order: Answer) -> Answer:
        try:
            answer = self.scene.wire.ask("execution", "/orders", order)
        except Unreachable as error:
            return {"status": "unreachable", "reason": str(error)}
        if "fill" in answer:
            self._book.take(Fill.read(answer["fill"]))
        return answer

    def _trip(self, wanted: bool) -> None:
        if wanted and not self._breaker:
            self.meters["risk_circuit_breaker_trips_total"].inc(1, "volatility")
            self.meters["circuit_breaker_trips_total"].inc(1)
            self.scene.bus.emit_breaker_trip("volatility", None, None)
        self._breaker = wanted

    def _far_too_large(self) -> dict[str, Any]:
        position = self._book.of("BTC-USD")
        price = position.mark or SYMBOLS["BTC-USD"].price
        side = "buy" if position.size >= 0 else "sell"
        return {
            "id": "far-too-large",
            "symbol": "BTC-USD",
            "side": side,
            "size": 10 * POSITION_LIMIT / price,
            "price": price,
        }

    def _show(self) -> None:
        meters, book = self.meters, self._book
        meters["risk_kill_switch_active"].set(float(bool(self._reason)))
        meters["risk_circuit_breaker_status"].set(float(self._breaker))
        meters["risk_position_count"].set(book.open)
        meters["risk_total_exposure"].set(book.exposure)
        for symbol, position in book.positions.items():
            meters["risk_position_size"].set(position.size, symbol)
            meters["risk_pnl_unrealized"].set(position.unrealized, symbol)
        losses = self._losses
        losses.update(book)
        meters["risk_pnl_realized"].set(book.realized - losses.booked)
        meters["risk_daily_loss_usd"].set(losses.today)
        meters["risk_daily_loss_limit_usd"].set(LIMIT)
        meters["risk_max_drawdown"].set(losses.drawdown)
