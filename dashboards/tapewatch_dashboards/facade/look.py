"""How things look: units, colours, limits and the words for states, each decided once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapewatch_sdk.families import Family, MetricType
from tapewatch_sdk.plugins import RuleView

__all__ = [
    "ACTIVE",
    "COLORS",
    "CONNECTED",
    "OPEN",
    "UP",
    "Limit",
    "State",
    "limit_of",
    "mappings",
    "seconds_of",
    "steps",
    "unit_of",
    "unit_of_rate",
]

GOOD, BAD = "green", "red"

COLORS: Mapping[str, str] = {"critical": BAD, "high": "orange", "medium": "yellow", "none": "blue"}
"""Colour of an alert's severity; Grafana's own names, which follow its light and dark theme."""

_UNITS: Mapping[str, str] = {
    "": "short",
    "basis points": "suffix:bps",
    "bytes": "bytes",
    "microseconds": "µs",
    "milliseconds": "ms",
    "percent": "percent",
    "ratio": "percentunit",
    "seconds": "s",
    "usd": "currencyUSD",
}
"""Unit of the catalogue -> Grafana's id of it."""


_SECONDS = {"y": 31536000, "w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
_LENGTH = re.compile(r"(\d+)(ms|[ywdhms])")


@dataclass(frozen=True, slots=True)
class Limit:
    """The number at which an alert begins, for a line on a panel.

    Parameters:
        value: the number, in the unit of what the panel shows.
        severity: the alert's.
        below: whether the alert fires below it, and not above.
        alert: the alert's name.
    """

    value: float
    severity: str
    below: bool = False
    alert: str = ""

    @property
    def color(self) -> str:
        """The colour of the side on which the alert fires."""
        return COLORS[self.severity]


def limit_of(rule: RuleView, parameter: str = "threshold") -> Limit:
    """The limit of an alert.

    Parameters:
        rule: the alert's rule.
        parameter: the parameter of the rule that holds the number; a duration counts in seconds.

    Raises:
        KeyError: the alert has no such parameter, or its value is no number.
    """
    value = rule.values.get(parameter)
    value = seconds_of(value) if isinstance(value, str) else value
    if value is None:
        raise KeyError(f"alert {rule.alert} has no number called {parameter}")
    number = re.escape(f"{value:g}")
    return Limit(float(value), rule.severity, bool(re.search(rf"<=?\s*{number}\b", rule.expr)), rule.alert)


def seconds_of(duration: str) -> float | None:
    """Seconds of a Prometheus duration such as `1h30m`; None for another text."""
    parts = _LENGTH.findall(duration)
    whole = "".join(f"{number}{unit}" for number, unit in parts)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts) if parts and whole == duration else None


def steps(limits: Sequence[Limit | None], base: str = GOOD) -> list[dict[str, Any]]:
    """The thresholds of a panel, ascending: what is beyond a limit has the colour of its alert.

    Parameters:
        limits: some may be None: an alert that the project does not have.
        base: colour of what is beyond none.
    """
    found = [limit for limit in limits if limit is not None]
    low = sorted((each for each in found if each.below), key=lambda each: each.value)
    high = sorted((each for each in found if not each.below), key=lambda each: each.value)
    made: list[dict[str, Any]] = [{"color": low[0].color if low else base, "value": None}]
    for here, after in zip(low, [*low[1:], None], strict=False):
        made.append({"color": after.color if after else base, "value": here.value})
    return [*made, *({"color": each.color, "value": each.value} for each in high)]


@dataclass(frozen=True, slots=True)
class State:
    """What a value means, in a word.

    Parameters:
        value: the value.
        text: the word.
        color: its colour.
    """

    value: float
    text: str
    color: str


UP = (State(0, "down", BAD), State(1, "up", GOOD))
CONNECTED = (State(0, "disconnected", BAD), State(1, "connected", GOOD))
OPEN = (State(0, "closed", GOOD), State(1, "OPEN", BAD))
ACTIVE = (State(0, "off", GOOD), State(1, "ACTIVE", BAD))


def mappings(states: Sequence[State]) -> list[dict[str, Any]]:
    """Grafana's value mappings for states."""
    if not states:
        return []
    options = {
        f"{state.value:g}": {"text": state.text, "color": state.color, "index": index}
        for index, state in enumerate(states)
    }
    return [{"type": "value", "options": options}]


def unit_of(family: Family) -> str:
    """Grafana's unit of a family's values: of a counter what was counted, of a histogram what was observed."""
    return _UNITS.get(family.unit) or f"suffix:{family.unit}"


def unit_of_rate(family: Family) -> str:
    """Grafana's unit of a counter's rate."""
    if family.type is MetricType.COUNTER and family.unit == "usd":
        return "suffix:USD/s"
    return "cps"
