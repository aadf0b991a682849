"""What the calls take and give, as the OpenAPI page shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

from tapewatch.history.store.queries import Interval
from tapewatch_sdk.events import EventSeverity, EventType

__all__ = [
    "BackfillOut",
    "BucketOut",
    "CandleOut",
    "Candles",
    "CurrentMetrics",
    "EventIn",
    "EventOut",
    "Events",
    "EventsIn",
    "Health",
    "HistoryOut",
    "HistoryQuery",
    "LoginIn",
    "Moment",
    "Readiness",
    "RowsOut",
    "StoredOut",
    "Summaries",
    "TimeRange",
    "TradeOut",
    "Trades",
    "moment",
]

Number = float | Literal["NaN", "+Inf", "-Inf"]
"""JSON has no NaN and no infinities; they are told as text, as Prometheus writes them."""


class TimeRange(StrEnum):
    """How long a range of time is."""

    MINUTE_5 = "MINUTE_5"
    MINUTE_15 = "MINUTE_15"
    HOUR_1 = "HOUR_1"
    HOUR_4 = "HOUR_4"
    DAY_1 = "DAY_1"
    WEEK_1 = "WEEK_1"

    @property
    def seconds(self) -> int:
        """How long it is."""
        return _SECONDS[self]


_SECONDS = {
    TimeRange.MINUTE_5: 300,
    TimeRange.MINUTE_15: 900,
    TimeRange.HOUR_1: 3_600,
    TimeRange.HOUR_4: 14_400,
    TimeRange.DAY_1: 86_400,
    TimeRange.WEEK_1: 604_800,
}


def moment(text: str) -> datetime:
    """A time of RFC 3339 in UTC.

    Raises:
        ValueError: it is none.
    """
    found = datetime.fromisoformat(text.upper())
    if found.tzinfo is None:
        raise ValueError("a time needs its zone: end it with Z, or an offset such as +01:00")
    try:
        return found.astimezone(UTC)
    except OverflowError:  # within a day of the beginning or the end of time
        return found.replace(tzinfo=UTC)


def _checked(text: str) -> str:
    moment(text)
    return text


Moment = Annotated[
    str,
    StringConstraints(
        max_length=40, pattern=r"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$"
    ),
    AfterValidator(_checked),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-28T09:30:00Z"]}),
]
"""A time with its zone, as RFC 3339 has it."""

Text = Annotated[str, StringConstraints(max_length=200)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


# What comes in.


class HistoryQuery(_Strict):
    """Which buckets are wanted."""

    time_range: TimeRange = Field(TimeRange.HOUR_1, description="How long the range is, where no `start` is given.")
    start: Moment | None = Field(None, description="The beginning, in place of `time_range`.")
    end: Moment | None = Field(None, description="The end; now, if there is none. Before `start` nothing is found.")
    metric_types: list[Text] = Field(
        [], max_length=200, description="Names of metrics, or domains of the catalogue such as `risk`; all when empty."
    )
    interval: Interval = Field(Interval.MINUTE, description="How long a bucket is.")
    symbol: Text = Field("", description="Only series of this symbol.")


class EventIn(_Strict):
    """An event, as the SDK's `Event.to_dict` gives it."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="Tells events apart; what is sent again is stored once."
    )
    event_type: EventType
    timestamp: Moment
    severity: EventSeverity = EventSeverity.INFO
    source: Annotated[str, StringConstraints(max_length=4_096)] = ""
    data: dict[str, Any] = {}


class EventsIn(_Strict):
    """Events, at most 1,000 at once."""

    events: list[EventIn] = Field(max_length=1_000)


class LoginIn(_Strict):
    """The API key."""

    key: Annotated[str, StringConstraints(max_length=1_000)]


# What goes out.


class StoredOut(BaseModel):
    """What became of events; all of them are on disk now."""

    stored: int = Field(description="How many were new.")
    known: int = Field(description="How many had been stored before.")


class EventOut(BaseModel):
    """An event."""

    id: str
    event_type: EventType
    timestamp: datetime
    severity: EventSeverity
    source: str
    data: dict[str, Any]


class Events(BaseModel):
    """Events, the newest first."""

    events: list[EventOut]
    truncated: bool = Field(description="Whether there are more, older ones; ask again with `end`.")


class RowsOut(BaseModel):
    """Rows of one collector's table."""

    columns: list[str]
    moments: list[str] = Field(description="The columns that hold times.")
    rows: list[list[Any]]


class BackfillOut(BaseModel):
    """What is stored of a time, as far as one answer goes."""

    until: str = Field(description="All before this moment is in the answer; the next one begins with it.")
    series: dict[str, list[Any]] = Field(description="By number: name, labels as pairs, type.")
    scrapes: list[list[Any]] = Field(
        description="When (milliseconds), service, target, how long it took (milliseconds), error, numbers of series,"
        " values; NaN and infinities are text."
    )
    rows: dict[str, RowsOut] = Field(description="By table.")


class SeriesOut(BaseModel):
    """A series and its value."""

    name: str
    labels: dict[str, str]
    type: str
    value: Number


class ServiceOut(BaseModel):
    """How a service is."""

    up: bool | None = Field(description="None: not asked yet.")
    error: str
    age: float | None = Field(description="Seconds since its last answer; None before the first.")
    duration_ms: float
    team: str
    mode: Literal["scrape", "push"]


class CurrentMetrics(BaseModel):
    """All that the services expose now; a service that is down has no values here."""

    at: float = Field(description="Unix time in seconds.")
    simulated: bool = Field(description="Whether some of it comes from simulated services.")
    services: dict[str, ServiceOut]
    metrics: list[SeriesOut]


class BucketOut(BaseModel):
    """What a series did in an interval."""

    timestamp: datetime = Field(description="When the interval begins.")
    avg: Number
    min: Number
    max: Number
    last: Number
    count: int


class SeriesBucketsOut(BaseModel):
    """The buckets of a series."""

    name: str
    labels: dict[str, str]
    type: str
    service: str
    symbol: str
    buckets: list[BucketOut]


class HistoryOut(BaseModel):
    """Time buckets; where nothing was sampled there is none."""

    start: datetime
    end: datetime
    interval: Interval
    truncated: bool = Field(description="Whether there were more buckets than one answer may have.")
    series: list[SeriesBucketsOut]


class SummaryOut(BaseModel):
    """A metric, all its series together."""

    name: str
    type: str
    series: int
    samples: int
    last: Number
    rate: Number | None = Field(description="A counter's increase in a second; None for anything else.")
    min: Number
    max: Number
    avg: Number


class Summaries(BaseModel):
    """Metrics over a range of time."""

    start: datetime
    end: datetime
    metrics: list[SummaryOut]


class TradeOut(BaseModel):
    """An order: what the last event of its life said."""

    trade_id: str
    timestamp: datetime
    symbol: str | None
    side: str | None
    quantity: Number | None
    price: Number | None
    latency_ms: Number | None
    slippage_bps: Number | None
    strategy: str | None


class Trades(BaseModel):
    """Trades, the newest first."""

    trades: list[TradeOut]


class CandleOut(BaseModel):
    """A candle."""

    timestamp: datetime
    symbol: str
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number | None


class Candles(BaseModel):
    """Candles in the order of time."""

    candles: list[CandleOut]


class Health(BaseModel):
    """Alive."""

    status: Literal["ok"] = "ok"
    version: str | None = Field(None, description="Of tapewatch; only for those who have shown the key.")


class Readiness(BaseModel):
    """Whether it can do its work."""

    status: Literal["ready", "not ready"]
    reasons: list[str] = Field([], description="Why not, one sentence each; only for those who have shown the key.")
