"""What a Prometheus holds, and what another one holds less."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

from tapewatch.running.clients import Prometheus

__all__ = ["Held", "Lost", "held", "lost"]

HOUR = 3600

RECENT = 600
"""Seconds in which each sample of a series is looked at."""

_TIMEOUT = 120.0
"""Seconds that a question may take."""


@dataclass(frozen=True)
class Held:
    """What a Prometheus holds up to a moment.

    Parameters:
        at: the moment, in seconds of the epoch.
        recent: by series the moments of its samples of the last `RECENT` seconds, the oldest first; those with any.
        counts: by series and by hours before the moment, how many samples there are.
    """

    at: float
    recent: Mapping[str, Sequence[float]]
    counts: Mapping[str, Mapping[int, int]]

    @property
    def samples(self) -> int:
        """All of them."""
        return sum(sum(hours.values()) for hours in self.counts.values())


@dataclass(frozen=True)
class Lost:
    """What is less.

    Parameters:
        seconds: that the lost samples of the last `RECENT` seconds stood for, in the series that lost most.
        samples: how many, over all series.
        series: how many are missing altogether.
        hours: in which hours before the moment samples are missing, with how many.
        example: the series that lost most.
    """

    seconds: float = 0.0
    samples: int = 0
    series: int = 0
    hours: Mapping[int, int] = field(default_factory=dict)
    example: str = ""


def held(server: Prometheus, at: float, hours: int) -> Held:
    """What a Prometheus holds of the last hours up to a moment.

    Parameters:
        server: is asked, name by name.
        at: the moment, in seconds of the epoch.
        hours: how far back.

    Raises:
        ToolError: it does not answer.
    """
    counts: dict[str, dict[int, int]] = {}
    recent: dict[str, Sequence[float]] = {}
    moment, begin = f"{at:.3f}", f"{at - (hours - 1) * HOUR:.3f}"
    names = server.get_json("/api/v1/label/__name__/values", _TIMEOUT, end=moment)["data"]
    for name in names:
        which = f"{{__name__={json.dumps(name)}}}"
        for each in _asked(server, "query_range", query=f"count_over_time({which}[1h])", start=begin, end=moment,
                           step=str(HOUR)):  # fmt: skip
            series = _series(name, each["metric"])
            counts[series] = {round((at - when) / HOUR): int(value) for when, value in each["values"]}
        for each in _asked(server, "query", query=f"{which}[{RECENT}s]", time=moment):
            values = each["values"] if "values" in each else each["histograms"]
            recent[_series(name, each["metric"])] = array("d", (float(when) for when, _ in values))
    return Held(at, recent, counts)


def lost(before: Held, after: Held, interval: float) -> Lost:
    """What the second holds less than the first.

    Parameters:
        before, after: are compared.
        interval: seconds between two scrapes, the longest of all targets: a sample stands for no more time, however
            long its series was away before it.
    """
    seconds, example = 0.0, ""
    for series, moments in before.recent.items():
        missing = len(set(moments).difference(after.recent.get(series, ())))
        if missing and (gone := missing * min(interval, _step(moments, interval))) > seconds:
            seconds, example = gone, series
    hours: dict[int, int] = {}
    for series, counts in before.counts.items():
        there = after.counts.get(series, {})
        for hour, count in counts.items():
            if (less := count - there.get(hour, 0)) > 0:
                hours[hour] = hours.get(hour, 0) + less
    missing = len(before.counts.keys() - after.counts.keys())
    return Lost(seconds, sum(hours.values()), missing, dict(sorted(hours.items())), example)


def _step(moments: Sequence[float], otherwise: float) -> float:
    """Seconds between two samples of a series, as a rule."""
    return median(later - earlier for earlier, later in pairwise(moments)) if len(moments) > 1 else otherwise


def _asked(server: Prometheus, kind: str, **parameters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.get_json(f"/api/v1/{kind}", _TIMEOUT, **parameters)["data"]["result"]
    return found


def _series(name: str, labels: Mapping[str, str]) -> str:
    inside = ",".join(f"{key}={json.dumps(labels[key])}" for key in sorted(labels) if key != "__name__")
    return f"{name}{{{inside}}}"
