"""What became of spans, log lines and events, as metrics of the service itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from tapewatch_sdk.events import EventBus, SpooledSink
from tapewatch_sdk.instruments import MetricsRegistry
from tapewatch_sdk.logs import Logs
from tapewatch_sdk.sending.outbox import Counts
from tapewatch_sdk.tracing import Tracing

__all__ = ["TELEMETRY", "TELEMETRY_WAITING", "Counting", "sources_of"]

TELEMETRY = "tapewatch_sdk_telemetry_total"
"""Counts by `what` and `outcome`: `sent`, `dropped`, `refused`; and `retried`, tries that failed and are made again."""

TELEMETRY_WAITING = "tapewatch_sdk_telemetry_waiting"
"""How many wait to be sent, by `what`."""

Sources = Mapping[str, Callable[[], Counts]]


def sources_of(tracing: Tracing, logs: Logs, events: EventBus, spool: SpooledSink | None) -> Sources:
    """What there is to count: only what is switched on."""
    found: dict[str, Callable[[], Counts]] = {"events": lambda: _of_bus(events)}
    if spool is not None:
        found["audit_events"] = lambda: _of_spool(spool)
    if logs._stdout is not None:
        found["log_lines"] = lambda: _of_lines(logs)
    if logs._otlp is not None:
        found["log_records"] = lambda: logs.sent
    if tracing.on:
        found["spans"] = lambda: tracing.counts
    return found


def _of_bus(bus: EventBus) -> Counts:
    stats = bus.stats()
    each = stats.subscribers
    return Counts(
        sent=sum(one.delivered for one in each),
        dropped=sum(one.dropped for one in each),
        refused=stats.invalid + sum(one.failed for one in each),
        failures=sum(one.retried for one in each),
        waiting=sum(one.queued for one in each),
    )


def _of_spool(spool: SpooledSink) -> Counts:
    stats = spool.stats()
    return Counts(stats.acknowledged, stats.turned_away, stats.refused + stats.damaged, stats.retried, stats.pending)


def _of_lines(logs: Logs) -> Counts:
    counts = logs.written
    return Counts(counts.sent, counts.dropped, counts.refused + logs.failures, counts.failures, counts.waiting)


class Counting:
    """Shows the counts in a registry, without its prefix, brought up to date before each collection.

    Parameters:
        registry: the service's.
        sources: gives the counts of each thing.
    """

    def __init__(self, registry: MetricsRegistry, sources: Sources) -> None:
        self._registry = registry
        self._own = MetricsRegistry()
        # Before it holds anything: so prometheus-client is not loaded to describe it.
        registry.register(self._own)
        self._total = self._own.counter(
            TELEMETRY, "Spans, log lines and events, by what became of them.", ["what", "outcome"]
        )
        self._waiting = self._own.gauge(TELEMETRY_WAITING, "Spans, log lines and events that wait.", ["what"])
        self._sources = sources
        self._told: dict[tuple[str, str], int] = {}
        self._looking = threading.Lock()
        self._own.register_callback(self.look)

    def look(self) -> None:
        """Bring the metrics up to date; while another thread does so, what it finds is new enough."""
        if not self._looking.acquire(blocking=False):
            return
        try:
            for what, counts in self._sources.items():
                self._tell(what, counts())
        finally:
            self._looking.release()

    def _tell(self, what: str, now: Counts) -> None:
        self._waiting.set(now.waiting, {"what": what})
        outcomes = {"sent": now.sent, "dropped": now.dropped, "refused": now.refused, "retried": now.failures}
        for outcome, number in outcomes.items():
            before = self._told.get((what, outcome), 0)
            self._told[what, outcome] = number
            # It is less when a subscriber has left, who took its counts along.
            self._total.inc(max(number - before, 0), {"what": what, "outcome": outcome})

    def end(self) -> None:
        """Show nothing any more."""
        self._registry.unregister(self._own)
