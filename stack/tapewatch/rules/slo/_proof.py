"""The proof of a burn-rate alert: stories in which it must fire, and when, and others in which it must not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache

from tapewatch.catalogue.model import Slo
from tapewatch.rules.model import Case, Coverage, Firing, Proof
from tapewatch.rules.parameters import format_duration
from tapewatch.rules.slo._burn import BurnWindow, Threshold, threshold
from tapewatch.rules.slo._story import Phase, counter, firing, length, step_seconds, steps

__all__ = ["proof_of"]

_HEALTHY, _BURNING = "proof-a", "proof-b"
_MOMENT = 20
"""Steps of a phase in which nothing but its being there matters; more than twice what the base series count over."""


def proof_of(slo: Slo, window: BurnWindow) -> Proof:
    """The proof of one alert of an objective."""
    limit = threshold(slo, window)
    just = Phase(_MOMENT, limit.denominator, limit.numerator)
    over = _rate(_MOMENT, min(limit * Fraction(101, 100), Fraction(1)))
    told = _Teller(slo, window)
    return Proof(cases=(
        told(f"fires once {window.long} have lost their share, and ends when {window.short} have recovered",
             _lasting(window, limit)),
        told("silent at exactly the burn rate, through a restart too", (just, _restarted(just)),
             covers=("boundary", "reset")),
        told("fires just above the burn rate, and a restart does not end it", (over, _restarted(over)),
             covers=("reset",)),
        told("sees the very first events and errors, of counters that appear with them", (Phase(6, 0, 0), over),
             hidden=True, covers=("first-increment",)),
        told("silent while no error has ever been counted", (Phase(_MOMENT, 1000, 0),), hidden=True),
        told("ends when there is no more traffic", (over, Phase(steps(window.short, window) + _MOMENT, 0, 0)),
             covers=("no-traffic",)),
        told("silent without any traffic", (Phase(_MOMENT, 0, 0),), start=(1000, 900), covers=("no-traffic",)),
        told("silent when a service with old errors is scraped for the first time", (Phase(_MOMENT, 1000, 0),),
             start=(100_000, 90_000), late=6, covers=("long-running",)),
        told.of_two("fires for the one service of two that burns", Phase(_MOMENT, over.events, 0), over),
    ))  # fmt: skip


class _Teller:
    """Makes cases of stories, with the counters of one objective."""

    def __init__(self, slo: Slo, window: BurnWindow) -> None:
        self._slo = slo
        self._window = window
        self._limit = threshold(slo, window)

    def __call__(
        self,
        name: str,
        story: Sequence[Phase],
        *,
        start: tuple[int, int] = (0, 0),
        hidden: bool = False,
        late: int = 0,
        covers: tuple[Coverage, ...] = (),
    ) -> Case:
        """A case with one target.

        Parameters:
            start: events and errors that its counters hold at the first sample.
            hidden: counters are exposed from their first event on.
            late: samples that go by before the target is scraped for the first time.
        """
        exposed = self._exposed(story, start, hidden)
        if late:
            exposed = {"up": f"1x{length(story)}", **exposed}
            exposed = {series: f"_x{late} {values}" for series, values in exposed.items()}
        return Case(
            name=name,
            covers=covers,
            interval=format_duration(step_seconds(self._window)),
            targets={_BURNING: exposed},
            fires=tuple(self._fires(story)),
        )

    def of_two(self, name: str, healthy: Phase, burning: Phase) -> Case:
        """A case with two services that differ in nothing but their errors."""
        return Case(
            name=name,
            covers=("two-services",),
            interval=format_duration(step_seconds(self._window)),
            targets={_HEALTHY: self._exposed((healthy,)), _BURNING: self._exposed((burning,))},
            fires=tuple(self._fires((burning,))),
        )

    def _fires(self, story: Sequence[Phase]) -> Iterator[Firing]:
        end = length(story) * step_seconds(self._window)
        for at, until in firing(story, self._window, self._limit):
            yield Firing(target=_BURNING, at=at, until=None if until > end else until)

    def _exposed(self, story: Sequence[Phase], start: tuple[int, int] = (0, 0), hidden: bool = False) -> dict[str, str]:
        slo = self._slo
        total = counter([(phase, phase.events) for phase in story], start[0], hidden)
        bad = counter([(phase, phase.errors) for phase in story], start[1], hidden)
        fine = counter([(phase, phase.events - phase.errors) for phase in story], start[0] - start[1], hidden)
        if slo.latency:
            bucket = f"{slo.latency.family}_bucket"
            return {
                f"{slo.latency.family}_count": total,
                f'{bucket}{{le="{slo.latency.under!r}"}}': fine,
                f'{bucket}{{le="+Inf"}}': total,
            }
        if slo.bad:
            return {str(slo.total): total, slo.bad: bad}
        return {str(slo.total): total, str(slo.good): fine}


@cache
def _lasting(window: BurnWindow, limit: Threshold) -> tuple[Phase, ...]:
    """Well for longer than the long window; then ten times the limit, until some time after the alert; then well."""
    before = steps(window.long, window) + 2 * _MOMENT
    burn = _rate(before, min(10 * limit, Fraction(1)))
    quiet = Phase(before, burn.events, 0)
    at, _ = next(firing((quiet, burn), window, limit))
    burnt = Phase(at // step_seconds(window) - before + _MOMENT, burn.events, burn.errors)
    well = Phase(steps(window.short, window) + _MOMENT, burn.events, 0)
    return quiet, burnt, well


def _rate(duration: int, ratio: Fraction | int) -> Phase:
    """Traffic of which exactly this share fails."""
    share = Fraction(ratio)
    return Phase(duration, share.denominator, share.numerator)


def _restarted(phase: Phase) -> Phase:
    return Phase(phase.steps, phase.events, phase.errors, restarted=True)
