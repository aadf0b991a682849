"""A day of the sample platform in one DuckDB file: bytes a sample, and what a question of that day costs.

All its services are played for 24 hours, as fast as it goes (some ten minutes), each second scraped, read by the
bridge's parser, collected and written as the history does it; also the events, orders among them. The smaller `store`
benchmark plays twenty minutes again and again; here no second is like another.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from _measure import ROOT, Figure
from store import ALL, PRICE, milliseconds
from tapewatch.history.bridge import Parser, Round
from tapewatch.history.collecting import Collectors
from tapewatch.history.samples import Scrape
from tapewatch.history.store import Batch, Store, queries
from tapewatch.history.store.queries import Interval
from tapewatch_sdk.collectors import Row
from tapewatch_sdk.events import Event

sys.path.append(str(ROOT / "tests"))  # where the sample platform in one process is at home

from support.together import Together

SECONDS = int(os.environ.get("TAPEWATCH_DAY", "86400"))
"""How long is played; less for a first look."""

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

BYTES_LIMIT = 8.0
"""Bytes a sample, with labels, buckets, candles, scrapes, collectors' tables and events."""


def run() -> list[Figure]:
    """Sizes, and milliseconds of the questions of that day."""
    with tempfile.TemporaryDirectory() as folder:
        return list(_day(Path(folder) / "day.duckdb"))


def _day(path: Path) -> Iterator[Figure]:
    start = time.perf_counter()
    with Store.open(path) as store:
        samples = _play(store)
        seconds = time.perf_counter() - start
        yield Figure("played and written in", seconds, "s")
        yield Figure("  times as fast as real", SECONDS / seconds, "")
        yield Figure("samples of the sample platform", samples / 1e6, "M")
        reader = store.reader()  # what questions may take is held to at 10 million samples: see `store`
        for table in ("orders", "events"):
            yield Figure(f"  and {table}", reader.sql(f"SELECT count(*) FROM {table}").rows[0][0], "")
        end = BEGIN + timedelta(seconds=SECONDS)
        day = end - timedelta(days=1)
        one = milliseconds(
            lambda: queries.history(reader, day, end, Interval.MINUTES_5, names=[PRICE], symbol="BTC-USD")
        )
        yield Figure("the day in 5 minutes, one series", one, "ms")
        every = milliseconds(lambda: reader.sql(ALL, {"start": day.replace(tzinfo=None)}))
        yield Figure("the day in 5 minutes, all series, the first 100,000 rows of them", every, "ms")
    yield Figure("bytes of a sample on disk, with all that belongs to it", _size(path) / samples, "B", BYTES_LIMIT)
    start = time.perf_counter()
    with Store.open(path) as store:
        yield Figure("opened again, until it is asked", time.perf_counter() - start, "s")
        assert store.reader().sql("SELECT count(*) FROM samples").rows[0][0] == samples


def _play(store: Store) -> int:
    """Play the day, a minute in a batch and five in a chunk; gives how many samples were written."""
    together, collectors = Together(started=0.0), Collectors()
    store.define(collectors.tables)
    parsers = {name: Parser() for name in together.scenes}
    samples, scrapes, rows, events = 0, list[Scrape](), list[Row](), list[Event]()
    told = dict.fromkeys(together.scenes, 0)
    for second in range(1, SECONDS + 1):
        together.run(1)
        at = BEGIN + timedelta(seconds=second)
        found = {name: [_scraped(together, parsers[name], name, at)] for name in together.scenes}
        rows += collectors.collect(Round(at.timestamp(), found))
        scrapes += [scrape for (scrape,) in found.values()]
        events += _new_events(together, told, at)
        if second % 60 == 0:
            samples += sum(len(scrape.values) for scrape in scrapes)
            store.write(Batch(scrapes, rows, events))
            scrapes, rows, events = [], [], []
        if second % 300 == 0:
            store.flush()
    together.close()
    return samples


def _scraped(together: Together, parser: Parser, name: str, at: datetime) -> Scrape:
    layout, values = parser.parse(*together.scenes[name].meters.exposed(""))
    labels = (("environment", "local"), ("team", "platform"))
    return Scrape(name, f"{name}:9090", at.timestamp(), 0.012, "", layout, values, labels)


def _new_events(together: Together, told: dict[str, int], at: datetime) -> Iterator[Event]:
    """What was published since the last time, as of the moment that is played."""
    for name, scene in together.scenes.items():
        published = scene.bus.stats().published
        for event in scene.bus.get_recent(published - told[name]):
            yield Event(event.event_type, at, event.data, event.source, event.severity, event.id)
        told[name] = published


def _size(path: Path) -> int:
    """Bytes of the file and of whatever lies beside it."""
    return sum(each.stat().st_blocks * 512 for each in path.parent.iterdir())
