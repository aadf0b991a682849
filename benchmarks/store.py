"""The store: what a batch costs against fsync and executemany, bytes a sample, questions at 10 million samples.

The samples are those of the sample platform, played with all its services in one process, some minutes of it again and
again, each time with the counters going on. Questions are asked through a reader, as the API asks them, with four
minutes of samples still in memory.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from _measure import ROOT, Figure
from tapewatch.history.bridge import Parser
from tapewatch.history.samples import Layout, Scrape, Series, Values
from tapewatch.history.store import Batch, Reader, Store, queries
from tapewatch.history.store.queries import Interval
from tapewatch.history.store.retention import Retention

sys.path.append(str(ROOT / "tests"))  # where the sample platform in one process is at home

from support.together import Together

PLAYED = 1_200
"""Seconds of the sample platform; repeated until there are enough samples."""

SAMPLES = 10_000_000

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

SLOWEST_LIMIT = 50.0
"""Milliseconds that a write may wait for retention and compaction."""


def run() -> list[Figure]:
    """Milliseconds and ratios within this run."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_batches(Path(folder)), *_questions(Path(folder))]


def _batches(folder: Path) -> Iterator[Figure]:
    theirs = _executemany(folder / "peer.duckdb")
    with Store.open(folder / "batches.duckdb") as store:
        wide, small = _scrapes(1_000), _scrapes(100)
        ours = statistics.median(timed(lambda: store.write(Batch([next(wide)]))) for _ in range(100))
        commits, syncs = [], []
        with (folder / "bare").open("wb") as bare:
            for _ in range(300):  # in turns, so that both see the same disk
                commits.append(timed(lambda: store.write(Batch([next(small)]))))
                bare.write(bytes(1_600))
                bare.flush()
                syncs.append(timed(lambda: os.fsync(bare.fileno())))
    commit, sync = statistics.median(commits), statistics.median(syncs)
    yield Figure("1,000 samples in a batch", 1e3 * ours, "ms")
    yield Figure("  samples written in a second", 1_000 / ours, "")
    yield Figure("  against executemany", ours / theirs, "", 1 / 150)
    yield Figure("100 samples in a batch, the median", 1e3 * commit, "ms")
    yield Figure("  against a bare fsync", commit / sync, "", 6)
    yield Figure("  besides the fsync", 1e3 * (commit - sync), "ms", 1)


def _executemany(path: Path) -> float:
    """Seconds for 1,000 rows, the best of three."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE samples (series INTEGER, ts TIMESTAMP, value DOUBLE)")
        rows = [(number, datetime(2026, 1, 1), number / 7) for number in range(1_000)]
        return min(
            timed(lambda: connection.executemany("INSERT INTO samples VALUES (?, ?, ?)", rows)) for _ in range(3)
        )


def _scrapes(count: int) -> Iterator[Scrape]:
    layout = Layout(tuple(Series(f"metric_{number}", (("symbol", "BTC-USD"),), "gauge") for number in range(count)))
    chance = np.random.default_rng(0)
    for second in range(1_000_000):
        yield Scrape("one", "one:1", BEGIN.timestamp() + second, layout=layout, values=chance.random(count))


def _questions(folder: Path) -> Iterator[Figure]:
    path = folder / "history.duckdb"
    with Store.open(path) as store:
        end, samples = _fill(store)
        yield Figure("samples of the sample platform", samples / 1e6, "M")
        yield Figure("  bytes of each on disk, with all that belongs to it", path.stat().st_size / samples, "B", 8)
        for scrapes in _after(end):  # what is asked lies in memory too
            store.write(Batch(scrapes))
        yield from _asked(store.reader(), end)
        yield from _held_up(store, folder)


def _asked(reader: Reader, end: datetime) -> Iterator[Figure]:
    scan = milliseconds(lambda: reader.sql("SELECT series, arg_max(value, ts) FROM samples GROUP BY series"))
    last = milliseconds(lambda: reader.sql("SELECT series, value FROM last"))
    day, five = timedelta(days=1), Interval.MINUTES_5
    yield Figure("last values of all series, against a full scan", last / scan, "", 0.02)
    one = milliseconds(lambda: queries.history(reader, end - day, end, five, names=[PRICE], symbol="BTC-USD"))
    yield Figure("a day in 5 minutes, one series", one, "ms", 10)
    every = milliseconds(lambda: reader.sql(ALL, {"start": (end - day).replace(tzinfo=None)}))
    yield Figure("a day in 5 minutes, all series", every, "ms", 60)
    minute = [(end + timedelta(minutes=3)).replace(tzinfo=None)]
    yield Figure("the last minute of one metric", milliseconds(lambda: reader.sql(RECENT, minute)), "ms", 10)
    week = milliseconds(lambda: queries.history(reader, end - 7 * day, end, Interval.HOUR))
    yield Figure("a week in hours, all series", week, "ms", 100)
    yield Figure("a join of two metrics, all of their samples", milliseconds(lambda: reader.sql(JOIN)), "ms", 200)


PRICE = "market_data_price"

ALL = """SELECT series, time_bucket(INTERVAL 5 MINUTES, bucket::TIMESTAMP) AS since, sum(sum) / sum(count), min(min),
    max(max), arg_max(last, last_ts) FROM rollup_5m WHERE bucket >= $start::TIMESTAMP_MS GROUP BY ALL"""

RECENT = """SELECT timestamp, symbol, value FROM trading_metrics WHERE metric_name = 'market_data_price'
    AND timestamp >= ? ORDER BY timestamp"""

JOIN = """SELECT p.symbol, corr(p.value, v.value) FROM trading_metrics p
    JOIN trading_metrics v USING (timestamp, symbol)
    WHERE p.metric_name = 'market_data_price' AND v.metric_name = 'market_data_volume_total' GROUP BY p.symbol"""


def _held_up(store: Store, folder: Path) -> Iterator[Figure]:
    """The slowest of many batches while old samples are removed and the file is compacted, and of as many fsyncs."""
    writes, syncs, waits, ended = [0.0], [0.0], [0.0], threading.Event()
    syncing = [0.0]

    def timed_sync(fd: Any) -> None:
        syncing[0] = timed(lambda: sync(fd))

    sync, os.fdatasync = os.fdatasync, timed_sync  # what the store brings a batch to disk with
    small = _scrapes(100)

    def write_on() -> None:
        with (folder / "bare").open("wb") as bare:
            while not ended.is_set():
                writes.append(timed(lambda: store.write(Batch([next(small)]))))
                waits.append(writes[-1] - syncing[0])
                bare.write(bytes(1_600))
                bare.flush()
                syncs.append(timed(lambda: os.fsync(bare.fileno())))
                time.sleep(0.005)

    writer = threading.Thread(target=write_on)
    writer.start()
    retained = timed(lambda: store.retain(Retention.parse(["samples=1h"])))
    began = time.perf_counter()
    before, after = store.compact()
    compacted = time.perf_counter() - began
    ended.set()
    writer.join()
    os.fdatasync = sync
    yield Figure("removing what is older than an hour", retained, "s")
    yield Figure("compacting what is left", compacted, "s")
    yield Figure("  its size, against before", after / before, "", 0.6)
    yield Figure("slowest write meanwhile", 1e3 * max(writes), "ms")
    yield Figure("slowest bare fsync meanwhile", 1e3 * max(syncs), "ms")
    yield Figure("longest that a write waited for anything but its fsync", 1e3 * max(waits), "ms", SLOWEST_LIMIT)


def _fill(store: Store) -> tuple[datetime, int]:
    """Write the platform's samples, a minute in a batch and five in a chunk; gives their end and how many there are."""
    played, samples, minute = _played(), 0, list[Scrape]()
    for second in range(1_000_000_000):
        for part in played:
            scrape = part.at(second)
            samples += len(scrape.values)
            minute.append(scrape)
        if second % 60 == 59:
            store.write(Batch(minute))
            minute = []
        if second % 300 == 299:
            store.flush()
            if samples >= SAMPLES:
                return BEGIN + timedelta(seconds=second + 1), samples
    raise AssertionError


def _after(end: datetime) -> Iterator[list[Scrape]]:
    first = int((end - BEGIN).total_seconds())
    for minute in range(4):
        seconds = range(first + 60 * minute, first + 60 * minute + 60)
        yield [part.at(second) for second in seconds for part in _played()]


class _Part:
    """What one service exposed in each second of the play, going on for ever."""

    def __init__(self, service: str, layout: Layout, values: list[Values]) -> None:
        self._service, self._layout = service, layout
        self._values = np.array(values)
        grows = np.array([each.type not in ("gauge", "untyped", "unknown") for each in layout.series])
        self._growth = np.where(grows, self._values[-1] - self._values[0], 0.0)
        self._chance = np.random.default_rng(len(service))

    def at(self, second: int) -> Scrape:
        """The scrape of a second; asked some milliseconds late, as by a real bridge."""
        again, offset = divmod(second, len(self._values))
        late = int(self._chance.integers(0, 8)) / 1_000
        values = self._values[offset] + again * self._growth
        labels = (("environment", "local"), ("team", "platform"))
        at = BEGIN.timestamp() + second + late
        return Scrape(self._service, f"{self._service}:9090", at, 0.012 + late, "", self._layout, values, labels)


@cache
def _played() -> list[_Part]:
    together = Together()
    parsers = {name: Parser() for name in together.scenes}
    seen: dict[str, tuple[Layout, list[Values]]] = {}
    for _ in range(PLAYED):
        together.run(1)
        for name, scene in together.scenes.items():
            layout, values = parsers[name].parse(*scene.meters.exposed(""))
            if name not in seen or seen[name][0] is not layout:
                seen[name] = layout, []  # a series appeared; from here on it is there
            seen[name][1].append(values)
    together.close()
    return [_Part(name, layout, values) for name, (layout, values) in seen.items()]


def timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def milliseconds(call: Callable[[], object]) -> float:
    call()
    return 1e3 * min(timed(call) for _ in range(7))
