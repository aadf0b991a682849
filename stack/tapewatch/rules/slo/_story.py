"""Counters for a proof, and when a burn-rate alert must fire on them, worked out step by step.

This is the same arithmetic as that of the recorded series, but on plain numbers and without Prometheus; promtool then
holds the two against each other. A step is the time between two samples of a story and between two evaluations of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from tapewatch.rules.slo._burn import BurnWindow, Threshold
from tapewatch.rules.slo._records import BASE_SECONDS
from tapewatch.schema import seconds

__all__ = ["Phase", "counter", "firing", "length", "step_seconds", "steps"]

_MINUTE, _DAY = 60, 86400


@dataclass(frozen=True, slots=True)
class Phase:
    """Some time of steady traffic.

    Parameters:
        steps: how long it lasts.
        events, errors: how many there are in each step.
        restarted: whether the service starts anew with it, and its counters at 0.
    """

    steps: int
    events: int
    errors: int
    restarted: bool = False


def step_seconds(window: BurnWindow) -> int:
    """Seconds of a step: a minute, as the servers evaluate these rules; five minutes where the long window has days.

    Three days by the minute take promtool half a minute for one case. Five minutes are what the base series counts, so
    they add up to the same as minutes do.
    """
    return BASE_SECONDS if seconds(window.long) >= _DAY else _MINUTE


def steps(duration: str, window: BurnWindow) -> int:
    """How many steps a duration has in the stories for a pair of windows."""
    return round(seconds(duration)) // step_seconds(window)


def length(story: Iterable[Phase]) -> int:
    """Steps that a story takes."""
    return sum(phase.steps for phase in story)


def counter(gains: Iterable[tuple[Phase, int]], start: int = 0, hidden: bool = False) -> str:
    """A counter in promtool's notation, one sample a step.

    Parameters:
        gains: each phase with what the counter gains in a step.
        start: its value at the first sample.
        hidden: it is not exposed before its first event, as a counter with labels.
    """
    value, waiting, parts = start, hidden, [] if hidden else [str(start)]
    missing = 1 if hidden else 0
    for phase, step in gains:
        if waiting and not step:
            missing += phase.steps
            continue
        if waiting:
            parts, waiting = [f"_x{missing}"], False
        first = step if phase.restarted else value + step
        value = first + step * (phase.steps - 1)
        parts.append(f"{first}+{step}x{phase.steps - 1}")
    return f"_x{missing}" if waiting else " ".join(parts)


def firing(story: Sequence[Phase], window: BurnWindow, limit: Threshold) -> Iterator[tuple[int, int]]:
    """When the alert fires: seconds of the first evaluation at which it does, and of the first at which it does not."""
    step = step_seconds(window)
    short, long = (
        _above(story, steps(each, window), BASE_SECONDS // step, limit) for each in (window.short, window.long)
    )
    now = 0
    for both, run in groupby(zip(short, long, strict=True), key=all):
        ended = now + len(list(run))
        if both:
            yield now * step, ended * step
        now = ended


def _above(story: Sequence[Phase], width: int, base: int, limit: Threshold) -> list[bool]:
    """At each step, whether the error ratio over `width` steps exceeds the limit; it does not where nothing happened.

    Parameters:
        base: steps over which the base series counts.
    """
    samples = 1 if width == base else width
    counted = _windowed(_windowed((phase.events for phase in story for _ in range(phase.steps)), base), samples)
    failed = _windowed(_windowed((phase.errors for phase in story for _ in range(phase.steps)), base), samples)
    # The story's first sample is a starting point: nothing has been counted yet.
    return [
        False,
        *(bad * limit.denominator > total * limit.numerator for bad, total in zip(failed, counted, strict=True)),
    ]


def _windowed(values: Iterable[int], width: int) -> list[int]:
    """At each place the sum of the last `width` values up to it."""
    sums = list(accumulate(values, initial=0))
    return [sums[end] - sums[max(0, end - width)] for end in range(1, len(sums))]
