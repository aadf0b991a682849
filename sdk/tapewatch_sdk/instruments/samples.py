"""What an instrument tells when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Exemplar", "HistogramValue", "Sample"]


class Exemplar(NamedTuple):
    """One observation that stands for its bucket, with the trace it was made in.

    Parameters:
        labels: as a rule `trace_id` and `span_id`.
        value: what was observed.
        timestamp: when, in seconds since 1970.
    """

    labels: Mapping[str, str]
    value: float
    timestamp: float


class Sample(NamedTuple):
    """One value of one series.

    Parameters:
        name: the name that is exposed, `live_trading_orders_total`.
        labels: name -> value; with `le` for a histogram's bucket.
        value: the value; a bucket holds all observations up to its bound.
        timestamp: when it was read, in seconds since 1970.
        exemplar: what stands for a bucket; None for most.
    """

    name: str
    labels: Mapping[str, str]
    value: float
    timestamp: float
    exemplar: Exemplar | None = None


@dataclass(frozen=True, slots=True)
class HistogramValue:
    """All of one histogram.

    Parameters:
        count: how many observations fell into a bucket (all but NaN).
        sum: what they add up to.
        buckets: upper bound -> how many observations are at most that large; the last bound is infinite.
    """

    count: float
    sum: float
    buckets: Mapping[float, float]
