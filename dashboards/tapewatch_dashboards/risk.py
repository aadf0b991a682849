"""Risk: are we within our limits, and do the guards hold?"""

from __future__ import annotations

from collections.abc import Iterator

from grafanalib import core

from tapewatch_dashboards.facade import (
    ACTIVE,
    OPEN,
    Query,
    Sheet,
    bars,
    gauge,
    heatmap,
    row,
    stat,
    state_timeline,
    timeseries,
)
from tapewatch_sdk.plugins import Dashboard, Request

__all__ = ["risk"]

KILL_SWITCH = "risk_kill_switch_active"
BREAKER = "risk_circuit_breaker_status"
TRIPS = "risk_circuit_breaker_trips_total"
COUNTED_TRIPS = "circuit_breaker_trips_total"
BREACHES = "risk_limit_breaches_total"
STOPS = "risk_stop_loss_triggers_total"
LOSS = "risk_daily_loss_usd"
LOSS_LIMIT = "risk_daily_loss_limit_usd"
DRAWDOWN = "risk_max_drawdown"
EXPOSURE = "risk_total_exposure"
OPEN_POSITIONS = "risk_position_count"
SIZE = "risk_position_size"
UNREALIZED = "risk_pnl_unrealized"
REALIZED = "risk_pnl_realized"
CHECKS = "risk_position_checks_total"
CHECK_MICROSECONDS = "risk_check_duration_microseconds"
CHECK_MILLISECONDS = "risk_check_duration_ms"
VALUE = "position_value_usd"
OPEN_PROFIT = "unrealized_pnl_usd"
RECONCILED = "position_reconciliations_total"
BREAKS = "position_reconciliation_breaks_total"
SNAPSHOT = "position_snapshot_timestamp_seconds"


def risk(request: Request) -> Dashboard | None:
    """The dashboard; None where nobody emits a kill switch or positions.

    No service can be chosen: risk and positions belong to different ones, and are looked at together.
    """
    declared = [name for name in (SIZE, VALUE) if Sheet(request).has(name)]
    if not declared:
        return None
    sheet = Sheet(request, choose={"symbol": declared[0]}, by_service=False)
    return sheet.board(
        "risk",
        "Risk",
        "Are we within our limits, and do the guards hold?",
        [
            row(*_answer(sheet), height=5),
            row(*_limits(sheet), title="Limits"),
            row(*_positions(sheet), title="Positions"),
            row(*_profit(sheet), title="Profit and loss"),
            row(*_guards(sheet), title="Guards"),
            row(*_checks(sheet), title="Checks before a trade"),
            row(*_reconciliation(sheet), title="Reconciliation", height=6),
        ],
    )


def _loss(sheet: Sheet) -> Query:
    return sheet.record("service:risk_daily_loss:ratio")


def _answer(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(KILL_SWITCH):
        question = "Does the kill switch halt trading?"
        yield stat("Kill switch", question, sheet.value(KILL_SWITCH, how="max"), unit="short", states=ACTIVE)
    if sheet.has(BREAKER):
        question = "Is the circuit breaker open?"
        yield stat("Circuit breaker", question, sheet.value(BREAKER, how="max"), unit="short", states=OPEN)
    if sheet.has(LOSS, LOSS_LIMIT) and (reached := sheet.limit("DailyLossLimitExceeded")):
        near = sheet.limit("DailyLossLimitApproaching")
        yield gauge("Daily loss", "How much of the daily loss limit is used?", _loss(sheet), limits=[near, reached])
    if sheet.has(DRAWDOWN):
        yield stat(
            "Drawdown",
            "How far below its peak was the portfolio at the worst?",
            sheet.value(DRAWDOWN, how="max"),
            unit=sheet.unit(DRAWDOWN),
            limits=[sheet.limit("DrawdownHigh")],
        )
    if sheet.has(BREACHES):
        window = sheet.window("RiskLimitBreached", "5m")
        yield stat(
            "Limit breaches",
            f"How often was a risk limit breached within {window}?",
            sheet.total(BREACHES, window=window),
            unit="short",
            limits=[sheet.first("RiskLimitBreached")],
        )
    if sheet.has(BREAKS):
        window = sheet.window("PositionReconciliationBreak", "10m")
        yield stat(
            "Reconciliation breaks",
            f"How many positions were found to differ from the exchange's record within {window}?",
            sheet.total(BREAKS, window=window),
            unit="short",
            limits=[sheet.first("PositionReconciliationBreak")],
        )


def _limits(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(LOSS, LOSS_LIMIT) and (reached := sheet.limit("DailyLossLimitExceeded")):
        yield timeseries(
            "Loss against the limit",
            "When did today's loss come near the daily limit, or reach it?",
            _loss(sheet),
            unit="percentunit",
            limits=[sheet.limit("DailyLossLimitApproaching"), reached],
            minimum=0,
            links=sheet.links(LOSS),
        )
    if sheet.has(LOSS, LOSS_LIMIT):
        yield timeseries(
            "Daily loss in money",
            "How much was lost today, and how much may be?",
            sheet.value(LOSS, how="max", legend="loss"),
            sheet.value(LOSS_LIMIT, how="min", legend="limit"),
            unit=sheet.unit(LOSS),
            links=sheet.links(LOSS),
        )
    if sheet.has(DRAWDOWN):
        yield timeseries(
            "Largest drawdown",
            "When did the drawdown grow?",
            sheet.value(DRAWDOWN, how="max"),
            unit=sheet.unit(DRAWDOWN),
            limits=[sheet.limit("DrawdownHigh")],
            minimum=0,
            links=sheet.links(DRAWDOWN),
        )
    if sheet.has(BREACHES):
        window = sheet.window("RiskLimitBreached", "5m")
        yield timeseries(
            "Breaches by limit",
            f"Which limit was breached within {window} before each moment?",
            sheet.within(BREACHES, window, by=["limit_type"]),
            unit=sheet.unit(BREACHES),
            limits=[sheet.first("RiskLimitBreached")],
            no_value="no breaches yet",
            links=sheet.links(BREACHES),
        )


def _positions(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(EXPOSURE):
        yield timeseries(
            "Exposure",
            "How much money is at risk in all positions together?",
            sheet.value(EXPOSURE),
            unit=sheet.unit(EXPOSURE),
            links=sheet.links(EXPOSURE),
        )
    if sheet.has(VALUE):
        yield timeseries(
            "Position value",
            "What is each position worth, long above zero and short below?",
            sheet.value(VALUE, by=["symbol"]),
            unit=sheet.unit(VALUE),
            links=sheet.links(VALUE),
        )
    if sheet.has(SIZE):
        yield bars(
            "Position size",
            "How much of each symbol is held?",
            sheet.value(SIZE, by=["symbol"]),
            unit=sheet.unit(SIZE),
        )
    if sheet.has(OPEN_POSITIONS):
        yield stat(
            "Open positions",
            "In how many symbols is a position open?",
            sheet.value(OPEN_POSITIONS),
            unit=sheet.unit(OPEN_POSITIONS),
            spark=True,
        )


def _profit(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(REALIZED):
        yield timeseries(
            "Realised",
            "What did closed positions earn or lose?",
            sheet.value(REALIZED),
            unit=sheet.unit(REALIZED),
            links=sheet.links(REALIZED),
        )
    if sheet.has(UNREALIZED):
        yield timeseries(
            "Unrealised by symbol",
            "What would open positions earn or lose if they were closed?",
            sheet.value(UNREALIZED, by=["symbol"]),
            unit=sheet.unit(UNREALIZED),
            links=sheet.links(UNREALIZED),
        )
    if sheet.has(OPEN_PROFIT):
        yield bars(
            "Unrealised, as positions are tracked",
            "Does the record of positions show the same profit and loss as the risk manager?",
            sheet.value(OPEN_PROFIT, by=["symbol"]),
            unit=sheet.unit(OPEN_PROFIT),
        )


def _guards(sheet: Sheet) -> Iterator[core.Panel]:
    guards = {"kill switch": KILL_SWITCH, "circuit breaker": BREAKER}
    declared = {text: name for text, name in guards.items() if sheet.has(name)}
    if declared:
        halts = [sheet.value(name, how="max", legend=text) for text, name in declared.items()]
        yield state_timeline("Trading halted", "When did a guard halt trading, and which one?", *halts, states=ACTIVE)
    if sheet.has(TRIPS):
        window = sheet.window("CircuitBreakerOpen", "5m")
        yield timeseries(
            "Circuit breaker trips",
            f"Why did the circuit breaker trip within {window} before each moment?",
            sheet.within(TRIPS, window, by=["reason"]),
            unit=sheet.unit(TRIPS),
            limits=[sheet.first("CircuitBreakerOpen")],
            no_value="no trips yet",
            links=sheet.links(TRIPS),
        )
    if sheet.has(STOPS):
        yield bars(
            "Stop losses triggered",
            "Which stop losses were triggered in the time shown?",
            sheet.increase(STOPS, by=["symbol", "type"]),
            unit="short",
            minimum=0,
            no_value="no stop losses yet",
        )
    if sheet.has(COUNTED_TRIPS):
        yield stat(
            "Trips for the business",
            "How many trips of the circuit breaker does the business count in the time shown?",
            sheet.total(COUNTED_TRIPS),
            unit="short",
        )


def _checks(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(CHECK_MICROSECONDS):
        yield timeseries(
            "Check latency",
            "How long does every order wait for its check?",
            *sheet.quantiles(CHECK_MICROSECONDS),
            *_recorded(sheet),
            unit=sheet.unit(CHECK_MICROSECONDS),
            limits=[sheet.limit("RiskCheckLatencyHigh")],
            links=sheet.links(CHECK_MICROSECONDS),
        )
        yield heatmap(
            "Check latency, spread",
            "How are the times of all checks spread?",
            sheet.heat(CHECK_MICROSECONDS),
            unit=sheet.unit(CHECK_MICROSECONDS),
            links=sheet.links(CHECK_MICROSECONDS),
        )
    if sheet.has(CHECK_MILLISECONDS):
        yield timeseries(
            "Check p99 by symbol",
            "Which symbol's checks take longest?",
            sheet.quantile(0.99, CHECK_MILLISECONDS, by=["symbol"], legend="{{symbol}}"),
            unit=sheet.unit(CHECK_MILLISECONDS),
            links=sheet.links(CHECK_MILLISECONDS),
        )
    if sheet.has(CHECKS):
        yield timeseries(
            "Checks made",
            "How many orders are checked?",
            sheet.rate(CHECKS, by=["symbol"]),
            unit=sheet.unit(CHECKS, rate=True),
            stack=True,
            links=sheet.links(CHECKS),
        )


def _recorded(sheet: Sheet) -> list[Query]:
    """The p99 that RiskCheckLatencyHigh watches."""
    slow = sheet.limit("RiskCheckLatencyHigh")
    if slow is None:
        return []
    legend = f"p99 of {sheet.window(slow.alert)}"
    return [sheet.record("service:risk_check_duration_microseconds:p99_", slow.alert, legend=legend)]


def _reconciliation(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(BREAKS):
        window = sheet.window("PositionReconciliationBreak", "10m")
        yield timeseries(
            "Breaks by symbol",
            f"Which position differed from the exchange's record within {window} before each moment?",
            sheet.within(BREAKS, window, by=["symbol"]),
            unit=sheet.unit(BREAKS),
            limits=[sheet.first("PositionReconciliationBreak")],
            no_value="no breaks yet",
            links=sheet.links(BREAKS),
        )
    if sheet.has(RECONCILED):
        yield stat(
            "Reconciliations",
            "How often were positions compared with the exchange's record in the time shown?",
            sheet.total(RECONCILED),
            unit="short",
        )
    if sheet.has(SNAPSHOT):
        age = f"time() - max by (service) ({sheet.of(SNAPSHOT)})"
        yield stat(
            "Snapshot age",
            "How old is the newest snapshot of positions, of which one is taken every hour?",
            Query(age, "{{service}}"),
            unit=sheet.unit(SNAPSHOT),
        )
