"""What can be made to go wrong on purpose: for each of the 29 alerts the fault that makes it fire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["FAULTS", "Fault", "Faults", "parse"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Parameters:
        name: what a user types.
        alert: the alert that it makes fire.
        what: what goes wrong, in words.
        also: alerts that fire as well, since the same thing is wrong by their measure.
        value: what may stand behind `=`; empty when nothing may.
        default: the value without one.
        supervised: the platform itself sees to it, no service does: a process that is to be dead cannot.
    """

    name: str
    alert: str
    what: str
    also: tuple[str, ...] = ()
    value: str = ""
    default: str = ""
    supervised: bool = False


FAULTS: Mapping[str, Fault] = {
    each.name: each
    for each in (
        Fault("feed-disconnected", "MarketDataWebsocketDisconnected", "the exchange's feed is cut off"),
        Fault("kill-switch", "KillSwitchActivated", "somebody pulls the kill switch; orders stop until it is released"),
        Fault("breaker", "CircuitBreakerOpen", "the circuit breaker trips for volatility, and no order passes it"),
        Fault(
            "service-down", "ServiceDown", "a service's process is stopped, and not started anew", value="SERVICE",
            default="live-trading", supervised=True,
        ),
        Fault(
            "telemetry-missing", "TelemetryMissing", "the process of a service that pushes is stopped", value="SERVICE",
            default="capture-pipeline", supervised=True,
        ),
        Fault("limit-breach", "RiskLimitBreached", "orders ask for more than the position limit, one a minute"),
        Fault("daily-loss", "DailyLossLimitExceeded", "a loss of 105 % of the daily limit is booked; trading stops"),
        Fault(
            "reconciliation-break", "PositionReconciliationBreak",
            "the exchange's record of a position differs from ours", value="SYMBOL", default="BTC-USD",
        ),
        Fault(
            "capture-stalled", "DataCaptureStalled", "no row is written to a table any more, and messages are lost",
            also=("DataCompletenessLow",), value="TABLE", default="raw_orderbook",
        ),
        Fault(
            "rejections", "OrderRejectionRateHigh", "the exchange rejects a quarter of the orders",
            also=("OrderFillRateLow",),
        ),
        Fault("slow-orders", "OrderPlacementLatencyHigh", "placing an order takes 180 ms"),
        Fault("unfilled", "OrderFillRateLow", "a quarter of the orders is cancelled, for nobody takes them"),
        Fault("api-errors", "ExchangeApiErrorRateHigh", "a third of the questions to the exchange's API fails"),
        Fault("slow-ticks", "MarketDataProcessingLatencyHigh", "processing a tick takes 160 microseconds"),
        Fault("slow-checks", "RiskCheckLatencyHigh", "a check before a trade takes 40 microseconds"),
        Fault(
            "stale-symbol", "MarketDataStale", "a symbol gets no tick, though the feed is connected", value="SYMBOL",
            default="SOL-USD",
        ),
        Fault("reconnects", "WebsocketReconnectStorm", "the feed breaks off and is connected anew every 20 s"),
        Fault("sequence-gap", "SequenceGapDetected", "three trades of the feed are lost, once a minute"),
        Fault(
            "incomplete-data", "DataCompletenessLow", "a tenth of the rows for a table is lost", value="TABLE",
            default="raw_orderbook",
        ),
        Fault("slow-pipeline", "PipelineLatencyHigh", "a message takes 2 s to the shared state"),
        Fault("drawdown", "DrawdownHigh", "the peak from which the drawdown counts is found to have been 15 % higher"),
        Fault("loss-warning", "DailyLossLimitApproaching", "a loss of 90 % of the daily limit is booked"),
        Fault("rate-limit", "ExchangeRateLimitLow", "another program uses up the exchange's rate limit"),
        Fault("backlog", "MessageQueueBacklog", "messages come in faster than they are processed: 5000 wait"),
        Fault("buffer-full", "BufferNearlyFull", "the labeler's buffer is not emptied in time"),
        Fault("slow-flush", "FlushSlow", "a flush takes 8 s"),
        Fault("slow-inference", "InferenceSlow", "a prediction takes 150 ms"),
        Fault("stale-dashboard", "DashboardStale", "the state that the dashboard shows is not updated any more"),
        Fault(
            "clock-drift", "ClockDrift", "a service's clock is 250 microseconds off", value="SERVICE",
            default="market-data",
        ),
    )
}  # fmt: skip
"""The faults by name."""


class Faults:
    """The faults that are on, as one service knows them."""

    def __init__(self) -> None:
        self._on: Mapping[str, str] = {}

    def update(self, on: Mapping[str, str]) -> None:
        """These are on from now, and no others."""
        self._on = dict(on)

    def __contains__(self, name: str) -> bool:
        return name in self._on

    def value(self, name: str) -> str:
        """The value of a fault; empty when it is off."""
        return self._on.get(name, "")


def parse(texts: Iterable[str]) -> dict[str, str]:
    """`NAME` or `NAME=VALUE` -> value by name.

    Raises:
        ValueError: with what is wrong and what there is.
    """
    found = {}
    for text in texts:
        name, given, value = text.partition("=")
        fault = FAULTS.get(name)
        if fault is None:
            raise ValueError(f"no fault is called {name}; there are {', '.join(FAULTS)}")
        if given and not fault.value:
            raise ValueError(f"{name} takes no value")
        found[name] = value or fault.default
    return found
