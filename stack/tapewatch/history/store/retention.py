"""How long what is kept, and the making of coarser buckets before finer ones go.

Samples become buckets of 1 and 5 minutes when they are moved into the file, and those of 5 minutes become hours here;
so growing old is nothing but leaving out the finer ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

from tapewatch.history.store.engine import Engine
from tapewatch.history.store.moving import save, transaction
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import AUDIT_TYPES, TRADE_TYPES
from tapewatch_sdk.problems import Problem

__all__ = ["DEFAULTS", "Retention", "retain", "roll"]

DEFAULTS: Mapping[str, timedelta] = {
    "samples": timedelta(days=7),
    "1m": timedelta(days=30),
    "5m": timedelta(days=90),
    "1h": timedelta(days=730),
    "candles": timedelta(days=730),
    "scrapes": timedelta(days=30),
    "collected": timedelta(days=30),
    "events": timedelta(days=90),
    "audit": timedelta(days=1826),
}
"""What is kept for how long: samples as long as Prometheus keeps its own, `audit` (its events and those of orders, and
`trades`) 5 years, as is asked of records of orders. `collected` are the tables of collectors that are not named."""

SLICE = timedelta(hours=1)
"""What is removed in one transaction, so that its memory is bounded."""

LEAST_AUDIT = timedelta(days=1)
"""Nobody removes the audit trail of today by a slip of the pen."""

_UNITS = {"h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365.25 * 86_400}


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept.

    Parameters:
        periods: by what is kept: see `DEFAULTS`, or the name of a collector's table.
    """

    periods: Mapping[str, timedelta] = field(default_factory=lambda: DEFAULTS)

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Retention:
        """The defaults but for what is given as `NAME=PERIOD`, such as `samples=14d`; units are h, d, w and y.

        Raises:
            ProblemsError: one cannot be read.
        """
        periods = dict(DEFAULTS)
        for text in texts:
            match = re.fullmatch(r"([a-z0-9_]+)=(\d+(?:\.\d+)?)([hdwy])", text)
            if match is None:
                raise _bad(text, f"`{text}` is no period to keep something for")
            if (seconds := float(match[2]) * _UNITS[match[3]]) > timedelta.max.total_seconds():
                raise _bad(text, f"`{text}` is longer than anything can be kept")
            period = timedelta(seconds=seconds)
            if match[1] == "audit" and period < LEAST_AUDIT:
                raise _bad(text, "the audit trail is kept for a day at least")
            periods[match[1]] = period
        return cls(periods)

    @classmethod
    def of_catalogue(cls, keep: Mapping[str, str]) -> Retention:
        """The defaults but for `stack.history.keep`, whose periods the catalogue's validation has seen."""
        # Whoever has a catalogue has loaded this and pydantic; `tapewatch history sql` need not.
        from tapewatch.schema import seconds

        return cls({**DEFAULTS, **{name: timedelta(seconds=seconds(period)) for name, period in keep.items()}})

    def check(self, tables: Iterable[str]) -> None:
        """Refuse a period of something that there is not, which is a slip of the pen.

        Parameters:
            tables: of collectors.

        Raises:
            ProblemsError: there is one.
        """
        known = [*DEFAULTS, *tables]
        for name in self.periods:
            if name not in known:
                raise _bad(name, f"nothing called `{name}` is kept; there are {', '.join(known)}")

    def of(self, table: str) -> timedelta:
        """How long a collector's table is kept."""
        return self.periods.get(table, self.periods["collected"])


def _bad(text: str, summary: str) -> ProblemsError:
    return ProblemsError(
        [Problem("history/bad-retention", summary, "NAME=PERIOD, such as `samples=7d`", f"correct `{text}`")]
    )


def retain(engine: Engine, retention: Retention, now: datetime | None = None) -> dict[str, int]:
    """Remove what is older than it is kept for; only the thread that moves may call this.

    Parameters:
        engine: of the store.
        retention: how long what is kept.
        now: the present unless given. When the newest sample is older, its time counts: a stop for months, or a clock
            that jumps ahead, removes nothing.

    Returns:
        How many rows were removed, by table.
    """
    newest = _newest(engine)
    if newest is None:
        return {}
    present = min((now or datetime.now(UTC)).replace(tzinfo=None), newest)
    hours = roll(engine, present - 2 * SLICE)
    removed: dict[str, int] = {}
    for table, column, condition, period in _rules(engine, retention):
        cutoff = present - min(period, present - datetime.min)
        if table == "rollup_5m":
            cutoff = min(cutoff, hours)
        if count := _remove(engine, table, column, condition, cutoff):
            removed[table] = removed.get(table, 0) + count
    if removed:
        save(engine)
    return removed


def roll(engine: Engine, until: datetime) -> datetime:
    """Make hours of the buckets of 5 minutes, of those that are over.

    Returns:
        The end of the last hour that is made.
    """
    with transaction(engine) as cursor:
        found = cursor.execute("SELECT hours::TIMESTAMP, time_bucket(INTERVAL 1 HOUR, ?) FROM store.progress", [until])
        old, new = found.fetchall()[0]
        if new <= old:
            return cast(datetime, old)
        cursor.execute(
            "INSERT INTO store.rollup_1h SELECT series, time_bucket(INTERVAL 1 HOUR, bucket::TIMESTAMP)::TIMESTAMP_MS "
            "AS hour, sum(count)::INTEGER, sum(sum), min(min), max(max), arg_max(last, last_ts), max(last_ts) "
            "FROM store.rollup_5m WHERE bucket >= ?::TIMESTAMP_MS AND bucket < ?::TIMESTAMP_MS GROUP BY ALL "
            "ORDER BY series, hour", [old, new],
        )  # fmt: skip
        cursor.execute("UPDATE store.progress SET hours = ?", [new])
        return cast(datetime, new)


def _newest(engine: Engine) -> datetime | None:
    cursor = engine.connection.cursor()
    found = cursor.execute(
        "SELECT coalesce((SELECT max(ts)::TIMESTAMP FROM store.last), (SELECT max(timestamp) FROM store.events))"
    ).fetchone()
    cursor.close()
    return found[0] if found else None


_Rule = tuple[str, str, str, timedelta]


def _rules(engine: Engine, retention: Retention) -> Iterator[_Rule]:
    periods = retention.periods
    yield "samples", "ts", "TRUE", periods["samples"]
    for name in ("1m", "5m", "1h"):
        yield f"rollup_{name}", "bucket", "TRUE", periods[name]
    yield "candles", "minute", "TRUE", periods["candles"]
    yield "scrapes", "timestamp", "TRUE", periods["scrapes"]
    audit = ", ".join(f"'{each}'" for each in sorted({*AUDIT_TYPES, *TRADE_TYPES}))
    yield "events", "timestamp", f"event_type NOT IN ({audit})", periods["events"]
    yield "events", "timestamp", f"event_type IN ({audit})", periods["audit"]
    yield "orders", "timestamp", "TRUE", periods["audit"]
    for table in engine.tables.values():
        yield table.name, "timestamp", "TRUE", retention.of(table.name)


def _remove(engine: Engine, table: str, column: str, condition: str, cutoff: datetime) -> int:
    removed = 0
    while True:
        with transaction(engine) as cursor:
            of = f"FROM store.{table} WHERE {condition} AND {column} < ?"
            (oldest,) = cursor.execute(f"SELECT min({column})::TIMESTAMP {of}", [cutoff]).fetchall()[0]
            if oldest is None:
                return removed
            cursor.execute(f"DELETE {of}", [min(cutoff, oldest + SLICE)])
            removed += cursor.fetchall()[0][0]
