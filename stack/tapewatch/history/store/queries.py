"""Questions that the API and the page ask, as functions of a reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tapewatch.history.store.contract import Reader
from tapewatch_sdk.events import Event, EventSeverity, EventType

__all__ = [
    "Bucket",
    "Candle",
    "Current",
    "Interval",
    "SeriesBuckets",
    "Summary",
    "Trade",
    "candles",
    "current",
    "events",
    "history",
    "summary",
    "trades",
]


class Interval(StrEnum):
    """The lengths of buckets and candles."""

    MINUTE = "1m"
    MINUTES_5 = "5m"
    MINUTES_15 = "15m"
    HOUR = "1h"
    DAY = "1d"


@dataclass(frozen=True, slots=True)
class Current:
    """The last value of a series."""

    name: str
    labels: dict[str, str]
    type: str
    service: str
    symbol: str
    timestamp: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a series did in one interval that begins at `timestamp`."""

    timestamp: datetime
    avg: float
    min: float
    max: float
    last: float
    count: int


@dataclass(frozen=True, slots=True)
class SeriesBuckets:
    """The buckets of a series in the order of time; where nothing was sampled there is none."""

    name: str
    labels: dict[str, str]
    type: str
    service: str
    symbol: str
    buckets: list[Bucket]


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric over a range of time, all its series together.

    Parameters:
        series, samples: how many.
        last: the sum of the last values of its series.
        rate: for a counter, its increase in a second, resets counted; None for everything else.
        min, max, avg: over all samples.
    """

    name: str
    type: str
    series: int
    samples: int
    last: float
    rate: float | None
    min: float
    max: float
    avg: float


@dataclass(frozen=True, slots=True)
class Trade:
    """An order: what the last event of its life said."""

    trade_id: str
    timestamp: datetime
    symbol: str | None
    side: str | None
    quantity: float | None
    price: float | None
    latency_ms: float | None
    slippage_bps: float | None
    strategy: str | None


@dataclass(frozen=True, slots=True)
class Candle:
    """Open, high, low and close of a price, and the volume, in the interval that begins at `timestamp`."""

    timestamp: datetime
    symbol: str
    open: float
    high: float
    low: float
    close: float
    volume: float | None


def current(reader: Reader, *, prefix: str = "", symbol: str = "", service: str = "") -> list[Current]:
    """The last value of every series that is exposed now; a service that is down has none."""
    raise NotImplementedError


def history(
    reader: Reader,
    start: datetime,
    end: datetime,
    interval: Interval,
    *,
    names: Sequence[str] = (),
    symbol: str = "",
    limit: int = 100_000,
) -> list[SeriesBuckets]:
    """Buckets of series over a range of time.

    Parameters:
        reader: of the store.
        start, end: in UTC; the bucket that holds `end` is the last one.
        interval: of the buckets.
        names: of metrics; all unless given.
        symbol: only series of this symbol.
        limit: buckets that are given at most, over all series.
    """
    raise NotImplementedError


def summary(reader: Reader, start: datetime, end: datetime, *, names: Sequence[str] = ()) -> list[Summary]:
    """Each metric over a range of time."""
    raise NotImplementedError


def events(
    reader: Reader,
    *,
    types: Sequence[EventType] = (),
    severities: Sequence[EventSeverity] = (),
    source: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = 1_000,
) -> list[Event]:
    """The newest events first."""
    raise NotImplementedError


def trades(
    reader: Reader, *, symbol: str = "", start: datetime | None = None, end: datetime | None = None, limit: int = 1_000
) -> list[Trade]:
    """The newest trades first."""
    raise NotImplementedError


def candles(reader: Reader, symbol: str, interval: Interval, start: datetime, end: datetime) -> list[Candle]:
    """The candles of a symbol in the order of time."""
    raise NotImplementedError
