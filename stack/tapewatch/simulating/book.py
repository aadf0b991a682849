"""Positions and what they earned: kept from fills, and from nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

__all__ = ["SIDES", "Book", "Fill", "Position"]

SIDES = {"buy": 1.0, "sell": -1.0}
"""Sides of an order with the sign of what they do to a position."""

_DUST = 1e-9
"""Units below which a position is closed: what is left over is rounding."""


@dataclass(frozen=True, slots=True)
class Fill:
    """A filled order.

    Parameters:
        number: of all fills, counted from 1.
        symbol: what was traded.
        side: buy or sell.
        size: in units.
        price: in USD.
        strategy: whose signal it was.
    """

    number: int
    symbol: str
    side: str
    size: float
    price: float
    strategy: str = ""

    @classmethod
    def read(cls, data: dict[str, Any]) -> Fill:
        """From what a service sent."""
        return cls(
            int(data["number"]), str(data["symbol"]), str(data["side"]), float(data["size"]), float(data["price"]),
            str(data.get("strategy", "")),
        )  # fmt: skip


@dataclass(slots=True)
class Position:
    """What is held of one symbol.

    Parameters:
        size: in units, negative when sold short.
        entry: mean price at which it was entered, in USD.
        mark: price at which it would be closed now, in USD.
    """

    size: float = 0.0
    entry: float = 0.0
    mark: float = 0.0

    @property
    def value(self) -> float:
        """Its market value in USD, negative when short."""
        return self.size * self.mark

    @property
    def unrealized(self) -> float:
        """What closing it now would earn, in USD."""
        return self.size * (self.mark - self.entry)

    def add(self, signed: float, price: float) -> float:
        """Take a fill in; gives what it realised, in USD.

        Parameters:
            signed: units bought, negative when sold.
            price: in USD.
        """
        self.mark = price
        realized = 0.0
        if self.size * signed < 0:
            closed = min(abs(signed), abs(self.size))
            realized = closed * (price - self.entry) * math.copysign(1.0, self.size)
        after = self.size + signed
        if self.size * signed >= 0:
            self.entry = (self.entry * self.size + price * signed) / after if after else 0.0
        elif after * self.size < 0:
            self.entry = price
        self.size = 0.0 if abs(after) < _DUST else after
        return realized


@dataclass(slots=True)
class Book:
    """The positions of somebody.

    Parameters:
        positions: by symbol.
        realized: what closed positions earned, in USD.
        last: number of the newest fill.
        won, closed: fills that reduced a position, and those of them that earned something.
    """

    positions: dict[str, Position] = field(default_factory=dict)
    realized: float = 0.0
    last: int = 0
    won: int = 0
    closed: int = 0

    def of(self, symbol: str) -> Position:
        """The position in a symbol, an empty one if there is none yet."""
        return self.positions.setdefault(symbol, Position())

    def take(self, fill: Fill) -> float:
        """Take a fill in; gives what it realised, in USD."""
        realized = self.of(fill.symbol).add(SIDES[fill.side] * fill.size, fill.price)
        self.realized += realized
        self.last = max(self.last, fill.number)
        self.closed += realized != 0.0
        self.won += realized > 0.0
        return realized

    def mark(self, symbol: str, price: float) -> None:
        """Value a position at a price."""
        self.of(symbol).mark = price

    @property
    def unrealized(self) -> float:
        """What closing everything now would earn, in USD."""
        return sum(each.unrealized for each in self.positions.values())

    @property
    def exposure(self) -> float:
        """Market value of all positions, long or short, in USD."""
        return sum(abs(each.value) for each in self.positions.values())

    @property
    def open(self) -> int:
        """Positions that are not empty."""
        return sum(each.size != 0.0 for each in self.positions.values())

    def record(self) -> dict[str, Any]:
        """As it is sent to another service."""
        kept = {name: [each.size, each.entry, each.mark] for name, each in list(self.positions.items())}
        return {"last": self.last, "realized": self.realized, "positions": kept}

    def restore(self, record: dict[str, Any]) -> None:
        """Go on from what another service has."""
        self.last, self.realized = int(record["last"]), float(record["realized"])
        self.positions = {name: Position(*map(float, values)) for name, values in record["positions"].items()}
