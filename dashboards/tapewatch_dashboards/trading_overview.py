"""Trading Overview: are we trading, and is it safe?"""

from __future__ import annotations

from collections.abc import Iterator

from grafanalib import core

from tapewatch_dashboards.facade import (
    ACTIVE,
    CONNECTED,
    OPEN,
    Limit,
    Query,
    Sheet,
    State,
    gauge,
    row,
    stat,
    state_timeline,
    timeseries,
)
from tapewatch_dashboards.facade.alerting import WORST, worst
from tapewatch_sdk.plugins import Dashboard, Request

__all__ = ["trading_overview"]

SUBMITTED = "execution_orders_submitted_total"
FILLED = "execution_orders_filled_total"
REJECTED = "execution_orders_rejected_total"
CANCELLED = "execution_orders_cancelled_total"
TICKS = "market_data_ticks_received_total"
FEED = "market_data_websocket_connected"
SIGNALS = "strategy_signals_total"
DAILY = "strategy_daily_pnl"
LIVE_DAILY = "live_trading_daily_pnl_usd"
KILL_SWITCH = "risk_kill_switch_active"
BREAKER = "risk_circuit_breaker_status"
DRAWDOWN = "risk_max_drawdown"
EXPOSURE = "risk_total_exposure"
OPEN_POSITIONS = "risk_position_count"
REALISED = "risk_pnl_realized"
UNREALISED = "risk_pnl_unrealized"
POSITIONS = "position_value_usd"
BREACHES = "risk_limit_breaches_total"

HALTED = (State(0, "fine", "green"), State(1, "HALTED", "red"))
"""Of each guard, and of the feed: whether it keeps us from trading."""


def trading_overview(request: Request) -> Dashboard | None:
    """The dashboard; None where nobody sends orders.

    No service can be chosen: what keeps a desk trading is the work of many.
    """
    sheet = Sheet(request, by_service=False)
    if not sheet.has(SUBMITTED):
        return None
    return sheet.board(
        "trading-overview",
        "Trading Overview",
        "Are we trading, and is it safe?",
        [
            row(*_safe(sheet), height=5),
            row(*_trading(sheet), height=4),
            row(*_flow(sheet), title="From tick to order"),
            row(*_orders(sheet), title="What becomes of orders"),
            row(*_money(sheet), title="Money"),
            row(*_guards(sheet), title="Safety"),
        ],
    )


def _safe(sheet: Sheet) -> Iterator[core.Panel]:
    for title, question, family, how, states in (
        ("Feed", "Is the exchange's feed connected?", FEED, "min", CONNECTED),
        ("Kill switch", "Is all trading halted by hand?", KILL_SWITCH, "max", ACTIVE),
        ("Circuit breaker", "Is trading halted by the circuit breaker?", BREAKER, "max", OPEN),
    ):
        if sheet.has(family):
            yield stat(title, question, sheet.value(family, how=how), unit="short", states=states)
    if used_up := sheet.limit("DailyLossLimitExceeded"):
        yield gauge(
            "Loss against limit",
            "How much of the daily loss limit is used up?",
            sheet.record("service:risk_daily_loss:ratio"),
            limits=[sheet.limit("DailyLossLimitApproaching"), used_up],
        )
    if drawdown := sheet.limit("DrawdownHigh"):
        yield gauge(
            "Drawdown",
            "How far did the portfolio fall from its peak?",
            sheet.value(DRAWDOWN, how="max"),
            limits=[drawdown],
            maximum=2 * drawdown.value,
        )
    yield stat(
        "Worst alert",
        "How bad is the worst alert that fires now?",
        Query(worst('environment=~"$environment"'), "alerts", instant=True),
        unit="short",
        states=WORST,
    )


def _trading(sheet: Sheet) -> Iterator[core.Panel]:
    yield stat(
        "Orders sent",
        "How many orders go to the exchange in a second?",
        sheet.rate(SUBMITTED),
        unit="suffix:orders/s",
        spark=True,
    )
    if filled := sheet.limit("OrderFillRateLow"):
        yield stat(
            "Orders filled",
            f"Which share of the orders that ended within {sheet.window(filled.alert)} was filled?",
            sheet.record("service:execution_orders_filled:ratio", filled.alert),
            unit="percentunit",
            limits=[filled],
            no_value="no orders ended",
            spark=True,
        )
    if queries := [sheet.value(each, legend=name) for each, name in _PROFITS.items() if sheet.has(each)]:
        yield stat("Profit today", "How much was earned or lost today?", *queries, unit="currencyUSD", spark=True)
    if sheet.has(EXPOSURE):
        yield stat("Exposure", "How much is at stake now?", sheet.value(EXPOSURE), unit="currencyUSD", spark=True)
    if sheet.has(OPEN_POSITIONS):
        question = "How many positions are open now?"
        yield stat("Open positions", question, sheet.value(OPEN_POSITIONS), unit="short", spark=True)


_PROFITS = {DAILY: "strategies", LIVE_DAILY: "live trading"}


def _flow(sheet: Sheet) -> Iterator[core.Panel]:
    for title, question, family, by in (
        ("Ticks", "Does every symbol get ticks?", TICKS, "symbol"),
        ("Signals", "Does every strategy give signals?", SIGNALS, "strategy"),
        ("Orders", "Is every symbol traded?", SUBMITTED, "symbol"),
    ):
        if sheet.has(family):
            rate = sheet.rate(family, by=[by], legend=f"{{{{{by}}}}}")
            yield timeseries(title, question, rate, unit="cps", links=sheet.links(family))


def _orders(sheet: Sheet) -> Iterator[core.Panel]:
    ends = {FILLED: "filled", REJECTED: "rejected", CANCELLED: "cancelled"}
    yield timeseries(
        "How orders end",
        "How many orders are filled, rejected and cancelled in a second?",
        *(sheet.rate(family, legend=end) for family, end in ends.items() if sheet.has(family)),
        unit="suffix:orders/s",
        colors={"filled": "green", "rejected": "red", "cancelled": "yellow"},
        links=sheet.links(SUBMITTED),
    )
    if sheet.has(REJECTED):
        yield timeseries(
            "Rejections by reason",
            "Why are orders rejected?",
            sheet.rate(REJECTED, by=["reason"], legend="{{reason}}"),
            unit="suffix:orders/s",
            stack=True,
            no_value="no rejections",
            links=sheet.links(REJECTED),
        )
    if rejected := sheet.limit("OrderRejectionRateHigh"):
        yield timeseries(
            "Share of orders rejected",
            f"How near to the limit are rejections within {sheet.window(rejected.alert)}?",
            sheet.record("service:execution_orders_rejected:ratio", rejected.alert),
            unit="percentunit",
            limits=[rejected],
            minimum=0,
            no_value="no orders",
        )


def _money(sheet: Sheet) -> Iterator[core.Panel]:
    profits = {REALISED: "realised", UNREALISED: "unrealised"}
    if queries := [sheet.value(family, legend=name) for family, name in profits.items() if sheet.has(family)]:
        question = "What was earned so far, and what would it be if all were sold now?"
        yield timeseries("Profit and loss", question, *queries, unit="currencyUSD")
    if sheet.has(DAILY):
        yield timeseries(
            "Profit today by strategy",
            "Which strategy earns, which loses today?",
            sheet.value(DAILY, by=["strategy"], legend="{{strategy}}"),
            unit="currencyUSD",
            links=sheet.links(DAILY),
        )
    if sheet.has(POSITIONS):
        yield timeseries(
            "Positions",
            "What are we long and short of, and how much?",
            sheet.value(POSITIONS, by=["symbol"], legend="{{symbol}}"),
            unit="currencyUSD",
            links=sheet.links(POSITIONS),
        )


def _guards(sheet: Sheet) -> Iterator[core.Panel]:
    halts = []
    if sheet.has(FEED):
        halts.append(Query(f"1 - min({sheet.of(FEED)})", "feed"))
    for family, name in ((KILL_SWITCH, "kill switch"), (BREAKER, "circuit breaker")):
        if sheet.has(family):
            halts.append(Query(f"max({sheet.of(family)})", name))
    if halts:
        yield state_timeline("Halts", "When did what keep us from trading?", *halts, states=HALTED)
    if sheet.has(BREACHES):
        window = sheet.window("RiskLimitBreached", "5m")
        yield timeseries(
            "Limit breaches",
            f"Which limits were breached, counted over {window}?",
            sheet.within(BREACHES, window, by=["limit_type"], legend="{{limit_type}}"),
            unit="short",
            limits=[sheet.first("RiskLimitBreached")],
            minimum=0,
            no_value="no breaches",
        )
    if used_up := sheet.limit("DailyLossLimitExceeded"):
        limits: list[Limit | None] = [sheet.limit("DailyLossLimitApproaching"), used_up]
        record = sheet.record("service:risk_daily_loss:ratio", legend="loss")
        question = "How did today's loss come near the limit?"
        yield timeseries("Loss over the day", question, record, unit="percentunit", limits=limits, minimum=0)
