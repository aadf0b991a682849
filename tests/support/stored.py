"""Scrapes, events and rows to put into a store, at moments that a test can reckon with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np

from tapewatch.history.samples import Layout, Scrape, Series

__all__ = ["BEGIN", "at", "layout", "scrape"]

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
"""A midnight, so that buckets of every length begin with it."""


def at(seconds: float) -> datetime:
    """A moment after `BEGIN`."""
    return BEGIN + timedelta(seconds=seconds)


@cache
def layout(*series: tuple[str, str, str]) -> Layout:
    """One layout for the same series: name, symbol (or nothing) and type of each."""
    return Layout(tuple(Series(name, (("symbol", symbol),) if symbol else (), kind) for name, symbol, kind in series))


def scrape(
    seconds: float, values: Mapping[tuple[str, str, str], float], *, service: str = "market-data", target: str = "",
    error: str = "", labels: tuple[tuple[str, str], ...] = (),
) -> Scrape:  # fmt: skip
    """What a target gave at a moment.

    Parameters:
        seconds: after `BEGIN`.
        values: by name, symbol and type of the series.
        service, error, labels: of the scrape.
        target: `SERVICE:9090` unless given.
    """
    return Scrape(
        service, target or f"{service}:9090", at(seconds).timestamp(), 0.01, error, layout(*values),
        np.array(list(values.values()), dtype=np.float64), labels,
    )  # fmt: skip
