"""Ranges of time as callers give them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tapewatch.history.api.models import TimeRange, moment
from tapewatch.history.store.queries import Interval

__all__ = ["BUCKETS", "range_of", "shortened"]

BUCKETS = 5_000
"""Buckets of one series at most: three and a half days of minutes, as many as a screen has dots."""

_LENGTHS = {
    Interval.MINUTE: 60,
    Interval.MINUTES_5: 300,
    Interval.MINUTES_15: 900,
    Interval.HOUR: 3_600,
    Interval.DAY: 86_400,
}


def range_of(time_range: TimeRange, start: str | None, end: str | None) -> tuple[datetime, datetime]:
    """The beginning and the end of a range.

    Parameters:
        time_range: how long it is, without a `start`.
        start: the beginning; None for one that follows from the end.
        end: the end; None for now.
    """
    until = moment(end) if end else datetime.now(UTC)
    if start:
        return moment(start), until
    return _before(until, time_range.seconds), until


def shortened(start: datetime, end: datetime, interval: Interval) -> tuple[datetime, bool]:
    """The beginning of what is answered of a range, and whether that is less than was asked for: the newest counts."""
    first = _before(end, BUCKETS * _LENGTHS[interval])
    return (first, True) if start < first else (start, False)


def _before(end: datetime, seconds: int) -> datetime:
    try:
        return end - timedelta(seconds=seconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
