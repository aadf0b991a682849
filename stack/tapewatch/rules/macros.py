"""PromQL that many rules need and nobody should write twice.

`exact_increase(counter[5m])` is like `increase`, with three differences that matter for an alert:

- it is exact: whole events stay whole, because nothing is extrapolated to the edges of the range (only where a
  counter was reset within the range, `increase` is taken and its extrapolation rounded away);
- it sees the first increment: a series that appears with value 1 counts as an increment of 1, if its target was
  already being sampled without it;
- a long-running target's first scrape is none: there the first value is only a starting point.

A target counts as sampled while `up` is 1, or, where a service pushes, while it sends `system_uptime_seconds` or
another series named as the macro's further arguments: `exact_increase(c_total[5m], heartbeat)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from tapewatch.promql.edit import expand_macros
from tapewatch.rules.parameters import format_duration
from tapewatch.schema import seconds
from tapewatch_sdk.names import UPTIME

__all__ = ["MACROS", "expand"]

_RANGE = re.compile(r"(?P<selector>.*)\[(?P<range>[^\[\]:]+)\]", re.DOTALL)
_MARGIN = 60.0
"""Seconds before the range in which a target must have been sampled without the counter, for the counter's appearance
at the very start of the range to count: some scrapes, or some pushes."""

_TARGET = "environment, service, instance"
"""What tells targets apart: a service's team and scrape job are always the same."""


def expand(expr: str) -> str:
    """An expression with every macro replaced by plain PromQL."""
    return expand_macros(expr, MACROS)


def _exact_increase(arguments: Sequence[str]) -> str:
    match = _RANGE.fullmatch(arguments[0].strip()) if arguments else None
    if match is None:
        raise ValueError("exact_increase wants a counter with a range, such as exact_increase(orders_total[5m])")
    counter, window = match["selector"].strip(), match["range"].strip()
    longer = format_duration(seconds(window) + _MARGIN)
    # A push carries its samples with times that may differ a little, so a heartbeat must be older by 5 s; pushes are
    # further apart than that. Of a scrape all samples have one time.
    beats = (f"(min_over_time(timestamp({beat.strip()})[{longer}:5s]) + 5)" for beat in (UPTIME, *arguments[1:]))
    seen = " or ".join((f"min_over_time((timestamp(up) and up == 1)[{longer}:5s])", *beats))
    return _EXACT_INCREASE.format(c=counter, w=window, longer=longer, target=_TARGET, seen=seen)


# The branches, of which the first that has a value counts: was reset in the range; grew since the last sample before
# the range; was reset just before the range (or the second branch would have a value), or appeared at a target that
# was sampled before; is new together with its target.
_EXACT_INCREASE = """(
  (round(increase({c}[{w}]) * (1 - 1 / count_over_time({c}[{w}]))) and resets({c}[{w}]) > 0)
  or (max_over_time({c}[{w}]) - (last_over_time({c}[{w}] offset {w}) <= min_over_time({c}[{w}])))
  or (max_over_time({c}[{w}]) and (
    last_over_time({c}[{w}] offset {w})
    or min_over_time(timestamp({c})[{longer}:5s]) > on ({target}) group_left () min by ({target}) ({seen})
  ))
  or (max_over_time({c}[{w}]) - min_over_time({c}[{w}]))
)"""

MACROS: Mapping[str, Callable[[Sequence[str]], str]] = {"exact_increase": _exact_increase}
"""The macros by name."""
