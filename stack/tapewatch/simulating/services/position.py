"""Positions, kept from the fills, reconciled with the exchange's record."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress

from tapewatch.simulating.book import Book, Fill
from tapewatch.simulating.market import SYMBOLS
from tapewatch.simulating.scene import Actor, Handler, Scene
from tapewatch.simulating.wire import Answer, Unreachable

__all__ = ["PositionTracker"]

RECONCILE_EVERY = 300.0
"""Seconds between two reconciliations."""

SNAPSHOT_EVERY = 3_600.0
"""Seconds between two snapshots."""

PATIENCE = 20
"""How often a reconciliation is put off because a fill is on its way."""

_SAME = 1e-6
"""Units by which two records of one position may differ: rounding."""


class PositionTracker(Actor):
    """Keeps positions."""

    domains = frozenset({"position"})

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._book = Book()
        self._reconcile_at = self._snapshot_at = 0.0
        self._put_off = 0
        self._broken = ""

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """Takes fills, and shows the positions."""
        return {("POST", "/fills"): self.fill, ("GET", "/positions"): lambda *_: self._book.record()}

    def begin(self, now: float) -> None:
        """A tracker that is started anew takes the exchange's word."""
        with suppress(Unreachable):  # there is none, or it is about to begin as well
            self._book.restore(self.scene.wire.ask("execution", "/exchange/positions"))
        for symbol in SYMBOLS:
            self._book.of(symbol)
            self.meters["position_reconciliation_breaks_total"].appear(symbol)
        self._reconcile_at = now + RECONCILE_EVERY
        self._snapshot_at = now
        self._show()

    def advance(self, now: float) -> None:
        """Reconcile and take snapshots when it is time."""
        broken = self.scene.faults.value("reconciliation-break")
        if broken and not self._broken:
            self._reconcile_at = now  # nobody wants to wait for it
        self._broken = broken
        if now >= self._reconcile_at:
            self._reconcile(now)
        if now >= self._snapshot_at:
            self._snapshot_at = now + SNAPSHOT_EVERY
            self.meters["position_snapshot_timestamp_seconds"].set(time.time())

    def fill(self, data: Answer, _headers: Mapping[str, str]) -> Answer:
        """Take a fill in; one that came before is taken once."""
        fill = Fill.read(data)
        with self.lock:
            if fill.number > self._book.last:
                self._book.take(fill)
                self.log(
                    "fill taken", order=data.get("order", ""), symbol=fill.symbol, side=fill.side, number=fill.number
                )
                self._show()
        return {"last": self._book.last}

    def _reconcile(self, now: float) -> None:
        try:
            theirs = Book()
            theirs.restore(self.scene.wire.ask("execution", "/exchange/positions"))
        except (Unreachable, KeyError):
            return  # at the next look
        with self.lock:
            if theirs.last != self._book.last and self._put_off < PATIENCE:
                self._put_off += 1
                return
            self._put_off = 0
            self._reconcile_at = now + RECONCILE_EVERY
            self.meters["position_reconciliations_total"].inc(1)
            for symbol in {*theirs.positions, *self._book.positions, *filter(None, [self._broken])}:
                off = theirs.of(symbol).size - self._book.of(symbol).size + (symbol == self._broken)
                if abs(off) > _SAME:
                    self.meters["position_reconciliation_breaks_total"].inc(1, symbol)
                    self.log("position differs from the exchange's record", symbol=symbol, by=off)
            self._book.restore(theirs.record())

    def _show(self) -> None:
        for symbol, position in self._book.positions.items():
            self.meters["position_value_usd"].set(position.value, symbol)
            self.meters["unrealized_pnl_usd"].set(position.unrealized, symbol)
