"""What the services do, and how their numbers hang together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.together import Together
from tapewatch.simulating.market import SYMBOLS
from tapewatch.simulating.scene import Refused
from tapewatch.simulating.services._losses import LIMIT
from tapewatch_sdk.events import EventType
from tapewatch_sdk.families import MetricType

Make = Callable[..., Together]

MINUTES = 60.0


def test_one_seed_is_one_platform_and_another_is_another(together: Make) -> None:
    one, same, other = together(seed=4), together(seed=4), together(seed=5)
    for each in (one, same, other):
        each.run(3 * MINUTES)

    assert one.all() == same.all()
    assert one.all() != other.all()


def test_every_family_of_the_catalogue_is_there_from_the_first_moment(together: Make) -> None:
    platform = together()
    platform.run(30.0)
    for service, scene in platform.scenes.items():
        for name, series in scene.meters.collected().items():
            assert series, f"{service} does not measure {name}"


def test_counters_and_observations_only_ever_grow(together: Make) -> None:
    platform = together()
    before = platform.all()
    for _ in range(5):
        platform.run(MINUTES)
        after = platform.all()
        for name, family in platform.catalogue.families.items():
            if family.type is MetricType.GAUGE or name not in before:
                continue
            old = {each.labels: each for each in before[name]}
            new = {each.labels: each for each in after[name]}
            assert old.keys() <= new.keys()
            for labels, each in old.items():
                assert new[labels].value >= each.value, name
                assert all(now >= then for now, then in zip(new[labels].counts, each.counts, strict=True)), name
        before = after


def test_business_totals_are_the_sums_of_the_labelled_counters(together: Make) -> None:
    platform = together(rate=2)
    platform.run(20 * MINUTES)

    for outcome in ("submitted", "filled", "rejected"):
        assert platform.total(f"orders_{outcome}_total") == platform.total(f"execution_orders_{outcome}_total") > 0
    ended = sum(platform.total(f"execution_orders_{each}_total") for each in ("filled", "rejected", "cancelled"))
    assert ended == platform.total("execution_orders_submitted_total")
    assert platform.total("circuit_breaker_trips_total") == platform.total("risk_circuit_breaker_trips_total") == 0


def test_positions_follow_from_fills_and_profits_from_positions(together: Make) -> None:
    platform = together()
    platform.run(30 * MINUTES)
    book = platform.ask("position", "/positions")

    assert book == platform.ask("execution", "/exchange/positions")
    assert book["last"] == platform.total("orders_filled_total")
    for symbol, (size, _, mark) in book["positions"].items():
        assert platform.value("risk_position_size", symbol) == pytest.approx(size)
        assert platform.value("position_value_usd", symbol) == pytest.approx(size * mark)
    earned = platform.total("risk_pnl_realized") + platform.total("risk_pnl_unrealized")
    marked = {symbol: platform.value("market_data_price", symbol) for symbol in SYMBOLS}
    assert set(marked) == set(book["positions"])
    assert platform.total("strategy_pnl") == pytest.approx(earned, abs=1.0), "the strategies are all that trades"


def test_a_signal_is_made_for_each_tick_that_is_handed_on(together: Make) -> None:
    platform = together()
    platform.run(10 * MINUTES)
    signals = platform.total("strategy_signals_total")

    assert signals == platform.total("risk_position_checks_total") == platform.total("orders_submitted_total")
    assert signals == pytest.approx(platform.total("market_data_ticks_received_total") / 16, abs=len(SYMBOLS))


def test_positions_are_reconciled_every_five_minutes_and_do_not_differ(together: Make) -> None:
    platform = together()
    platform.run(61 * MINUTES)

    assert platform.total("position_reconciliations_total") == 12
    assert platform.total("position_reconciliation_breaks_total") == 0


def test_every_message_becomes_a_row_but_for_those_in_a_buffer(together: Make) -> None:
    platform = together()
    platform.run(10 * MINUTES + 1)
    received = {
        kind: platform.value("coinbase_messages_received_total", kind) for kind in ("match", "l2update", "snapshot")
    }

    trades = platform.value("iceberg_rows_written_total", "raw_trades") + platform.value("trade_buffer_size")
    assert trades == received["match"]
    books = received["l2update"] + received["snapshot"]
    assert books == platform.value("iceberg_rows_written_total", "raw_orderbook")
    assert platform.value("coinbase_match_sequence") == pytest.approx(1_000_000 + received["match"], abs=len(SYMBOLS))


@pytest.mark.parametrize("seed", range(3))
def test_a_day_at_rest_stays_far_from_every_limit(together: Make, seed: int) -> None:
    """A day of the risk manager, an hour at a time; longer days are looked at in a nightly run of the whole stack."""
    platform = together(seed=seed, started=0.0)
    for _ in range(4):
        platform.run(15 * MINUTES, step=5.0)
        assert platform.value("risk_daily_loss_usd") < 0.5 * LIMIT
        assert platform.value("risk_max_drawdown") < 0.05
        assert platform.total("risk_limit_breaches_total") == 0


def test_at_midnight_todays_loss_begins_anew(together: Make) -> None:
    platform = together(started=86_400.0 - 10 * MINUTES)
    platform.run(9.9 * MINUTES)
    daily = platform.total("strategy_daily_pnl")
    platform.run(0.2 * MINUTES)

    assert daily == pytest.approx(platform.total("strategy_pnl"), abs=20)
    assert abs(platform.total("strategy_daily_pnl")) < abs(platform.total("strategy_pnl"))


def test_the_kill_switch_wants_its_token_and_stops_every_order(together: Make) -> None:
    platform = together(token="open sesame")
    platform.run(MINUTES)
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "open sesame"}):
        with pytest.raises(Refused, match="token") as refused:
            platform.ask("risk", "/kill-switch", {"active": True}, headers)
        assert refused.value.status == 401
    right = {"authorization": "Bearer open sesame"}
    with pytest.raises(Refused, match="active"):
        platform.ask("risk", "/kill-switch", {"active": "yes"}, right)

    answer = platform.ask("risk", "/kill-switch", {"active": True, "reason": "runaway"}, right)
    assert answer == {"active": True, "reason": "runaway"} == platform.ask("risk", "/kill-switch")
    before = platform.total("orders_submitted_total")
    trades = platform.total("live_trading_trades_total")
    platform.run(5 * MINUTES)
    assert platform.value("risk_kill_switch_active") == 1
    assert platform.total("orders_submitted_total") == before
    assert platform.total("live_trading_trades_total") == trades
    (event,) = [each for each in platform.events("risk-manager") if each.event_type == EventType.KILL_SWITCH_TRIGGERED]
    assert event.data["reason"] == "runaway"

    platform.ask("risk", "/kill-switch", {"active": False}, right)
    platform.run(5 * MINUTES)
    assert platform.value("risk_kill_switch_active") == 0
    assert platform.total("orders_submitted_total") > before
    assert platform.total("live_trading_trades_total") > trades


def test_without_a_token_the_kill_switch_cannot_be_used_from_outside(together: Make) -> None:
    platform = together()
    for headers in ({}, {"authorization": "Bearer "}):
        with pytest.raises(Refused, match="no token is configured") as refused:
            platform.ask("risk", "/kill-switch", {"active": True}, headers)
        assert refused.value.status == 403
    assert platform.ask("risk", "/kill-switch")["active"] is False


def test_an_engine_stays_halted_even_if_an_order_gets_past_the_risk_manager(together: Make) -> None:
    platform = together()
    platform.fault("kill-switch")
    platform.run(10.0)
    order = {"id": "x", "symbol": "BTC-USD", "side": "buy", "size": 0.01, "price": 64_000.0}

    assert platform.ask("execution", "/orders", order) == {"status": "halted"}


def test_an_order_that_comes_twice_is_placed_once(together: Make) -> None:
    platform = together()
    order = {"id": "x", "symbol": "BTC-USD", "side": "buy", "size": 0.01, "price": 64_000.0}

    assert platform.ask("execution", "/orders", order) == platform.ask("execution", "/orders", order)
    assert platform.total("orders_submitted_total") == 1


def test_fills_that_nobody_could_be_told_of_are_told_later(together: Make) -> None:
    platform = together()
    platform.run(MINUTES)
    platform.dead("position")
    platform.run(3 * MINUTES)
    missed = platform.ask("execution", "/exchange/positions")["last"] - platform.ask("position", "/positions")["last"]
    platform.dead()
    platform.run(6 * MINUTES)

    assert missed > 50
    assert platform.ask("position", "/positions") == platform.ask("execution", "/exchange/positions")
    assert platform.total("position_reconciliation_breaks_total") == 0


@pytest.mark.parametrize("domain", ["position", "execution", "risk"])
def test_a_service_that_is_started_anew_goes_on_from_what_the_others_know(together: Make, domain: str) -> None:
    platform = together()
    platform.run(5 * MINUTES)
    before = platform.ask("position", "/positions")["positions"]
    platform.restart(domain)
    platform.run(6 * MINUTES)

    assert before
    assert (
        platform.ask("position", "/positions")["positions"]
        == platform.ask("execution", "/exchange/positions")["positions"]
    )
    for symbol, (size, *_) in platform.ask("position", "/positions")["positions"].items():
        assert platform.value("risk_position_size", symbol) == pytest.approx(size)
    assert platform.total("position_reconciliation_breaks_total") == 0


def test_an_order_beyond_a_limit_is_refused_and_counted_as_a_breach(together: Make) -> None:
    platform = together()
    order = {"id": "x", "symbol": "SOL-USD", "side": "sell", "size": 1_000.0, "price": 160.0}

    assert platform.ask("risk", "/checks", order) == {"status": "refused", "reason": "position_limit"}
    assert platform.value("risk_limit_breaches_total", "position") == 1
    assert platform.total("orders_submitted_total") == 0


def test_a_position_that_loses_too_much_may_only_shrink(together: Make) -> None:
    platform = together()
    buy: dict[str, Any] = {"id": "1", "symbol": "BTC-USD", "side": "buy", "size": 0.1, "price": 64_000.0}
    while platform.ask("risk", "/checks", buy)["status"] != "filled":
        buy["id"] += "1"

    lower = {**buy, "id": "lower", "price": 62_000.0}
    assert platform.ask("risk", "/checks", lower) == {"status": "refused", "reason": "only_reduce", "only_reduce": True}
    assert platform.value("risk_stop_loss_triggers_total", "BTC-USD", "fixed") == 1
    sell = {**lower, "id": "sell", "side": "sell", "size": 0.05}
    assert platform.ask("risk", "/checks", sell)["status"] in ("filled", "cancelled", "rejected")
