"""promtool's notation for the values of a series, taken apart: `0x3 1+2x10 _x5 stale`."""

from __future__ import annotations

import re
from enum import Enum

__all__ = ["Absent", "Sample", "parse_values"]


class Absent(Enum):
    """What stands in a series where no number is."""

    MISSING = "_"
    """No sample: the series was not exposed, or nothing was scraped."""
    STALE = "stale"
    """The series ended; Prometheus marks it stale."""


Sample = float | Absent

_NUMBER = r"[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+|Inf|NaN)"
_RUN = re.compile(rf"(?P<start>{_NUMBER})(?:(?P<step>[+-]\d+\.?\d*(?:[eE][+-]?\d+)?))?x(?P<times>\d+)")


def parse_values(notation: str) -> list[Sample]:
    """The samples of a series, one for each interval.

    `3x2` is 3 3 3 and `1+2x3` is 1 3 5 7: the count names the repetitions after the first value, as promtool has it.

    Raises:
        ValueError: an item is not of promtool's notation.
    """
    samples: list[Sample] = []
    for item in notation.split():
        samples.extend(_item(item))
    return samples


def _item(item: str) -> list[Sample]:
    if item == "stale":
        return [Absent.STALE]
    if match := re.fullmatch(r"_(?:x(\d+))?", item):
        return [Absent.MISSING] * int(match[1] or 1)
    if re.fullmatch(_NUMBER, item):
        return [float(item)]
    if match := _RUN.fullmatch(item):
        start, step = float(match["start"]), float(match["step"] or 0)
        return [start + step * count for count in range(int(match["times"]) + 1)]
    raise ValueError(f"`{item}` is no value; write numbers, `_`, `stale`, `5x3` or `1+2x3`")
