"""The time range of a dashboard, and what Grafana's macros stand for in it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tapewatch.promql.grafana import filled
from tapewatch.schema.types import seconds

__all__ = ["Moment", "since_now"]

_POINTS = 400
"""Points of a line at most; as many as a panel of half a screen's width has in Grafana."""

_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Seconds from which Grafana takes the smallest interval that is long enough."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time range.

    Parameters:
        start, end: in seconds since 1970.
        scrape: seconds from scrape to scrape, as Grafana's data source was told.
    """

    start: float
    end: float
    scrape: float

    def step(self, least: float = 0.0) -> int:
        """Seconds between two points of a line.

        Parameters:
            least: a panel's own smallest interval.
        """
        wanted = max((self.end - self.start) / _POINTS, self.scrape, least, 1.0)
        return next((step for step in _STEPS if step >= wanted), math.ceil(wanted))

    def macros(self, least: float = 0.0) -> dict[str, str]:
        """Grafana's built-in variables -> what stands in their place."""
        step, length = self.step(least), round(self.end - self.start)
        rate = math.ceil(max(step + self.scrape, 4 * self.scrape))
        return {
            "__interval": f"{step}s",
            "__interval_ms": str(step * 1000),
            "__rate_interval": f"{rate}s",
            "__range": f"{length}s",
            "__range_s": str(length),
            "__range_ms": str(length * 1000),
            "__from": str(round(self.start * 1000)),
            "__to": str(round(self.end * 1000)),
        }

    def fill(self, text: str, values: Mapping[str, str], least: float = 0.0) -> str:
        """A query as Grafana would send it.

        Parameters:
            text: the query of a panel.
            values: what was chosen, by variable; what is in neither it nor Grafana's own stays as it is.
            least: the panel's own smallest interval, in seconds.
        """
        return filled(text, {**self.macros(least), **values})


def since_now(since: str, scrape: str) -> Moment:
    """From some time ago until now.

    Parameters:
        since: how long ago, such as `15m`.
        scrape: the scrape interval of the data source.

    Raises:
        ValueError: `since` is no duration.
    """
    now = time.time()
    return Moment(now - seconds(since), now, seconds(scrape))
