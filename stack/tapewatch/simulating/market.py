"""The market: prices, trades and order books of a few symbols, as functions of the time and a seed.

A price is a sum of waves of noise whose heights grow with the square root of their lengths, as a random walk's do; so
it moves like one at every scale, stays within a few percent of where it began, and can be looked up at any moment. Some
of its moves are jumps. Trades come at a steady mean rate, each at a moment of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge

from tapewatch.simulating.chance import Draws

__all__ = ["SYMBOLS", "Market", "Symbol", "Trade"]


@dataclass(frozen=True, slots=True)
class Symbol:
    """What is traded.

    Parameters:
        name: as the exchange writes it.
        price: around which it moves, in USD.
        trades: a second, at rest.
        updates: of its order book a second, at rest.
        size: of a usual trade, in units.
    """

    name: str
    price: float
    trades: float
    updates: float
    size: float


SYMBOLS = {
    each.name: each
    for each in (
        Symbol("BTC-USD", 64_000.0, trades=10.0, updates=25.0, size=0.02),
        Symbol("ETH-USD", 3_200.0, trades=5.0, updates=15.0, size=0.4),
        Symbol("SOL-USD", 160.0, trades=3.0, updates=8.0, size=8.0),
    )
}
"""The symbols by name; 18 trades and 48 updates a second together."""

SNAPSHOT_EVERY = 30.0
"""Seconds between two snapshots of a symbol's order book."""

_WAVES = (10.0, 30.0, 120.0, 600.0, 3_600.0, 21_600.0)
"""Lengths of the waves, in seconds."""

_VOLATILITY = 1.0e-4
"""Height of a wave of one second: 3 % in a day, as bitcoin moves in a calm one."""

_JUMP_EVERY = 900.0
"""Seconds in which a symbol jumps at most once."""

_JUMPS = 0.3
"""Share of these times that do have a jump."""

_JUMP = 0.004
"""Largest jump, as a share of the price; it fades within the time."""

_SPREAD = 0.000_05
"""Half of what lies between bid and ask, as a share of the price: a trade is at the one or the other."""

_LEVELS = (35, 45)
"""Price levels that an order book holds, from and to."""


@dataclass(frozen=True, slots=True, order=True)
class Trade:
    """One trade that the exchange told.

    Parameters:
        at: simulated seconds.
        symbol: its name.
        number: of this symbol's trades, counted from 0.
        price: in USD.
        size: in units.
    """

    at: float
    symbol: str
    number: int
    price: float
    size: float


class Market:
    """The exchange's side of the simulation; every process has one, and all are the same.

    Parameters:
        seed: another one gives another market.
        rate: how many times as busy as at rest; moves of the price stay as they are.
    """

    def __init__(self, seed: int = 0, rate: float = 1.0) -> None:
        self._rate = rate
        self._draws = {
            (name, kind): Draws(seed, f"{name}/{kind}")
            for name in SYMBOLS
            for kind in ("moment", "size", "side", "depth", "jump", *map(str, range(len(_WAVES))))
        }

    def price(self, symbol: str, at: float) -> float:
        """The middle between bid and ask, at a moment."""
        moved = sum(
            _VOLATILITY * math.sqrt(length) * _wave(self._draws[symbol, str(index)], at / length)
            for index, length in enumerate(_WAVES)
        )
        return SYMBOLS[symbol].price * math.exp(moved + self._jump(symbol, at))

    def trades(self, after: float, until: float) -> Iterator[Trade]:
        """All trades after one moment and up to another, in their order."""
        return merge(*(self._trades(each, after, until) for each in SYMBOLS.values()))

    def updates(self, symbol: str, until: float) -> int:
        """Updates of a symbol's order book since the beginning."""
        return math.floor(SYMBOLS[symbol].updates * self._rate * until)

    def snapshots(self, until: float) -> int:
        """Snapshots of a symbol's order book since the beginning; the first comes with the subscription."""
        return 1 + math.floor(until / SNAPSHOT_EVERY)

    def sequence(self, until: float) -> int:
        """Trades of all symbols since the beginning, which the exchange numbers through."""
        return sum(math.floor(each.trades * self._rate * until) for each in SYMBOLS.values())

    def depth(self, symbol: str, at: float) -> int:
        """Price levels that the order book holds at a moment."""
        low, high = _LEVELS
        return low + int((high - low + 1) * self._draws[symbol, "depth"].unit(int(at)))

    def _trades(self, symbol: Symbol, after: float, until: float) -> Iterator[Trade]:
        rate, name = symbol.trades * self._rate, symbol.name
        moment, size, side = (self._draws[name, kind].unit for kind in ("moment", "size", "side"))
        for number in range(max(0, math.floor(after * rate) - 1), math.floor(until * rate) + 1):
            at = (number + moment(number)) / rate
            if after < at <= until:
                bounce = _SPREAD if side(number) < 0.5 else -_SPREAD
                units = symbol.size * (0.2 + 2.0 * size(number) ** 3)
                yield Trade(at, name, number, self.price(name, at) * (1 + bounce), units)

    def _jump(self, symbol: str, at: float) -> float:
        """Steep on its first second, gone at the end of its time."""
        draws = self._draws[symbol, "jump"]
        number, place = divmod(at, _JUMP_EVERY)
        index = int(number)
        if draws.unit(4 * index) >= _JUMPS:
            return 0.0
        since = place - draws.unit(4 * index + 1) * _JUMP_EVERY / 2
        if since < 0:
            return 0.0
        size = _JUMP * (2 * draws.unit(4 * index + 2) - 1)
        left = 1 - since / (_JUMP_EVERY / 2)
        return size * min(1.0, since) * max(0.0, left)


def _wave(draws: Draws, place: float) -> float:
    """Noise between -1 and 1 that goes smoothly from one whole place to the next."""
    before = math.floor(place)
    part = place - before
    smooth = part * part * (3 - 2 * part)
    return 2 * (draws.unit(before) * (1 - smooth) + draws.unit(before + 1) * smooth) - 1
