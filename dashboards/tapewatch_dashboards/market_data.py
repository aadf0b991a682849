"""Market Data: is the feed whole, fresh and fast?"""

from __future__ import annotations

from collections.abc import Iterator

from grafanalib import core

from tapewatch_dashboards.facade import (
    CONNECTED,
    Query,
    Sheet,
    bars,
    candlestick,
    heatmap,
    row,
    stat,
    state_timeline,
    timeseries,
)
from tapewatch_dashboards.facade.variables import label
from tapewatch_sdk.plugins import Dashboard, Request

__all__ = ["market_data"]

RECEIVED = "market_data_ticks_received_total"
PROCESSED = "market_data_ticks_processed_total"
MICROSECONDS = "market_data_processing_latency_microseconds"
MILLISECONDS = "market_data_processing_latency_ms"
UPDATES = "market_data_orderbook_updates_total"
DEPTH = "market_data_orderbook_depth"
FEED = "market_data_websocket_connected"
RECONNECTS = "market_data_websocket_reconnects_total"
QUEUE = "market_data_message_queue_size"
PRICE = "market_data_price"
VOLUME = "market_data_volume_total"

CANDLES = "candles"
"""The variable that names the one symbol whose candles are drawn."""


def market_data(request: Request) -> Dashboard | None:
    """The dashboard; None where nobody emits ticks."""
    sheet = Sheet(request)
    if not sheet.has(RECEIVED):
        return None
    sheet = Sheet(request, RECEIVED, {"symbol": RECEIVED})
    market = list(_market(sheet))
    variables = sheet.variables()
    if sheet.has(PRICE):
        variables.append(label("symbol", PRICE, one=True, called=CANDLES))
    return sheet.board(
        "market-data",
        "Market Data",
        "Is the feed whole, fresh and fast?",
        [
            row(*_answer(sheet), height=5),
            row(*market, title="Market", height=9, widths=(10, 7, 7) if len(market) == 3 else ()),
            row(*_ticks(sheet), title="Ticks"),
            row(*_latency(sheet), title="Processing"),
            row(*_book(sheet), title="Order book"),
            row(*_connection(sheet), title="Connection", height=6),
        ],
        variables=variables,
    )


def _answer(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(FEED):
        question = "Is the exchange's feed connected?"
        yield stat("Feed", question, sheet.value(FEED, how="min"), unit="short", states=CONNECTED)
    yield stat(
        "Ticks per second",
        "How many ticks come in?",
        Query(f"sum(rate({sheet.of(RECEIVED)}[$__rate_interval]))", "ticks"),
        unit=sheet.unit(RECEIVED, rate=True),
        spark=True,
    )
    if quiet := sheet.first("MarketDataStale"):
        window = sheet.window("MarketDataStale")
        yield stat(
            "Symbols without a tick",
            f"How many symbols got no tick within {window}?",
            Query(f"count({_fresh(sheet, window).expr} == 0) or vector(0)", "symbols", instant=True),
            unit="short",
            limits=[quiet],
        )
    if sheet.has(MICROSECONDS) and (slow := sheet.limit("MarketDataProcessingLatencyHigh")):
        yield stat(
            "Processing p99",
            f"Within what time are 99 % of the ticks of {sheet.window(slow.alert)} processed?",
            sheet.record("service:market_data_processing_latency_microseconds:p99_", slow.alert, legend="p99"),
            unit=sheet.unit(MICROSECONDS),
            limits=[slow],
            no_value="no ticks",
        )
    if sheet.has(QUEUE):
        yield stat(
            "Backlog",
            "How many messages wait to be processed, at the worst instance?",
            sheet.value(QUEUE, how="max", legend="messages"),
            unit=sheet.unit(QUEUE),
            limits=[sheet.limit("MessageQueueBacklog")],
        )
    if sheet.has(RECONNECTS):
        window = sheet.window("WebsocketReconnectStorm", "5m")
        yield stat(
            "Reconnections",
            f"How often was the feed connected anew within {window}?",
            sheet.total(RECONNECTS, window=window),
            unit="short",
            limits=[sheet.limit("WebsocketReconnectStorm")],
        )


def _market(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(PRICE):
        yield candlestick(
            f"Price of ${CANDLES}",
            "How did the price of the chosen symbol move?",
            *sheet.candles(PRICE, f'symbol="${CANDLES}"'),
            unit=sheet.unit(PRICE),
        )
        change = f"{sheet.of(PRICE)} / (avg_over_time({sheet.of(PRICE)}[1h]) > 0) - 1"
        yield timeseries(
            "Price against its mean of an hour",
            "Which symbols moved, and how far?",
            Query(f"avg by (service, symbol) ({change})", "{{symbol}}"),
            unit="percentunit",
        )
    if sheet.has(PRICE, VOLUME):
        volume = f"sum by (service, symbol) (rate({sheet.of(VOLUME)}[$__rate_interval]))"
        yield timeseries(
            "Value traded",
            "For how much money is each symbol traded in a second?",
            Query(f"{volume} * avg by (service, symbol) ({sheet.of(PRICE)})", "{{symbol}}"),
            unit="suffix:USD/s",
            stack=True,
        )


def _ticks(sheet: Sheet) -> Iterator[core.Panel]:
    yield timeseries(
        "Ticks received",
        "How many ticks of each symbol come in?",
        sheet.rate(RECEIVED, by=["symbol"]),
        unit=sheet.unit(RECEIVED, rate=True),
        stack=True,
        links=sheet.links(RECEIVED),
    )
    if sheet.has(PROCESSED):
        received = f"sum by (service, symbol) (rate({sheet.of(RECEIVED)}[$__rate_interval])) > 0"
        processed = f"sum by (service, symbol) (rate({sheet.of(PROCESSED)}[$__rate_interval]))"
        yield timeseries(
            "Ticks not processed",
            "Which share of the ticks that came in was not processed?",
            Query(f"clamp_min(1 - {processed} / ({received}), 0)", "{{symbol}}"),
            unit="percentunit",
            no_value="no ticks",
            links=sheet.links(PROCESSED),
        )
    window = sheet.window("MarketDataStale", "30s")
    yield bars(
        "Fresh ticks",
        f"How many ticks did each symbol get within {window}, and is one at 0?",
        _fresh(sheet, window),
        unit=sheet.unit(RECEIVED),
        minimum=0,
    )


def _fresh(sheet: Sheet, window: str) -> Query:
    """Ticks of each symbol in a window: what MarketDataStale finds to be 0."""
    return sheet.within(RECEIVED, window, by=["symbol"])


def _latency(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(MICROSECONDS):
        yield timeseries(
            "Processing latency",
            "How long does one tick take, and is the tail above the limit?",
            *sheet.quantiles(MICROSECONDS),
            unit=sheet.unit(MICROSECONDS),
            limits=[sheet.limit("MarketDataProcessingLatencyHigh")],
            links=sheet.links(MICROSECONDS),
        )
        yield heatmap(
            "Processing latency, spread",
            "How are the times of all ticks spread, and are there two groups of them?",
            sheet.heat(MICROSECONDS),
            unit=sheet.unit(MICROSECONDS),
            links=sheet.links(MICROSECONDS),
        )
    if sheet.has(MILLISECONDS):
        yield timeseries(
            "Processing p99 by symbol",
            "Which symbol's ticks take longest?",
            sheet.quantile(0.99, MILLISECONDS, by=["symbol"], legend="{{symbol}}"),
            unit=sheet.unit(MILLISECONDS),
            links=sheet.links(MILLISECONDS),
        )


def _book(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(UPDATES):
        yield timeseries(
            "Order book updates",
            "How many updates does each order book get?",
            sheet.rate(UPDATES, by=["symbol"]),
            unit=sheet.unit(UPDATES, rate=True),
            links=sheet.links(UPDATES),
        )
    if sheet.has(DEPTH):
        yield bars(
            "Order book depth",
            "How many price levels does each order book hold?",
            sheet.value(DEPTH, by=["symbol"]),
            unit=sheet.unit(DEPTH),
            minimum=0,
        )
    if sheet.has(QUEUE):
        yield timeseries(
            "Messages waiting",
            "Are messages processed as fast as they come in?",
            sheet.value(QUEUE, how="max", legend="messages"),
            unit=sheet.unit(QUEUE),
            limits=[sheet.limit("MessageQueueBacklog")],
            links=sheet.links(QUEUE),
        )


def _connection(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(FEED):
        question = "When was the exchange's feed connected?"
        yield state_timeline("Feed over time", question, sheet.value(FEED, how="min"), states=CONNECTED)
    if sheet.has(RECONNECTS):
        window = sheet.window("WebsocketReconnectStorm", "5m")
        yield timeseries(
            "Reconnections by reason",
            f"Why was the feed connected anew within {window} before each moment?",
            sheet.within(RECONNECTS, window, by=["reason"]),
            unit=sheet.unit(RECONNECTS),
            limits=[sheet.limit("WebsocketReconnectStorm")],
            stack=True,
            no_value="no reconnections yet",
            links=sheet.links(RECONNECTS),
        )
