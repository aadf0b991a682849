"""A point as the single samples that Prometheus stores: `_bucket`, `_sum`, `_count`."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tapewatch_sdk.exporters.contract import Point, SummaryValue
from tapewatch_sdk.instruments import Exemplar, HistogramValue
from tapewatch_sdk.instruments._numbers import go_float

__all__ = ["Single", "has_sum", "singles"]

Single = tuple[str, str, str, float, Exemplar | None]
"""What follows the family's name; a label more and its value, or two empty texts; the number; its exemplar."""


def has_sum(value: HistogramValue) -> bool:
    """Whether the sum is told: with buckets for what is negative it would be no counter, and is not exposed either."""
    return next(iter(value.buckets), 0.0) >= 0


def singles(point: Point) -> Iterator[Single]:
    """The samples of a point. Bounds are written as Prometheus writes those that it scrapes: `1.0`, `+Inf`."""
    value = point.value
    if isinstance(value, HistogramValue):
        for bound, count in value.buckets.items():
            yield "_bucket", "le", go_float(bound), count, point.exemplars.get(bound)
        yield "_count", "", "", value.count, None
        if has_sum(value):
            yield "_sum", "", "", value.sum, None
    elif isinstance(value, SummaryValue):
        for quantile, number in value.quantiles.items():
            yield "", "quantile", go_float(quantile), number, None
        yield "_count", "", "", value.count, None
        yield "_sum", "", "", value.sum, None
    else:
        yield "", "", "", value, point.exemplars.get(math.inf)
