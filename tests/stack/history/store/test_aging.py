"""How the store grows old: what is removed, what is left of it, a smaller file, exports."""

from __future__ import annotations

import hashlib
import json
import math
import threading
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from support.stored import BEGIN, at, scrape
from tapewatch.history.store import Batch, Store, keeping, queries
from tapewatch.history.store.engine import Engine
from tapewatch.history.store.queries import Interval
from tapewatch.history.store.retention import Retention, retain
from tapewatch_sdk.collectors import Column, ColumnType, Row, Table
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import Event, EventType

PRICE = ("market_data_price", "BTC-USD", "gauge")
VOLUME = ("market_data_volume_total", "BTC-USD", "counter")
TABLE = Table("levels", (Column("timestamp", ColumnType.TIMESTAMP), Column("level", ColumnType.DOUBLE)), ("timestamp",))
HOURS = 6


def filled(store: Store, hours: int = HOURS) -> None:
    """A sample a minute, moved into the file each hour; and one of everything else an hour."""
    store.define([TABLE])
    for hour in range(hours):
        minutes = range(60 * hour, 60 * hour + 60)
        scrapes = [scrape(60 * minute, {PRICE: minute % 97, VOLUME: float(minute)}) for minute in minutes]
        moment = at(3600 * hour)
        events = [
            Event(EventType.CYCLE_END, moment, {"hour": hour}, id=f"cycle-{hour}"),
            Event(EventType.TRADE_FILLED, moment, {"trade_id": f"t{hour}", "price": hour}, id=f"trade-{hour}"),
        ]
        store.write(Batch(scrapes, [Row("levels", {"level": float(hour)})], events, moment.timestamp()))
        store.flush()


def counts(store: Store) -> dict[str, int]:
    names = ("samples", "rollup_1m", "rollup_5m", "candles", "levels", "events", "orders", "scrapes")
    text = ", ".join(f"(SELECT count(*) FROM {name})" for name in names)
    return dict(zip(names, store.reader().sql(f"SELECT {text}").rows[0], strict=True))


def kept(**periods: timedelta) -> Retention:
    names = ("samples", "1m", "5m", "1h", "candles", "scrapes", "collected", "events", "audit")
    return Retention({**dict.fromkeys(names, timedelta(days=9999)), **periods})


def test_each_kind_is_kept_for_its_own_time(store: Store) -> None:
    filled(store)
    before = counts(store)

    removed = store.retain(
        kept(
            samples=timedelta(hours=1), events=timedelta(hours=3), scrapes=timedelta(hours=2), levels=timedelta(hours=4)
        )
    )

    # Ages count from the newest sample, at 05:59.
    assert removed == {"samples": 2 * 299, "scrapes": 239, "events": 3, "levels": 2}
    left = counts(store)
    assert {name: before[name] - left[name] for name in before if before[name] != left[name]} == removed
    assert store.reader().sql("SELECT min(timestamp) FROM trading_metrics").rows == [(at(4 * 3600 + 59 * 60),)]


def test_the_audit_trail_outlives_other_events_and_nothing_shortens_it_by_chance(store: Store) -> None:
    filled(store)

    assert store.retain(kept(events=timedelta(0)))["events"] == 6
    assert {event.event_type for event in queries.events(store.reader())} == {EventType.TRADE_FILLED}
    with pytest.raises(ProblemsError):
        Retention.parse(["audit=1h"])
    assert Retention.parse([]).periods["audit"] >= timedelta(days=5 * 365)


def test_a_clock_that_jumps_ahead_removes_nothing(store: Store) -> None:
    filled(store, 1)

    assert retain(store._keeper.engine, kept(samples=timedelta(days=1)), BEGIN + timedelta(days=3650)) == {}


def test_what_is_kept_for_longer_than_there_are_dates_is_not_removed(store: Store) -> None:
    filled(store, 1)

    assert store.retain(Retention.parse(["samples=9999y", "audit=9999y"])) == {}


@pytest.mark.parametrize("name", ["sample", "orders"])
def test_a_period_of_nothing_that_is_kept_is_refused(store: Store, name: str) -> None:
    with pytest.raises(ProblemsError) as raised:
        store.retain(Retention.parse([f"{name}=1h"]))
    assert raised.value.problems[0].code == "history/bad-retention"


@pytest.mark.parametrize(
    "text", ["samples", "samples=", "samples=3", "samples=3s", "Samples=3d", "samples=-1d", "=3d", "samples=9999999y"]
)
def test_a_period_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ProblemsError) as raised:
        Retention.parse([text])
    assert raised.value.problems[0].code == "history/bad-retention"


def test_buckets_answer_the_same_when_the_samples_are_gone(store: Store) -> None:
    filled(store)
    reader = store.reader()

    def asked() -> list[object]:
        return [queries.history(reader, BEGIN, at(HOURS * 3600), each) for each in Interval]

    before = asked()
    store.retain(kept(samples=timedelta(0)))
    assert asked() == before
    store.retain(kept(**{"samples": timedelta(0), "5m": timedelta(hours=2)}))
    by_hour = queries.history(reader, BEGIN, at(HOURS * 3600), Interval.HOUR)
    assert by_hour == before[3]


def test_what_comes_late_for_an_hour_that_was_made_is_added_to_it(store: Store) -> None:
    filled(store)
    store.retain(kept())
    store.write(Batch([scrape(30, {PRICE: 1_000.0})]))
    for _ in range(2):
        (price, _volume) = queries.history(store.reader(), BEGIN, at(3600), Interval.HOUR)
        assert [(bucket.count, bucket.max) for bucket in price.buckets] == [(61, 1_000.0)]
        store.flush()


def test_compaction_makes_the_file_smaller_while_it_is_written_and_read(store: Store, file: Path) -> None:
    for number in range(20):
        wide = {("noise", str(each), "gauge"): math.sin(each * number) for each in range(3_000)}
        store.write(Batch([scrape(number, wide)]))
        store.flush()
    filled(store, 2)
    store.retain(Retention.parse(["samples=1h"]))
    expected, ended, problems, written = counts(store), threading.Event(), list[Exception](), 0

    def go_on() -> None:
        nonlocal written
        reader = store.reader()
        try:
            while not ended.is_set():
                store.write(Batch([scrape(8_000 + written, {PRICE: 1.0})]))
                written += 1
                assert reader.sql("SELECT count(*) FROM samples").rows == [(expected["samples"] + written,)]
        except Exception as error:  # noqa: BLE001 -- told below
            problems.append(error)

    others = threading.Thread(target=go_on)
    others.start()
    sizes = [store.compact() for _ in range(3)]
    ended.set()
    others.join()

    assert problems == []
    assert sizes[0][1] < 0.8 * sizes[0][0]
    assert counts(store)["samples"] == expected["samples"] + written
    store.close()
    with Store.open(file) as opened:
        found = counts(opened)
    assert found | {"samples": 0, "scrapes": 0, "rollup_1m": 0, "rollup_5m": 0, "candles": 0} == (
        expected | {"samples": 0, "scrapes": 0, "rollup_1m": 0, "rollup_5m": 0, "candles": 0}
    )
    assert (found["samples"], found["scrapes"]) == (expected["samples"] + written, expected["scrapes"] + written)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_of_an_older_version_goes_on_and_gets_our_blocks_by_a_compaction(file: Path) -> None:
    duckdb.connect(str(file)).close()

    with Store.open(file) as store:
        filled(store, 1)
        expected, usual = counts(store), block_size(store)
        store.compact()
        assert (usual, block_size(store)) == (256 << 10, 64 << 10)
    with Store.open(file) as store:
        assert counts(store) == expected


def block_size(store: Store) -> int:
    sizes = store.reader().sql("SELECT block_size FROM pragma_database_size() WHERE database_name = 'store'").rows
    return int(sizes[0][0])


def test_when_samples_were_costs_next_to_nothing(store: Store, file: Path) -> None:
    """All series of a target have the same moments, one step apart; in the order in which they lie that is little."""
    series = [("noise", str(number), "gauge") for number in range(500)]
    for chunk in range(6):
        seconds = range(300 * chunk, 300 * chunk + 300)
        store.write(Batch([scrape(second, dict.fromkeys(series, 1.0)) for second in seconds]))
        store.flush()

    samples = store.reader().sql("SELECT count(*) FROM samples").rows[0][0]
    assert file.stat().st_size / samples < 2.8


def test_how_targets_were_is_known_after_a_compaction(store: Store) -> None:
    store.write(Batch([scrape(0, {PRICE: 1.0}), scrape(0, {}, target="another:1", error="away")]))
    before = store.reader().sql("FROM targets ORDER BY ALL").rows
    assert len(before) == 2

    store.compact()

    assert store.reader().sql("FROM targets ORDER BY ALL").rows == before


def test_a_file_that_is_damaged_within_is_a_problem_and_no_traceback(store: Store) -> None:
    filled(store, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keeping, "compacted", damaged)
        with pytest.raises(ProblemsError) as raised:
            store.compact()
    assert raised.value.problems[0].code == "history/damaged"


def damaged(_: Engine) -> Path:
    raise duckdb.IOException("Corrupt database file: computed checksum 1 does not match stored checksum 2")


def everything(file: Path) -> list[object]:
    """What the views say, with series told by what they are."""
    with Store.open(file) as store:
        reader = store.reader()
        texts = [
            "FROM trading_metrics ORDER BY ALL", "FROM trading_candles ORDER BY ALL", "FROM events ORDER BY ALL",
            "FROM orders ORDER BY ALL", "FROM levels ORDER BY ALL", "FROM scrapes ORDER BY ALL",
            *(f"SELECT metric_name, labels, service, target, r.* EXCLUDE series FROM rollup_{each} r JOIN series s "
              "ON s.id = series ORDER BY ALL" for each in ("1m", "5m", "1h")),
            "SELECT metric_name, labels, l.* EXCLUDE series FROM last l JOIN series s ON s.id = series ORDER BY ALL",
        ]  # fmt: skip
        return [repr(reader.sql(text).rows) for text in texts]


def test_what_was_exported_is_restored_and_a_second_time_changes_nothing(file: Path, tmp_path: Path) -> None:
    with Store.open(file) as store:
        filled(store)
        store.write(Batch([scrape(9e4, {PRICE: math.nan, ("odd", "", "gauge"): math.inf}, labels=(("a", 'q"'),))]))
        store.retain(Retention.parse(["samples=1d"]))
        rows = store.export(tmp_path / "backup")
    other = tmp_path / "other.duckdb"
    with Store.open(other) as store:  # numbers its series otherwise
        store.write(Batch([scrape(9e4, {("odd", "", "gauge"): 1.0}, service="another")]))
        (own,) = store.reader().sql("FROM trading_metrics").rows

    first = Store.restore(other, tmp_path / "backup")
    again = Store.restore(other, tmp_path / "backup")
    fresh = Store.restore(tmp_path / "fresh.duckdb", tmp_path / "backup")

    assert first == {name: count for name, count in rows.items() if name in first}
    assert first["samples"] == 2 * 60 * (HOURS - 1) + 2  # the first hour is too old
    assert set(again.values()) == {0}
    assert fresh == first
    assert everything(tmp_path / "fresh.duckdb") == everything(file)
    with Store.open(other) as store:
        assert own in store.reader().sql("FROM trading_metrics").rows
        assert counts(store)["orders"] == HOURS


def test_a_candle_goes_on_where_the_export_left_it(file: Path, tmp_path: Path) -> None:
    with Store.open(file) as store:
        for second in range(3):  # each in a chunk of its own
            store.write(Batch([scrape(second, {PRICE: 100.0 + second})]))
            store.flush()
        store.export(tmp_path / "backup")
    other = tmp_path / "other.duckdb"
    Store.restore(other, tmp_path / "backup")
    with Store.open(other) as store:
        store.write(Batch([scrape(30, {PRICE: 500.0})]))
        store.flush()
        text = "SELECT open, close FROM trading_candles WHERE interval = '1m'"
        assert store.reader().sql(text).rows == [(100.0, 500.0)]


def test_an_export_of_the_first_version_is_restored(file: Path, tmp_path: Path) -> None:
    with Store.open(file) as store:
        filled(store, 1)
        expected = store.reader().sql("SELECT * FROM trading_candles ORDER BY ALL").rows
        store.export(tmp_path / "backup")
    as_of_the_first_version(tmp_path / "backup")
    other = tmp_path / "other.duckdb"

    Store.restore(other, tmp_path / "backup")

    with Store.open(other) as store:
        assert store.reader().sql("SELECT * FROM trading_candles ORDER BY ALL").rows == expected


def as_of_the_first_version(folder: Path) -> None:
    """Its candles had the number of a chunk in place of moments."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["version"] = 1
    for each in manifest["tables"]["candles"]:
        part, old = folder / each["file"], folder / f"old-{each['file']}"
        duckdb.execute(f"COPY (SELECT * EXCLUDE (first, final), 1 AS chunk FROM '{part}') TO '{old}' (FORMAT parquet)")
        old.replace(part)
        each["sha256"] = hashlib.sha256(part.read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest), encoding="utf-8")


def test_an_export_may_be_of_some_tables_and_a_range_of_time(store: Store, tmp_path: Path) -> None:
    filled(store)

    rows = store.export(tmp_path / "part", tables=["samples", "events"], start=at(3600), end=at(2 * 3600))

    assert {name: rows[name] for name in ("samples", "events")} == {"samples": 120, "events": 2}
    names = {path.name.partition("-")[0] for path in (tmp_path / "part").iterdir()}
    assert names == {"manifest.json", "series", "collected", "samples", "events"}


def test_an_export_is_refused_into_a_folder_that_exists_and_of_a_table_that_does_not(
    store: Store, tmp_path: Path
) -> None:
    for folder, tables in ((tmp_path, []), (tmp_path / "new", ["nothing"])):
        with pytest.raises(ProblemsError) as raised:
            store.export(folder, tables=tables)
        assert raised.value.problems[0].code == "history/export"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "damage", ["changed", "missing", "no manifest", "newer", "outside", "hours", "no series", "statement"]
)
def test_a_damaged_export_is_refused_whole(file: Path, tmp_path: Path, damage: str) -> None:
    backup = tmp_path / "backup"
    with Store.open(file) as store:
        filled(store, 1)
        store.export(backup)
    part, manifest = backup / "samples-00000.parquet", backup / "manifest.json"
    said = json.loads(manifest.read_text())
    match damage:
        case "changed":
            part.write_bytes(part.read_bytes()[:-1] + b"?")
        case "missing":
            part.unlink()
        case "no manifest":
            manifest.unlink()
        case "newer":
            manifest.write_text(json.dumps(said | {"version": 999}))
        case "outside":
            said["tables"]["samples"][0]["file"] = "../history.duckdb"
            manifest.write_text(json.dumps(said))
        case "hours":
            manifest.write_text(json.dumps(said | {"hours": "noon"}))
        case "no series":
            del said["tables"]["series"]
            manifest.write_text(json.dumps(said))
        case "statement":
            text = f"scrapes; COPY (SELECT 1) TO '{tmp_path / 'written'}'; SELECT 1"
            said["tables"][text] = said["tables"]["scrapes"]
            manifest.write_text(json.dumps(said))
    with pytest.raises(ProblemsError) as raised:
        Store.restore(tmp_path / "other.duckdb", backup)
    assert raised.value.problems[0].code == "history/bad-export"
    assert [path.name for path in tmp_path.iterdir() if path not in (file, backup)] == []
