"""What is lost today, how far below its peak the equity is, and when a position may only shrink."""

from __future__ import annotations

from tapewatch.simulating.book import Book, Position
from tapewatch.simulating.meters import Meter
from tapewatch.simulating.scene import Scene
from tapewatch_sdk.events import EventSeverity, EventType

__all__ = ["EQUITY", "LIMIT", "Losses", "StopLoss"]

EQUITY = 100_000.0
"""USD with which the platform begins."""

LIMIT = 5_000.0
"""USD that may be lost in a day."""

CAREFUL = 0.5
"""Share of the daily limit from which positions may only shrink, so that a bad day ends before the limit."""

_BOOKED = {"daily-loss": 1.05, "loss-warning": 0.9}
"""Faults that book a loss, with the share of the daily limit that is lost then."""

_PEAK_WAS_HIGHER = 1.15
"""How much higher the peak is, by a fault."""

_WARN_LOSS, _WARN_DRAWDOWN = 0.8, 0.1
"""Shares from which an event is published."""


class Losses:
    """Losses and drawdown of a book.

    Attributes:
        booked: USD that a fault has booked as lost.
        today: USD that were lost since midnight, UTC; 0 in profit.
        drawdown: the largest so far, as a share of the peak.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._day = 0
        self._at_midnight = self._peak = EQUITY
        self._largest = 0.0
        self._warned: set[EventType] = set()
        self.booked = self.today = self.drawdown = 0.0

    @property
    def exceeded(self) -> bool:
        """Whether the daily limit is reached."""
        return self.today >= LIMIT

    @property
    def careful(self) -> bool:
        """Whether positions may only shrink."""
        return self.today >= CAREFUL * LIMIT

    def begin(self, book: Book, now: float) -> None:
        """Count from here."""
        self._day = self._scene.day(now)
        self._at_midnight = self._peak = _equity(book)
        self.update(book)

    def advance(self, book: Book, now: float) -> None:
        """A new day begins at midnight."""
        if self._scene.day(now) != self._day:
            self._day = self._scene.day(now)
            self._at_midnight = _equity(book)

    def update(self, book: Book) -> None:
        """Work out all figures anew."""
        earned = _equity(book) - self._at_midnight
        shares = [share for name, share in _BOOKED.items() if name in self._scene.faults]
        self.booked = max(shares) * LIMIT + earned if shares else 0.0
        equity = self._at_midnight + earned - self.booked
        self.today = max(0.0, self._at_midnight - equity)
        self._peak = max(self._peak, equity)
        self._largest = max(self._largest, 1 - equity / self._peak)
        raised = 1 - equity / (self._peak * _PEAK_WAS_HIGHER) if "drawdown" in self._scene.faults else 0.0
        self.drawdown = max(self._largest, raised)
        self._warn(EventType.DAILY_LOSS_WARNING, self.today / LIMIT, _WARN_LOSS)
        self._warn(EventType.DRAWDOWN_WARNING, self.drawdown, _WARN_DRAWDOWN)

    def _warn(self, kind: EventType, share: float, limit: float) -> None:
        if share < limit:
            self._warned.discard(kind)
        elif kind not in self._warned:
            self._warned.add(kind)
            self._scene.bus.emit(kind, {"value": round(share, 4), "limit": limit}, severity=EventSeverity.WARNING)


class StopLoss:
    """Stops that let a position only shrink until it is closed.

    Parameters:
        triggers: counts them, by symbol and type.
    """

    KINDS = ("fixed", "trailing")
    FIXED = 0.015
    """Loss, as a share of what the position cost, at which the fixed stop is triggered."""
    TRAILING = 0.006
    """Gain above which the trailing stop is armed; it is triggered when two thirds of it are gone."""

    def __init__(self, triggers: Meter) -> None:
        self._triggers = triggers
        self._best: dict[str, float] = {}
        self._stopped: set[str] = set()

    def look(self, symbol: str, position: Position) -> bool:
        """Whether the position may only shrink."""
        cost = abs(position.size * position.entry)
        if cost < 1.0:
            self._stopped.discard(symbol)
            self._best.pop(symbol, None)
            return False
        gain = position.unrealized / cost
        best = self._best[symbol] = max(gain, self._best.get(symbol, 0.0))
        if symbol not in self._stopped:
            fallen = best > self.TRAILING and gain < best / 3
            if gain < -self.FIXED or fallen:
                self._stopped.add(symbol)
                self._triggers.inc(1, symbol, "trailing" if fallen else "fixed")
        return symbol in self._stopped


def _equity(book: Book) -> float:
    return EQUITY + book.realized + book.unrealized
