"""Execution: are orders filled, fast and at the price expected?"""

from __future__ import annotations

from collections.abc import Iterator

from grafanalib import core

from tapewatch_dashboards.facade import Query, Sheet, bars, distribution, gauge, heatmap, row, stat, timeseries
from tapewatch_sdk.plugins import Dashboard, Request

__all__ = ["execution"]

SUBMITTED = "execution_orders_submitted_total"
FILLED = "execution_orders_filled_total"
REJECTED = "execution_orders_rejected_total"
CANCELLED = "execution_orders_cancelled_total"
FILL_PRICE = "execution_last_fill_price"
FILL_LATENCY = "execution_fill_latency_ms"
SLIPPAGE = "execution_slippage_bps"
CALLS = "execution_api_calls_total"
CALL_LATENCY = "execution_api_latency_ms"
LEFT = "execution_rate_limit_remaining"
CAPACITY = "execution_rate_limit_capacity"
OPERATIONS = "execution_time_ms"
PLACEMENT = "order_placement_latency_milliseconds"

TOTALS = {
    "submitted": "orders_submitted_total",
    "filled": "orders_filled_total",
    "rejected": "orders_rejected_total",
}
"""What the business counts."""

FAILED = 'status=~"4..|5..|error"'
"""Calls of the exchange's API that failed, as ExchangeApiErrorRateHigh counts them."""


def execution(request: Request) -> Dashboard | None:
    """The dashboard; None where nobody submits orders."""
    if not Sheet(request).has(SUBMITTED):
        return None
    sheet = Sheet(request, SUBMITTED, {"symbol": SUBMITTED})
    return sheet.board(
        "execution",
        "Execution",
        "Are orders filled, fast and at the price expected?",
        [
            row(*_answer(sheet), height=5),
            row(*_orders(sheet), title="Orders"),
            row(*_shares(sheet), height=7),
            row(*_latency(sheet), title="Latency"),
            row(*_fills(sheet), title="Fills"),
            row(*_calls(sheet), title="Exchange API"),
            row(*_limits(sheet)),
        ],
    )


def _filled(sheet: Sheet) -> Query:
    return sheet.record("service:execution_orders_filled:ratio", "OrderFillRateLow")


def _rejected(sheet: Sheet) -> Query:
    return sheet.record("service:execution_orders_rejected:ratio", "OrderRejectionRateHigh")


def _failed(sheet: Sheet) -> Query:
    return sheet.record("service:execution_api_calls_failed:ratio", "ExchangeApiErrorRateHigh")


def _answer(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(FILLED) and (few := sheet.limit("OrderFillRateLow")):
        window = sheet.window(few.alert)
        question = f"Which share of the orders that ended within {window} was filled?"
        yield stat("Filled", question, _filled(sheet), unit="percentunit", limits=[few], no_value="no orders ended")
    if sheet.has(REJECTED) and (many := sheet.limit("OrderRejectionRateHigh")):
        question = f"Which share of the orders submitted within {sheet.window(many.alert)} was rejected?"
        yield stat("Rejected", question, _rejected(sheet), unit="percentunit", limits=[many], no_value="no orders")
    if sheet.has(PLACEMENT) and (slow := sheet.limit("OrderPlacementLatencyHigh")):
        yield stat(
            "Placement p99",
            f"Within what time were 99 % of the orders of {sheet.window(slow.alert)} placed?",
            sheet.record("service:order_placement_latency_milliseconds:p99_", slow.alert),
            unit=sheet.unit(PLACEMENT),
            limits=[slow],
            no_value="no orders",
        )
    if sheet.has(CALLS) and (errors := sheet.limit("ExchangeApiErrorRateHigh")):
        question = f"Which share of the calls of the exchange's API within {sheet.window(errors.alert)} failed?"
        yield stat(
            "API calls failed", question, _failed(sheet), unit="percentunit", limits=[errors], no_value="no calls"
        )
    if sheet.has(LEFT, CAPACITY) and (left := sheet.limit("ExchangeRateLimitLow")):
        record = sheet.record("service:execution_rate_limit_remaining:ratio")
        yield gauge("Rate limit left", "How much of the exchange's rate limit is left?", record, limits=[left])
    yield stat(
        "Orders per second",
        "How many orders are submitted?",
        Query(f"sum(rate({sheet.of(SUBMITTED)}[$__rate_interval]))", "orders"),
        unit=sheet.unit(SUBMITTED, rate=True),
        spark=True,
    )


def _orders(sheet: Sheet) -> Iterator[core.Panel]:
    ends = {"filled": FILLED, "rejected": REJECTED, "cancelled": CANCELLED}
    declared = {outcome: name for outcome, name in ends.items() if sheet.has(name)}
    if declared:
        yield timeseries(
            "Orders by outcome",
            "How do orders end?",
            *(sheet.rate(name, legend=outcome) for outcome, name in declared.items()),
            unit=sheet.unit(SUBMITTED, rate=True),
            stack=True,
            colors={".*filled": "green", ".*rejected": "red", ".*cancelled": "yellow"},
            links=sheet.links(SUBMITTED),
        )
    yield timeseries(
        "Orders submitted",
        "What is bought and sold, and how often?",
        sheet.rate(SUBMITTED, by=["symbol", "side"]),
        unit=sheet.unit(SUBMITTED, rate=True),
        legend="table",
        links=sheet.links(SUBMITTED),
    )
    if sheet.has(REJECTED):
        yield bars(
            "Rejections by reason",
            "Why were orders rejected in the time shown?",
            sheet.increase(REJECTED, by=["reason"]),
            unit="short",
            minimum=0,
            no_value="no rejections yet",
        )


def _shares(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(FILLED) and (few := sheet.limit("OrderFillRateLow")):
        yield timeseries(
            "Fill rate",
            f"When was the share of orders filled, of {sheet.window(few.alert)}, below its limit?",
            _filled(sheet),
            unit="percentunit",
            limits=[few],
            maximum=1,
            no_value="no orders ended",
            links=sheet.links(FILLED),
        )
    if sheet.has(REJECTED) and (many := sheet.limit("OrderRejectionRateHigh")):
        yield timeseries(
            "Rejection rate",
            f"When was the share of orders rejected, of {sheet.window(many.alert)}, above its limit?",
            _rejected(sheet),
            unit="percentunit",
            limits=[many],
            minimum=0,
            no_value="no orders",
            links=sheet.links(REJECTED),
        )
    declared = {text: name for text, name in TOTALS.items() if sheet.has(name)}
    if declared:
        yield bars(
            "Business totals",
            "How many orders does the business count in the time shown?",
            *(sheet.increase(name, legend=text) for text, name in declared.items()),
            unit="short",
            minimum=0,
        )


def _latency(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(PLACEMENT):
        yield timeseries(
            "Placement latency",
            "How long does placing an order take from end to end?",
            *sheet.quantiles(PLACEMENT),
            unit=sheet.unit(PLACEMENT),
            limits=[sheet.limit("OrderPlacementLatencyHigh")],
            links=sheet.links(PLACEMENT),
        )
    if sheet.has(FILL_LATENCY):
        yield heatmap(
            "Fill latency",
            "How is the time from submit to fill spread?",
            sheet.heat(FILL_LATENCY),
            unit=sheet.unit(FILL_LATENCY),
            links=sheet.links(FILL_LATENCY),
        )
    if sheet.has(OPERATIONS):
        yield bars(
            "Operations p99",
            "Which operation of the engine is slow, over the time shown?",
            sheet.quantile(0.99, OPERATIONS, by=["operation"], legend="{{operation}}", whole=True),
            unit=sheet.unit(OPERATIONS),
            minimum=0,
        )


def _fills(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(SLIPPAGE):
        yield distribution(
            "Slippage of fills",
            "By how many basis points did fills miss the expected price?",
            sheet.buckets(SLIPPAGE),
            unit="short",
            no_value="no fills",
        )
        yield timeseries(
            "Mean slippage by symbol",
            "Where are fills dearest?",
            sheet.mean(SLIPPAGE, by=["symbol"]),
            unit=sheet.unit(SLIPPAGE),
            links=sheet.links(SLIPPAGE),
        )
    if sheet.has(FILL_PRICE):
        yield stat(
            "Last fill price",
            "At what price was the newest order of each symbol filled?",
            sheet.value(FILL_PRICE, by=["symbol"], how="max"),
            unit=sheet.unit(FILL_PRICE),
            no_value="no fills",
        )


def _calls(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(CALLS):
        yield timeseries(
            "API calls by status",
            "How does the exchange answer?",
            sheet.rate(CALLS, by=["status"]),
            unit=sheet.unit(CALLS, rate=True),
            stack=True,
            links=sheet.links(CALLS),
        )
    if sheet.has(CALLS) and (errors := sheet.limit("ExchangeApiErrorRateHigh")):
        yield timeseries(
            "API error rate",
            f"When was the share of calls that failed, of {sheet.window(errors.alert)}, above its limit?",
            _failed(sheet),
            unit="percentunit",
            limits=[errors],
            minimum=0,
            no_value="no calls",
            links=sheet.links(CALLS),
        )
    if sheet.has(CALLS):
        yield bars(
            "API errors by endpoint",
            "Which endpoint failed, and how often in the time shown?",
            sheet.increase(CALLS, FAILED, by=["endpoint"]),
            unit="short",
            minimum=0,
            no_value="no errors",
        )


def _limits(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(CALL_LATENCY):
        yield timeseries(
            "API p99 by endpoint",
            "Which endpoint of the exchange is slow?",
            sheet.quantile(0.99, CALL_LATENCY, by=["endpoint"], legend="{{endpoint}}"),
            unit=sheet.unit(CALL_LATENCY),
            links=sheet.links(CALL_LATENCY),
        )
    if sheet.has(LEFT, CAPACITY):
        yield timeseries(
            "Rate limit",
            "How many calls does the exchange still allow, of how many?",
            sheet.value(LEFT, how="min", legend="left"),
            sheet.value(CAPACITY, how="min", legend="allowed in a window"),
            unit=sheet.unit(LEFT),
            links=sheet.links(LEFT),
        )
