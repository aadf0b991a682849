"""What one history is given of another: bounded pieces, nothing of the other's own host, no alert twice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tapewatch.history.api.alerting import DELIVERIES
from tapewatch.history.api.alerting.trail import fired
from tapewatch.history.api.calls.asking import told
from tapewatch.history.filling import page, pages
from tapewatch.history.filling.holes import holes
from tapewatch.history.filling.taking import batch_of, new_events
from tapewatch.history.samples import Layout, Scrape, Series
from tapewatch.history.store import Batch, Reader, Store
from tapewatch_sdk.collectors import Column, ColumnType, Row, Table

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LAYOUT = Layout([Series("a", (("x", "1"),), "gauge"), Series("b", (), "counter")])
HOST = Table("system_metrics", (Column("timestamp", ColumnType.TIMESTAMP), Column("cpu_percent", ColumnType.DOUBLE)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with made(tmp_path / "one.duckdb") as opened:
        for second in (*range(10), *range(100, 110)):
            opened.write(scraped(second))
        yield opened


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    with made(tmp_path / "other.duckdb") as opened:
        yield opened


def made(path: Path) -> Store:
    opened = Store.open(path)
    opened.define([DELIVERIES, HOST])
    return opened


def scraped(second: int) -> Batch:
    at = NOW.timestamp() + second
    values = np.array([math.nan if second == 3 else math.inf, float(second)])
    good = Scrape("execution", "e:1", at, 0.01, "", LAYOUT, values, (("team", "trading"),))
    rows = [
        Row("alert_deliveries", {"timestamp": NOW + timedelta(seconds=second), "alertname": f"n{second}"}),
        Row("system_metrics", {"timestamp": NOW + timedelta(seconds=second), "cpu_percent": 1.0}),
    ]
    return Batch([good, Scrape("risk", "r:1", at, 0.0, "it does not answer")], rows)


def carried(giver: Store, taker: Store, start: datetime, end: datetime) -> int:
    """Takes all of a time over, as it goes over the wire; gives the number of pieces."""
    import json

    pieces = 0
    while start < end:
        found = json.loads(told(page(giver.reader(), start, end)))
        taker.write(batch_of(found, taker.reader(), start))
        start, pieces = datetime.fromisoformat(found["until"]), pieces + 1
    return pieces


def all_of(reader: Reader) -> list[tuple[object, ...]]:
    text = "SELECT timestamp, metric_name, labels, service, value::VARCHAR FROM trading_metrics ORDER BY ALL"
    more = "SELECT timestamp, service, target, up, error FROM scrapes ORDER BY ALL"
    delivered = "SELECT timestamp, alertname FROM alert_deliveries ORDER BY ALL"
    return [row for each in (text, more, delivered) for row in reader.sql(each).rows]


def test_a_time_without_scrapes_is_a_hole_and_no_longer_one_when_it_is_filled(store: Store) -> None:
    (hole, before) = holes(store.reader(), NOW - timedelta(minutes=1), 5.0)
    assert (hole.start, hole.end) == (NOW + timedelta(seconds=9), NOW + timedelta(seconds=100))
    assert before.end == NOW

    for second in range(10, 100):
        store.write(scraped(second))

    assert [each.end for each in holes(store.reader(), NOW - timedelta(minutes=1), 5.0)] == [NOW]


def test_everything_is_taken_over_in_bounded_pieces(
    store: Store, empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST", 7)

    pieces = carried(store, empty, NOW - timedelta(hours=1), NOW + timedelta(hours=1))

    assert 6 <= pieces <= 9  # three moments of two samples each in one piece
    assert all_of(empty.reader()) == all_of(store.reader())
    assert len(all_of(empty.reader())) == 20 * (2 + 2 + 1)


def test_taking_it_over_again_changes_nothing(store: Store, empty: Store) -> None:
    for _ in range(2):
        carried(store, empty, NOW, NOW + timedelta(hours=1))

    assert all_of(empty.reader()) == all_of(store.reader())


def test_the_hosts_own_numbers_stay_where_they_are(store: Store, empty: Store) -> None:
    carried(store, empty, NOW, NOW + timedelta(hours=1))

    assert empty.reader().sql("SELECT count(*) FROM system_metrics").rows == [(0,)]


def test_what_a_target_was_then_does_not_take_the_place_of_what_it_is_now(store: Store, empty: Store) -> None:
    later = Scrape("risk", "r:1", NOW.timestamp() + 3600, 0.01, "", LAYOUT, np.array([1.0, 2.0]))
    empty.write(Batch([later]))

    carried(store, empty, NOW, NOW + timedelta(minutes=5))

    assert empty.reader().sql("SELECT up FROM targets WHERE service = 'risk'").rows == [(True,)]


def test_an_alert_that_the_others_prometheus_saw_a_little_later_is_the_same_one(empty: Store) -> None:
    labels = (("alertname", "KillSwitchActivated"), ("service", "risk-manager"))
    ours = fired(labels, 1_800_000_000, 1_800_000_001)
    empty.write(Batch(events=[ours]))
    later, another = fired(labels, 1_800_000_005, 1_800_000_006), fired(labels, 1_800_000_300, 1_800_000_301)

    assert new_events([ours, later, another], empty.reader(), 10.0) == [ours, another]
