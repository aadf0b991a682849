"""What another history is given of a time in which it was away, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tapewatch.history.store import Reader, queries

__all__ = ["LONGEST", "MOST", "OWN", "page"]

LONGEST = timedelta(minutes=1)
"""What one piece holds at most: some 40,000 samples of the sample platform, a megabyte."""

MOST = 50_000
"""Samples of a piece, unless one moment has more."""

OWN = frozenset({"system_metrics"})
"""Tables that tell of the history's own host, and of nobody else's."""

_MOMENT = timedelta(milliseconds=1)


def page(reader: Reader, start: datetime, end: datetime) -> dict[str, Any]:
    """What is stored from `start` on and before `end`, as far as one piece goes.

    Parameters:
        reader: of the store.
        start, end: the range of time.

    Returns:
        `until`, before which all is in it; `series` by number; `scrapes`, each with the numbers and values of its
        samples; `rows` of the collectors' tables.
    """
    begin = _first(reader, start, end)
    if begin is None:
        return {"until": end.isoformat(), "series": {}, "scrapes": [], "rows": {}}
    until = min(end, begin + LONGEST)
    samples, until = _samples(reader, begin, until)
    return {
        "until": until.isoformat(),
        "series": _series(reader, {number for number, *_ in samples}),
        "scrapes": _scrapes(reader, begin, until, samples),
        "rows": _rows(reader, begin, until),
    }


def _first(reader: Reader, start: datetime, end: datetime) -> datetime | None:
    """The first moment of which anything is known: what this history missed as well is passed over."""
    found = reader.sql(
        "SELECT min(first) FROM (SELECT min(timestamp)::TIMESTAMP AS first FROM scrapes WHERE timestamp >= $1 AND "
        "timestamp < $2 UNION ALL SELECT min(ts)::TIMESTAMP FROM samples WHERE ts >= $1 AND ts < $2)",
        [queries.naive(start), queries.naive(end)],
    )
    first: datetime | None = found.rows[0][0]
    return first


_Sample = tuple[int, int, float, str, str]
"""A sample: the number of its series, when (milliseconds), its value, the series' service and target."""


def _samples(reader: Reader, start: datetime, end: datetime) -> tuple[list[_Sample], datetime]:
    """The samples of a range, and where it ends when there are too many of them."""
    found = reader.sql(
        "SELECT x.series, epoch_ms(x.ts::TIMESTAMP), x.value, s.service, s.target "
        "FROM samples x JOIN series s ON s.id = x.series WHERE x.ts >= $1 AND x.ts < $2 ORDER BY x.ts, x.series",
        [queries.naive(start), queries.naive(end)],
        limit=MOST,
    )
    rows: list[Any] = found.rows
    if not found.truncated:
        return rows, end
    last = rows[-1][1]
    whole = [row for row in rows if row[1] < last]
    # A moment that alone has more than a piece holds is given as far as it goes: the next one must be reached.
    cut = last if whole else last + 1
    return whole or rows, datetime.fromtimestamp(cut / 1000, UTC)


def _series(reader: Reader, numbers: Iterable[int]) -> dict[int, list[Any]]:
    found = reader.sql(
        "SELECT id, metric_name, labels, type FROM series WHERE id IN (SELECT unnest(?::INTEGER[]))", [sorted(numbers)]
    )
    return {number: [name, sorted(dict(labels).items()), kind] for number, name, labels, kind in found.rows}


def _scrapes(reader: Reader, start: datetime, end: datetime, samples: Sequence[_Sample]) -> list[list[Any]]:
    """Every scrape with its samples, those that failed too: that a service was down is history as well."""
    found = reader.sql(
        "SELECT epoch_ms(timestamp::TIMESTAMP), service, target, duration_ms, coalesce(error, '') FROM scrapes "
        "WHERE timestamp >= $1 AND timestamp < $2 ORDER BY timestamp",
        [queries.naive(start), queries.naive(end)],
    )
    scrapes: dict[tuple[int, str, str], list[Any]] = {
        (at, service, target): [at, service, target, duration or 0.0, error, [], []]
        for at, service, target, duration, error in found.rows
    }
    for number, at, value, service, target in samples:
        scrape = scrapes.setdefault((at, service, target), [at, service, target, 0.0, "", [], []])
        scrape[5].append(number)
        scrape[6].append(value)
    return sorted(scrapes.values(), key=lambda each: (each[0], each[1], each[2]))


def _rows(reader: Reader, start: datetime, end: datetime) -> dict[str, dict[str, Any]]:
    tables = reader.sql("SELECT name, columns, types FROM store.collected ORDER BY name").rows
    found: dict[str, dict[str, Any]] = {}
    for name, columns, types in tables:
        if name in OWN or "timestamp" not in columns:
            continue
        chosen = ", ".join(f'"{each}"' for each in columns)
        rows = reader.sql(
            f"SELECT {chosen} FROM {name} WHERE timestamp >= $1 AND timestamp < $2 ORDER BY timestamp",  # noqa: S608 -- its own tables
            [queries.naive(start), queries.naive(end)],
        ).rows
        if rows:
            found[name] = {"columns": columns, "moments": _moments(columns, types), "rows": rows}
    return found


def _moments(columns: Sequence[str], types: Sequence[str]) -> list[str]:
    return [name for name, kind in zip(columns, types, strict=True) if kind == "TIMESTAMP"]
