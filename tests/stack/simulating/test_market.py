"""The market and its chance: a function of the seed and the time, and of nothing else."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from tapewatch.simulating.chance import Draws, Outcomes, Spread
from tapewatch.simulating.market import SYMBOLS, Market

DAY = 86_400


def test_one_seed_is_one_market_and_another_is_another() -> None:
    one, same, other = (list(Market(seed).trades(100.0, 160.0)) for seed in (7, 7, 8))

    assert one == same
    assert [each.price for each in one] != [each.price for each in other]


def test_however_time_is_cut_each_trade_comes_once() -> None:
    market = Market(3)
    whole = list(market.trades(0.0, 60.0))
    cuts = [0.0, 0.13, 0.14, 7.0, 7.5, 31.0, 60.0]
    parts = [each for after, until in pairwise(cuts) for each in market.trades(after, until)]

    assert sorted(parts) == sorted(whole)
    assert len({(each.symbol, each.number) for each in whole}) == len(whole)


def test_trades_come_in_their_order_at_the_rate_of_their_symbol() -> None:
    for rate in (0.5, 1.0, 2.0):
        trades = list(Market(rate=rate).trades(0.0, 1_000.0))
        assert [each.at for each in trades] == sorted(each.at for each in trades)
        for symbol in SYMBOLS.values():
            count = sum(each.symbol == symbol.name for each in trades)
            assert count == pytest.approx(symbol.trades * rate * 1_000, abs=2)


def test_the_sequence_grows_by_one_for_each_trade() -> None:
    market = Market(5)
    assert market.sequence(500.0) - market.sequence(400.0) == pytest.approx(1_800, abs=6)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_price_moves_and_stays_near_where_it_began(symbol: str) -> None:
    prices = [Market(seed).price(symbol, at) for seed in range(5) for at in range(0, 3 * DAY, 601)]
    ratios = [price / SYMBOLS[symbol].price for price in prices]

    assert 0.94 < min(ratios) < 0.99
    assert 1.01 < max(ratios) < 1.06


def test_prices_wander_as_far_as_the_square_root_of_the_time() -> None:
    """As a random walk does: sixteen times as long, about four times as far."""
    market = Market(1)

    def spread(seconds: int) -> float:
        moves = [
            math.log(market.price("BTC-USD", at + seconds) / market.price("BTC-USD", at)) for at in range(0, DAY, 97)
        ]
        return math.sqrt(sum(move * move for move in moves) / len(moves))

    assert 2 < spread(640) / spread(40) < 7


def test_a_price_jumps_now_and_then() -> None:
    """A second in which the price moves as far as it does in some minutes otherwise."""
    market = Market(2)
    moves = [abs(market.price("ETH-USD", at + 1) / market.price("ETH-USD", at) - 1) for at in range(DAY)]
    usual = sorted(moves)[len(moves) // 2]

    assert max(moves) > 20 * usual


def test_draws_are_even_and_streams_know_nothing_of_each_other() -> None:
    one, other = Draws(1, "one"), Draws(1, "other")
    values = [one.unit(number) for number in range(10_000)]

    assert min(values) >= 0
    assert max(values) < 1
    assert sum(values) / len(values) == pytest.approx(0.5, abs=0.02)
    assert sum(one.unit(each) < 0.5 and other.unit(each) < 0.5 for each in range(10_000)) == pytest.approx(
        2_500, abs=200
    )


def test_every_hundred_has_its_shares_and_no_run_of_bad_luck() -> None:
    def found() -> list[str]:
        outcomes = Outcomes(Draws(9, "orders"), {"rejected": 1, "cancelled": 1}, "filled")
        return [outcomes.of(number) for number in range(10_000)]

    outcomes = found()
    for first in range(0, 10_000, 100):
        hundred = outcomes[first : first + 100]
        assert (hundred.count("rejected"), hundred.count("cancelled")) == (1, 1)
    places = [number for number, outcome in enumerate(outcomes) if outcome != "filled"]
    assert places[0] >= 25
    assert min(after - before for before, after in pairwise(places)) >= 25
    assert len({place % 100 for place in places}) == 50, "they come at any place of the second half of their part"
    assert outcomes == found()


def test_times_are_spread_around_their_middle() -> None:
    spread = Spread(0, "check", 6.0, 0.25)
    values = sorted(spread.next() for _ in range(10_000))

    assert values[5_000] == pytest.approx(6.0, rel=0.03)
    assert values[9_900] == pytest.approx(6.0 * math.exp(2.33 * 0.25), rel=0.05)
    assert spread.next(40.0) > 10
