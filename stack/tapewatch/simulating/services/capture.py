"""The pipeline that records the feed, learns from it and predicts; nobody can scrape it, so it pushes."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from tapewatch.simulating.chance import Draws, Spread
from tapewatch.simulating.market import SYMBOLS
from tapewatch.simulating.scene import Actor, Scene
from tapewatch_sdk.events import EventSeverity, EventType
from tapewatch_sdk.streams import ArrivalKind, Reconciliation, SequenceTracker

__all__ = ["Capture"]

BUFFER = 1_000
"""Samples that the labeler's buffer holds, and trades that the trade buffer holds."""

TABLES: Mapping[str, float] = {"raw_orderbook": 0.0, "raw_trades": 2.0, "features": 10.0, "predictions": 10.0}
"""Seconds between two flushes, by table; order books are written as they come, for nothing may hold them back."""

STAGES: Mapping[str, float] = {"features": 0.000_8, "labeler": 0.000_2, "classifier": 0.001_5, "writer": 0.000_4}
"""Seconds that a stage usually takes for one sample."""

LEARN_EVERY = 1.0
"""Seconds from one sample of features to the next, for each symbol."""

LABELED_AFTER = 60
"""Samples of each symbol that wait in the labeler's buffer until the future of theirs is known."""

GAP_EVERY, GAP = 60.0, 3
"""Simulated seconds between two gaps when there are such, and trades lost in each."""

FIRST = 1_000_000
"""Number of the feed's first match."""

RECONCILE_EVERY = 60.0
"""Seconds between two comparisons of the rows that came in with those that were written."""

_MESSAGE, _SLOW_MESSAGE = 0.02, 2.0
_PREDICTION, _SLOW_PREDICTION = 0.002, 0.15
_TRAINING = 0.004
_FLUSH, _SLOW_FLUSH = 0.18, 8.0
_CALLBACK = 0.03
_LOST = 10
"""One row of so many is lost, when rows are lost."""


@dataclass(slots=True)
class _Table:
    """Rows that wait for the next flush of a table, and those that had been lost when it was last looked at."""

    every: float
    due: float = 0.0
    rows: int = 0
    missing: int = 0


class Capture(Actor):
    """Takes the feed's messages into tables, samples into a model, and the shared state onto a dashboard."""

    domains = frozenset({"capture", "pipeline", "ml", "dashboard"})

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._until = self._learn_at = self._updated = self._gap_at = self._callback_at = self._reconcile_at = 0.0
        self._sequence = 0
        self._tracker = SequenceTracker()
        self._samples = 0
        self._tables = {name: _Table(every) for name, every in TABLES.items()}
        self.rows = Reconciliation()
        for name, table in self._tables.items():
            self.rows.buffered(name, partial(getattr, table, "rows"))
        self._recent: deque[tuple[float, int]] = deque()
        self._waiting = 0
        self._chance = Draws(scene.seed, scene.stream("label"))

        def spread(name: str, middle: float, sigma: float = 0.35) -> Spread:
            return Spread(scene.seed, scene.stream(name), middle, sigma)

        self._latency = spread("latency", _MESSAGE)
        self._stages = {name: spread(name, middle) for name, middle in STAGES.items()}
        self._predict, self._train = spread("predict", _PREDICTION), spread("train", _TRAINING)
        self._flush, self._callback = spread("flush", _FLUSH), spread("callback", _CALLBACK)

    def begin(self, now: float) -> None:
        """Subscribe to the feed."""
        self._until = self._learn_at = self._updated = self._callback_at = now
        self._reconcile_at = now + RECONCILE_EVERY
        for table in self._tables.values():
            table.due = now + table.every
        for kind in ("l2update", "match", "snapshot"):
            self.meters["coinbase_messages_received_total"].appear(kind)
        for name in TABLES:
            self.meters["iceberg_rows_written_total"].appear(name)
            self.meters["iceberg_flush_total"].appear(name)
        for value in "01":
            self.meters["ml_samples_total"].appear(value)
            self.meters["ml_predictions_total"].appear(value)
        self._sequence = self.scene.market.sequence(now)
        self._tracker.check(FIRST + self._sequence)
        self._show(now)

    def advance(self, now: float) -> None:
        """Take what came up to a moment, in steps so short that no flush comes late."""
        with self.scene.moment:
            while self._until < now:
                self._step(min(now, self._until + 1.0))
            self._show(now)

    def _step(self, now: float) -> None:
        after, self._until = self._until, now
        market = self.scene.market
        updates = sum(market.updates(symbol, now) - market.updates(symbol, after) for symbol in SYMBOLS)
        snapshots = len(SYMBOLS) * (market.snapshots(now) - market.snapshots(after))
        matches = self._matches(now)
        for kind, count in (("l2update", updates), ("snapshot", snapshots), ("match", matches)):
            self.meters["coinbase_messages_received_total"].inc(count, kind)
        self._receive("raw_orderbook", updates + snapshots)
        self._receive("raw_trades", matches)
        self._recent.append((now, updates))
        middle = _SLOW_MESSAGE if "slow-pipeline" in self.scene.faults else 0.0
        for _ in range(updates + snapshots + matches):
            self.meters["pipeline_message_latency_seconds"].observe(self._latency.next(middle))
        if "stale-dashboard" not in self.scene.faults:
            self._updated = now
        self._learn(now)
        self._write(now)
        self._reconcile(now)

    def _matches(self, now: float) -> int:
        """Matches that came in; numbers that are left out are a gap."""
        first, self._sequence = self._sequence, self.scene.market.sequence(now)
        if "sequence-gap" in self.scene.faults and now >= self._gap_at and self._sequence - first > GAP:
            self._gap_at = now + GAP_EVERY
            first += GAP
        for number in range(first + 1, self._sequence + 1):
            arrival = self._tracker.check(FIRST + number)
            if arrival.kind == ArrivalKind.GAP:
                self.meters["coinbase_sequence_gaps_total"].inc(1)
                data = {"sequence": FIRST + number, "missing": arrival.gap}
                self.scene.bus.emit(EventType.DATA_ERROR, data, severity=EventSeverity.WARNING)
        return self._sequence - first

    def _learn(self, now: float) -> None:
        while self._learn_at <= now:
            self._learn_at += LEARN_EVERY
            for symbol in SYMBOLS:
                self._sample(symbol, self._learn_at)

    def _sample(self, symbol: str, at: float) -> None:
        """Features of a moment: a prediction now, a training sample when its future is known."""
        self._samples += 1
        for stage, spread in self._stages.items():
            self.meters["pipeline_callback_duration_seconds"].observe(spread.next(), stage)
        slow = _SLOW_PREDICTION if "slow-inference" in self.scene.faults else 0.0
        self.meters["ml_predict_duration_seconds"].observe(self._predict.next(slow))
        prediction = "1" if self._chance.unit(self._samples) < 0.5 else "0"
        self.meters["ml_predictions_total"].inc(1, prediction)
        self._receive("features", 1)
        self._receive("predictions", 1)
        self._waiting += 1
        if self._waiting > LABELED_AFTER * len(SYMBOLS):
            self._waiting -= 1
            past = at - LABELED_AFTER * LEARN_EVERY
            rose = self.scene.market.price(symbol, at) > self.scene.market.price(symbol, past)
            self.meters["ml_samples_total"].inc(1, "1" if rose else "0")
            self.meters["ml_train_duration_seconds"].observe(self._train.next())

    def _receive(self, table: str, rows: int) -> None:
        self.rows.received(table, rows)
        self._tables[table].rows += rows

    def _write(self, now: float) -> None:
        for name, table in self._tables.items():
            if now < table.due or not table.rows:
                continue
            table.due = now + table.every
            rows, table.rows = self._kept(name, table.rows), 0
            if self.scene.faults.value("capture-stalled") == name:
                continue
            slow = _SLOW_FLUSH if "slow-flush" in self.scene.faults else 0.0
            self.rows.written(name, rows)
            self.meters["iceberg_rows_written_total"].inc(rows, name)
            self.meters["iceberg_flush_total"].inc(1, name)
            self.meters["iceberg_flush_duration_seconds"].observe(self._flush.next(slow), name)
            self.meters["iceberg_flush_rows"].observe(rows, name)

    def _reconcile(self, now: float) -> None:
        """Tell of rows that came in and are neither written nor waiting, once for each loss."""
        if now < self._reconcile_at:
            return
        self._reconcile_at = now + RECONCILE_EVERY
        for name, table in self._tables.items():
            found = self.rows.result(name)
            if found.missing > table.missing:
                data = {"table": name, "lost": found.missing - table.missing, "missing": found.missing}
                self.scene.bus.emit(EventType.DATA_ERROR, data, severity=EventSeverity.WARNING)
            table.missing = found.missing

    def _kept(self, name: str, rows: int) -> int:
        return rows - max(1, rows // _LOST) if rows and self.scene.faults.value("incomplete-data") == name else rows

    def _show(self, now: float) -> None:
        while self._recent and self._recent[0][0] <= now - 5.0:
            self._recent.popleft()
        rate = sum(count for _, count in self._recent) / 5.0
        full = int(0.97 * BUFFER) if "buffer-full" in self.scene.faults else self._waiting
        for name, value in (
            ("coinbase_match_sequence", FIRST + self._sequence),
            ("labeler_buffer_size", full),
            ("labeler_buffer_capacity", BUFFER),
            ("trade_buffer_size", min(BUFFER, self._tables["raw_trades"].rows)),
            ("trade_buffer_capacity", BUFFER),
            ("orderbook_updates_per_second", rate),
            ("dashboard_update_age_seconds", max(0.0, now - self._updated)),
        ):
            self.meters[name].set(float(value))
        while self._callback_at <= now:
            self._callback_at += LEARN_EVERY
            self.meters["dashboard_callbacks_total"].inc(1)
            self.meters["dashboard_callback_duration_seconds"].observe(self._callback.next())
