"""A piece of another history as a batch of our own, without what we have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from tapewatch.history.api.models import moment
from tapewatch.history.samples import EMPTY, Layout, Scrape, Series
from tapewatch.history.store import Batch, QueryError, Reader, queries
from tapewatch_sdk.collectors import Row
from tapewatch_sdk.events import Event, EventType

__all__ = ["batch_of", "events_of", "new_events"]

_PLAIN = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Names that stand in SQL as they are: what another process says is not trusted with more."""

_ALERTS = (EventType.ALERT_FIRING, EventType.ALERT_RESOLVED)

_AROUND = timedelta(minutes=10)
"""How long before the first of the other's alerts ours are looked through."""

_ROWS = 10_000


def batch_of(found: Mapping[str, Any], reader: Reader, start: datetime) -> Batch:
    """What a piece tells and we do not know.

    Parameters:
        found: the piece, as `pages.page` gave it.
        reader: of our own store.
        start: where the piece begins.
    """
    until = moment(found["until"])
    ours = {(at, service, target) for at, service, target in _scraped(reader, start, until)}
    scrapes = [each for each in _scrapes(found) if (round(each.at * 1000), each.service, each.target) not in ours]
    rows = [row for name, table in found["rows"].items() for row in _rows(name, table, reader, start, until)]
    return Batch(scrapes, rows)


def _scraped(reader: Reader, start: datetime, until: datetime) -> Iterable[tuple[int, str, str]]:
    """Also what was pushed in the meantime and told to both."""
    return reader.sql(
        "SELECT epoch_ms(timestamp::TIMESTAMP), service, target FROM scrapes WHERE timestamp >= $1 AND timestamp < $2",
        [queries.naive(start), queries.naive(until)],
    ).rows


def _scrapes(found: Mapping[str, Any]) -> Iterator[Scrape]:
    series = {
        number: Series(name, tuple((key, value) for key, value in labels), kind)
        for number, (name, labels, kind) in found["series"].items()
    }
    layouts: dict[tuple[int, ...], Layout] = {}
    for at, service, target, duration, error, numbers, values in found["scrapes"]:
        key = tuple(numbers)
        layout = layouts.get(key) if key else EMPTY
        if layout is None:
            layout = layouts[key] = Layout([series[str(number)] for number in numbers])
        # What is no number came as text, in the words of Prometheus.
        told = np.array([float(each) for each in values])
        yield Scrape(service, target, at / 1000, float(duration) / 1000, error, layout, told)


def _rows(name: str, table: Mapping[str, Any], reader: Reader, start: datetime, until: datetime) -> Iterator[Row]:
    """The rows of a table; those of one without a key are told from ours by all that they hold."""
    columns, moments = table["columns"], set(table["moments"])
    if not all(_PLAIN.fullmatch(each) for each in (name, *columns)):
        return
    chosen = ", ".join(f'"{each}"' for each in columns)
    text = f"SELECT {chosen} FROM {name} WHERE timestamp >= $1 AND timestamp < $2"  # noqa: S608 -- plain names alone
    try:
        own = reader.sql(text, [queries.naive(start), queries.naive(until)]).rows
    except QueryError:  # a collector that only the other one has; its table is not ours to make
        return
    have = {tuple(map(str, row)) for row in own}
    for row in table["rows"]:
        values = {
            column: (moment(value) if column in moments and value is not None else value)
            for column, value in zip(columns, row, strict=True)
        }
        if tuple(map(str, values.values())) not in have:
            yield Row(name, values)


def events_of(found: Iterable[Mapping[str, Any]]) -> list[Event]:
    """Events as the API gives them."""
    return [Event.from_dict(dict(each)) for each in found]


def new_events(events: Sequence[Event], reader: Reader, tolerance: float) -> list[Event]:
    """Those that are to be stored; the store leaves out what it has by its id.

    The Prometheus of another history may have seen an alert's condition an evaluation earlier or later than ours, which
    gives the same change another id: what we have written down of it ourselves is not written down again.

    Parameters:
        events: of the other history.
        reader: of our own store.
        tolerance: seconds by which the same alert may have begun at another time.
    """
    alerts = [each for each in events if each.event_type in _ALERTS and "active_at" in each.data]
    if not alerts:
        return list(events)
    first = min(each.timestamp for each in alerts)
    own = [
        each
        for each in queries.events(reader, types=_ALERTS, start=first - _AROUND, limit=_ROWS)
        if "active_at" in each.data
    ]
    return [each for each in events if not any(_same(each, other, tolerance) for other in own)]


def _same(event: Event, own: Event, tolerance: float) -> bool:
    if event.event_type is not own.event_type or event.id == own.id or "active_at" not in event.data:
        return False
    if event.data.get("labels") != own.data.get("labels"):
        return False
    return abs(_active(event) - _active(own)) <= tolerance


def _active(event: Event) -> float:
    return moment(str(event.data["active_at"])).timestamp()
