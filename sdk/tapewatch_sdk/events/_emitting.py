"""Events that every trading service has, each with one call."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from tapewatch_sdk.events._plain import text_of
from tapewatch_sdk.events.event import Event, EventSeverity, EventType

__all__ = ["Emitter"]

KILL_SWITCH, CIRCUIT_BREAKER = "kill_switch", "circuit_breaker"
"""What the key `switch` of a `KILL_SWITCH_TRIGGERED` says."""


class Emitter:
    """What a bus can make and publish in one call. No call raises or waits."""

    source: str = ""
    """The source of the events that are made here, unless another is given."""

    def publish(self, event: Event) -> None:
        """Hand an event to everybody who wants it."""
        raise NotImplementedError

    def emit(
        self,
        event_type: EventType,
        data: Mapping[str, Any] | None = None,
        *,
        severity: EventSeverity = EventSeverity.INFO,
        source: str = "",
    ) -> None:
        """Make an event of this moment and publish it.

        Parameters:
            event_type: what it tells of.
            data: what else there is to say.
            severity: how bad it is.
            source: the bus's source unless given.
        """
        self.publish(Event(event_type, data=data or {}, source=source or self.source, severity=severity))

    def emit_trade(
        self,
        symbol: str,
        side: str,
        qty: Any,
        price: Any,
        *,
        event_type: EventType = EventType.TRADE_FILLED,
        source: str = "",
        **data: Any,
    ) -> None:
        """Tell of an order that was submitted, filled or rejected.

        Parameters:
            symbol: the product.
            side: `buy` or `sell`.
            qty: how much; kept under the key `quantity`.
            price: at which price.
            event_type: `TRADE_SUBMITTED`, `TRADE_FILLED` or `TRADE_REJECTED` (a warning).
            source: the bus's source unless given.
            data: what else there is to say; the API keeps `trade_id`, `latency_ms`, `slippage_bps` and `strategy` in
                columns of their own.
        """
        severity = EventSeverity.WARNING if event_type == EventType.TRADE_REJECTED else EventSeverity.INFO
        trade = {"symbol": symbol, "side": side, "quantity": qty, "price": price, **data}
        self.emit(event_type, trade, severity=severity, source=source)

    def emit_kill_switch(self, reason: str, value: Any, limit: Any, *, source: str = "", **data: Any) -> None:
        """Tell that all trading was stopped; critical.

        Parameters:
            reason: why, such as `daily_loss`.
            value: the value that did it; None when somebody did it by hand.
            limit: the limit that it broke; None likewise.
            source: the bus's source unless given.
            data: what else there is to say.
        """
        self._switch(KILL_SWITCH, reason, value, limit, source, data)

    def emit_breaker_trip(self, reason: str, value: Any, limit: Any, *, source: str = "", **data: Any) -> None:
        """Tell that the circuit breaker opened: the same event type as the kill switch, with another `switch`.

        Parameters:
            reason: why; the label `reason` of the metric `risk_circuit_breaker_trips_total`.
            value: the value that did it.
            limit: the limit that it broke.
            source: the bus's source unless given.
            data: what else there is to say.
        """
        self._switch(CIRCUIT_BREAKER, reason, value, limit, source, data)

    def _switch(self, switch: str, reason: str, value: Any, limit: Any, source: str, data: Mapping[str, Any]) -> None:
        found = {"switch": switch, "reason": reason, "value": value, "limit": limit, **data}
        self.emit(EventType.KILL_SWITCH_TRIGGERED, found, severity=EventSeverity.CRITICAL, source=source)

    def emit_error(
        self, error: BaseException | str, context: Mapping[str, Any] | str | None = None, *, source: str = ""
    ) -> None:
        """Tell of an error.

        Parameters:
            error: the exception, of which type, message and place are kept; or a message.
            context: what the service was about to do, in words or as data.
            source: the bus's source unless given.
        """
        data = {"error": "", "message": text_of(error), "context": context}
        if isinstance(error, BaseException):
            data |= {"error": type(error).__name__, "at": _place(error.__traceback__)}
        self.emit(EventType.ERROR, data, severity=EventSeverity.ERROR, source=source)


def _place(trace: TracebackType | None) -> str:
    """The line that raised, as `module:line in function`; a whole traceback would read source files from disk."""
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno} in {code.co_name}"
