"""What a Prometheus holds, and what another one holds less."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tapewatch.running.clients import Prometheus

__all__ = ["Held", "Lost", "held", "lost"]

HOUR = 3600

RECENT = 600
"""Seconds in which the newest sample of a series is looked for, and the oldest one for a series that began in them."""

_TIMEOUT = 120.0
"""Seconds that a question may take."""


@dataclass(frozen=True)
class Held:
    """What a Prometheus holds up to a moment.

    Parameters:
        at: the moment, in seconds of the epoch.
        newest: when each series had its newest sample, of those that had one lately.
        oldest: when each of these had its oldest one of that time.
        counts: by series and by hours before the moment, how many samples there are.
    """

    at: float
    newest: Mapping[str, float]
    oldest: Mapping[str, float]
    counts: Mapping[str, Mapping[int, int]]

    @property
    def samples(self) -> int:
        """All of them."""
        return sum(sum(hours.values()) for hours in self.counts.values())


@dataclass(frozen=True)
class Lost:
    """What is less.

    Parameters:
        seconds: of data, in the series that lost most.
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
    newest: dict[str, float] = {}
    oldest: dict[str, float] = {}
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
            series = _series(name, each["metric"])
            oldest[series], newest[series] = float(values[0][0]), float(values[-1][0])
    return Held(at, newest, oldest, counts)


def lost(before: Held, after: Held) -> Lost:
    """What the second holds less than the first."""
    seconds, example = 0.0, ""
    for series, when in before.newest.items():
        # One that began with what was lost has lost no more than it had.
        gone = when - after.newest.get(series, before.oldest[series])
        if gone > seconds:
            seconds, example = gone, series
    hours: dict[int, int] = {}
    for series, counts in before.counts.items():
        there = after.counts.get(series, {})
        for hour, count in counts.items():
            if (less := count - there.get(hour, 0)) > 0:
                hours[hour] = hours.get(hour, 0) + less
    missing = len(before.counts.keys() - after.counts.keys())
    return Lost(seconds, sum(hours.values()), missing, dict(sorted(hours.items())), example)


def _asked(server: Prometheus, kind: str, **parameters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.get_json(f"/api/v1/{kind}", _TIMEOUT, **parameters)["data"]["result"]
    return found


def _series(name: str, labels: Mapping[str, str]) -> str:
    inside = ",".join(f"{key}={json.dumps(labels[key])}" for key in sorted(labels) if key != "__name__")
    return f"{name}{{{inside}}}"
