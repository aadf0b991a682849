"""Strategy: which strategies earn, and what do they do?"""

from __future__ import annotations

from collections.abc import Iterator

from grafanalib import core

from tapewatch_dashboards.facade import Query, Sheet, bars, heatmap, row, stat, timeseries
from tapewatch_sdk.plugins import Dashboard, Request

__all__ = ["strategy"]

PROFIT = "strategy_pnl"
TODAY = "strategy_daily_pnl"
POSITIONS = "strategy_positions"
SIGNALS = "strategy_signals_total"
WIN_RATE = "strategy_win_rate"
INFERENCE = "signal_inference_duration_microseconds"

TRADES = "live_trading_trades_total"
TRADED = "live_trading_trades_value_usd_total"
DECISIONS = "live_trading_decisions_total"
CYCLES = "live_trading_cycles_total"
ERRORS = "live_trading_errors_total"
PORTFOLIO = "live_trading_portfolio_value_usd"
CASH = "live_trading_cash_balance_usd"
LIVE_POSITIONS = "live_trading_positions_count"
LIVE_TODAY = "live_trading_daily_pnl_usd"
CYCLE_TIME = "live_trading_cycle_duration_seconds"
ORDER_LATENCY = "live_trading_order_latency_seconds"


def strategy(request: Request) -> Dashboard | None:
    """The dashboard; None where nobody emits the profit of a strategy or of live trading.

    No service can be chosen: strategies and live trading belong to different ones, and are looked at together.
    """
    declared = Sheet(request)
    if not declared.has(PROFIT) and not declared.has(LIVE_TODAY):
        return None
    sheet = Sheet(request, choose={"strategy": PROFIT} if declared.has(PROFIT) else {}, by_service=False)
    return sheet.board(
        "strategy",
        "Strategy",
        "Which strategies earn, and what do they do?",
        [
            row(*_answer(sheet), height=5),
            row(*_strategies(sheet), title="Strategies"),
            row(*_signals(sheet), title="Signals"),
            row(*_portfolio(sheet), title="Live trading: portfolio"),
            row(*_engine(sheet), title="Live trading: engine"),
            row(*_trades(sheet)),
        ],
    )


def _answer(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(TODAY):
        yield stat(
            "Profit today",
            "What did each strategy earn or lose since the day began?",
            sheet.value(TODAY, by=["strategy"]),
            unit=sheet.unit(TODAY),
        )
    if sheet.has(SIGNALS):
        yield stat(
            "Signals per second",
            "Do the strategies give signals?",
            Query(f"sum(rate({sheet.of(SIGNALS)}[$__rate_interval]))", "signals"),
            unit=sheet.unit(SIGNALS, rate=True),
            spark=True,
        )
    if sheet.has(LIVE_TODAY):
        yield stat(
            "Live profit today",
            "What did live trading earn or lose since the day began?",
            sheet.value(LIVE_TODAY),
            unit=sheet.unit(LIVE_TODAY),
            spark=True,
        )
    if sheet.has(PORTFOLIO):
        yield stat(
            "Live portfolio",
            "What is the portfolio of live trading worth, cash included?",
            sheet.value(PORTFOLIO),
            unit=sheet.unit(PORTFOLIO),
        )
    if sheet.has(ERRORS):
        yield stat(
            "Live errors",
            "How many errors did live trading meet in the time shown?",
            sheet.total(ERRORS),
            unit="short",
        )


def _strategies(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(PROFIT):
        yield timeseries(
            "Profit and loss",
            "What did each strategy earn or lose since it began?",
            sheet.value(PROFIT, by=["strategy"]),
            unit=sheet.unit(PROFIT),
            links=sheet.links(PROFIT),
        )
    if sheet.has(TODAY):
        yield timeseries(
            "Daily profit and loss",
            "How did each strategy's day go?",
            sheet.value(TODAY, by=["strategy"]),
            unit=sheet.unit(TODAY),
            links=sheet.links(TODAY),
        )
    if sheet.has(WIN_RATE):
        yield bars(
            "Win rate",
            "Which share of each strategy's closed trades made money?",
            sheet.value(WIN_RATE, by=["strategy"], how="avg"),
            unit=sheet.unit(WIN_RATE),
            minimum=0,
            maximum=1,
        )
    if sheet.has(POSITIONS):
        yield timeseries(
            "Open positions",
            "How many positions does each strategy hold?",
            sheet.value(POSITIONS, by=["strategy"]),
            unit=sheet.unit(POSITIONS),
            links=sheet.links(POSITIONS),
        )


def _signals(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(SIGNALS):
        yield timeseries(
            "Signals",
            "What does each strategy want to buy and sell?",
            sheet.rate(SIGNALS, by=["strategy", "side"]),
            unit=sheet.unit(SIGNALS, rate=True),
            stack=True,
            links=sheet.links(SIGNALS),
        )
        yield bars(
            "Signals in all",
            "How many signals did each strategy give in the time shown, by side?",
            sheet.increase(SIGNALS, by=["strategy", "side"]),
            unit="short",
            minimum=0,
        )
    if sheet.has(INFERENCE):
        yield timeseries(
            "Inference latency",
            "How long does a model think about one signal?",
            *sheet.quantiles(INFERENCE, by=["model"]),
            unit=sheet.unit(INFERENCE),
            links=sheet.links(INFERENCE),
        )
        yield heatmap(
            "Inference latency, spread",
            "How are the times of all inferences spread?",
            sheet.heat(INFERENCE),
            unit=sheet.unit(INFERENCE),
            links=sheet.links(INFERENCE),
        )


def _portfolio(sheet: Sheet) -> Iterator[core.Panel]:
    money = {"portfolio": PORTFOLIO, "cash": CASH}
    declared = {text: name for text, name in money.items() if sheet.has(name)}
    if declared:
        yield timeseries(
            "Portfolio and cash",
            "What is the portfolio worth, and how much of it is cash?",
            *(sheet.value(name, legend=text) for text, name in declared.items()),
            unit=sheet.unit(next(iter(declared.values()))),
            links=sheet.links(next(iter(declared.values()))),
        )
    if sheet.has(LIVE_TODAY):
        yield timeseries(
            "Live daily profit and loss",
            "How did the day of live trading go?",
            sheet.value(LIVE_TODAY),
            unit=sheet.unit(LIVE_TODAY),
            links=sheet.links(LIVE_TODAY),
        )
    if sheet.has(LIVE_POSITIONS):
        yield timeseries(
            "Live positions",
            "How many positions does live trading hold?",
            sheet.value(LIVE_POSITIONS),
            unit=sheet.unit(LIVE_POSITIONS),
            links=sheet.links(LIVE_POSITIONS),
        )


def _engine(sheet: Sheet) -> Iterator[core.Panel]:
    work = {"cycles": CYCLES, "decisions": DECISIONS, "errors": ERRORS}
    declared = {text: name for text, name in work.items() if sheet.has(name)}
    if declared:
        yield timeseries(
            "Cycles, decisions and errors",
            "Does the engine run, decide, and meet errors?",
            *(sheet.rate(name, legend=text) for text, name in declared.items()),
            unit=sheet.unit(next(iter(declared.values())), rate=True),
            links=sheet.links(next(iter(declared.values()))),
        )
    if sheet.has(CYCLE_TIME):
        yield timeseries(
            "Cycle duration",
            "How long do trading cycles take?",
            *sheet.quantiles(CYCLE_TIME),
            unit=sheet.unit(CYCLE_TIME),
            links=sheet.links(CYCLE_TIME),
        )
    if sheet.has(ORDER_LATENCY):
        yield heatmap(
            "Order latency",
            "How long does live trading wait for the exchange to take an order?",
            sheet.heat(ORDER_LATENCY),
            unit=sheet.unit(ORDER_LATENCY),
            links=sheet.links(ORDER_LATENCY),
        )


def _trades(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(TRADES):
        yield bars(
            "Live trades by symbol",
            "What was traded in the time shown?",
            sheet.increase(TRADES, by=["symbol"]),
            unit="short",
            minimum=0,
        )
    if sheet.has(TRADED):
        yield timeseries(
            "Live value traded",
            "How much money is traded in a second?",
            sheet.rate(TRADED),
            unit=sheet.unit(TRADED, rate=True),
            links=sheet.links(TRADED),
        )
