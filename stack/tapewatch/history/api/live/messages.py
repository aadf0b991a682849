"""Messages as JSON, put together from parts that were encoded once."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from tapewatch.history.samples import Values

__all__ = ["dumped", "events_message", "number", "numbers", "series_message"]


def dumped(value: Any) -> bytes:
    """A value as JSON in as few bytes as there are; it holds no NaN and no infinity."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def number(value: float) -> float | str:
    """A number for JSON, which has no NaN and no infinities: those become text, as Prometheus writes it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def numbers(values: Values) -> bytes:
    """Numbers as members of a JSON list, without its brackets."""
    found = values.tolist()
    if not np.isfinite(values).all():
        found = [number(value) for value in found]
    return dumped(found)[1:-1]


def series_message(version: int, members: Iterable[bytes]) -> bytes:
    """The message that says which series the values of a snapshot belong to.

    Parameters:
        version: of this list.
        members: series as members of a JSON list, without brackets; empty ones are left out.
    """
    return b'{"type":"series","version":%d,"series":[%s]}' % (version, b",".join(filter(None, members)))


def events_message(events: Iterable[bytes]) -> bytes:
    """The message that tells of events, each as JSON, in the order of time."""
    return b'{"type":"events","events":[%s]}' % b",".join(events)
