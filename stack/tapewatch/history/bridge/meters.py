"""What the bridge counts of itself."""

from __future__ import annotations

from tapewatch_sdk.instruments import MetricsRegistry

__all__ = ["Meters"]

_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Meters:
    """The bridge's own instruments.

    Parameters:
        registry: makes and keeps them; whoever exposes it exposes them.
    """

    def __init__(self, registry: MetricsRegistry) -> None:
        scrapes = registry.counter(
            "tapewatch_bridge_scrapes_total",
            "Scrapes by outcome: answered, failed, garbage, or skipped because the last one was still under way.",
            ["outcome"],
        )
        self._answered = scrapes.labels(outcome="answered")
        self._failed = scrapes.labels(outcome="failed")
        self._garbage = scrapes.labels(outcome="garbage")
        self._skipped = scrapes.labels(outcome="skipped")
        for each in (self._answered, self._failed, self._garbage, self._skipped):
            each.inc(0)
        targets = registry.gauge("tapewatch_bridge_targets", "Targets by state: up, down or waiting.", ["state"])
        self._targets = {state: targets.labels(state=state) for state in ("up", "down", "waiting")}
        self._samples = registry.counter("tapewatch_bridge_samples_total", "Samples that were read.")
        self._cycle = registry.histogram(
            "tapewatch_bridge_cycle_duration_seconds",
            "From a beat until every target that was asked had answered, or was left to a later round.",
            buckets=_BUCKETS,
        )
        self._missed = registry.counter(
            "tapewatch_bridge_missed_beats_total", "Beats at which a round was still being handed on."
        )
        self._errors = registry.counter("tapewatch_bridge_callback_errors_total", "Rounds whose taker raised.")

    def answered(self, samples: int) -> None:
        """A target answered with so many samples."""
        self._answered.inc()
        self._samples.inc(samples)

    def failed(self, garbage: bool) -> None:
        """A target did not answer, or with garbage."""
        (self._garbage if garbage else self._failed).inc()

    def skipped(self, count: int) -> None:
        """So many targets were not asked, because they still are."""
        self._skipped.inc(count)

    def round(self, seconds: float, up: int, down: int, waiting: int) -> None:
        """A round is whole."""
        self._cycle.observe(seconds)
        for state, count in (("up", up), ("down", down), ("waiting", waiting)):
            self._targets[state].set(count)

    def missed(self, beats: int) -> None:
        """So many beats passed while a round was handed on."""
        self._missed.inc(beats)

    def raised(self) -> None:
        """Whoever takes the rounds raised."""
        self._errors.inc()
