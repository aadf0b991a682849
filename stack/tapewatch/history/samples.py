"""What the parts of the history hand to each other: the samples that one target gave at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["EMPTY", "NOTHING", "Layout", "Scrape", "Series", "Values"]

Values = NDArray[np.float64]


class Series(NamedTuple):
    """One series of one target.

    Parameters:
        name: as it is exposed, such as `execution_fill_latency_ms_bucket`.
        labels: what the service set, sorted by name; without the target's own labels.
        type: of its family: counter, gauge, histogram, summary, untyped, or what OpenMetrics has besides.
    """

    name: str
    labels: tuple[tuple[str, str], ...]
    type: str


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Layout:
    """The series of a target in the order in which it exposes them.

    A target that exposes the same series again has the same object again, so whoever needs something for each series
    (a number, a place on a page) makes it once for a layout.
    """

    series: Sequence[Series]


EMPTY = Layout(())
"""Nothing is exposed."""

NOTHING: Values = np.empty(0)
"""The values of `EMPTY`."""


@dataclass(frozen=True, slots=True, eq=False)
class Scrape:
    """What one target gave in one cycle.

    Parameters:
        service: the service that the target belongs to.
        target: its address, such as `risk-manager:9093`; `push` for what a service sent by itself.
        at: when it was asked, as Unix time in seconds.
        duration: seconds until the answer was whole.
        error: why there is no answer, in words; empty when there is one.
        layout: the series of the answer.
        values: one for each series; NaN and infinities are values like others. A series that the target did not
            expose this time is not in the layout: nothing is made up.
        labels: the target's own labels, such as `team` and `environment`.
    """

    service: str
    target: str
    at: float
    duration: float = 0.0
    error: str = ""
    layout: Layout = EMPTY
    values: Values = field(default_factory=lambda: NOTHING)
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def up(self) -> bool:
        """Whether the target answered with something that could be read."""
        return not self.error
