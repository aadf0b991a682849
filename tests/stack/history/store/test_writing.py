"""Batches: whole or not at all, there when they are acknowledged, in memory or in the file."""

from __future__ import annotations

import math
import os
import struct
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pytest

from support.stored import BEGIN, at, scrape
from tapewatch.history.samples import Layout, Scrape, Series
from tapewatch.history.store import Batch, QueryError, Store, look_into
from tapewatch.history.store.engine import Engine
from tapewatch.history.store.journal import Journal
from tapewatch.history.store.migrations import MIGRATIONS, migrate
from tapewatch_sdk.collectors import Column, ColumnType, Row, Table, Value
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import Event, EventType

PRICE = ("market_data_price", "BTC-USD", "gauge")
TABLE = Table(
    "market_data",
    (
        Column("timestamp", ColumnType.TIMESTAMP),
        Column("symbol", ColumnType.VARCHAR),
        Column("order", ColumnType.DOUBLE),
        Column("trades", ColumnType.BIGINT),
        Column("open", ColumnType.BOOLEAN),
    ),
    ("timestamp", "symbol"),
)


def rows(store: Store, text: str) -> list[tuple[object, ...]]:
    return store.reader().sql(text).rows


def code(raised: pytest.ExceptionInfo[ProblemsError]) -> str:
    return raised.value.problems[0].code


@pytest.fixture(params=["in memory", "in the file", "opened again"])
def settled(request: pytest.FixtureRequest, file: Path) -> Callable[[Store], Store]:
    """What was written is looked for where it lies at first, where it lies later, and after a restart."""

    def settle(store: Store) -> Store:
        if request.param == "in the file":
            store.flush()
        if request.param == "opened again":
            store.close()
            opened = Store.open(file)
            request.addfinalizer(opened.close)
            return opened
        return store

    return settle


def test_each_sample_is_kept_with_its_moment_labels_and_value(store: Store, settled: Callable[[Store], Store]) -> None:
    values = [1.5, math.nan, math.inf, -math.inf, -0.0, 5e-324]
    series = tuple(Series("a.b", (("le", str(number)), ("odd", 'q"\\\n')), "gauge") for number in range(len(values)))
    target = (("environment", "test"), ("le", "the target's"))
    one = Scrape("risk", "risk:1", BEGIN.timestamp() + 0.0015, 0.1, "", Layout(series), np.array(values), target)
    written = store.write(Batch(scrapes=[one]))

    found = rows(settled(store), "FROM trading_metrics ORDER BY labels['le']")

    assert written.samples == 6
    for number, (value, row) in enumerate(zip(values, found, strict=True)):
        labels = {"environment": "test", "le": str(number), "odd": 'q"\\\n'}
        assert row[:5] == (at(0.002), "a.b", None, "risk", labels)
        assert isinstance(row[5], float)
        assert struct.pack("d", row[5]) == struct.pack("d", value)


def test_two_targets_of_a_service_are_two_series(store: Store) -> None:
    for target in ("a:1", "b:1"):
        store.write(Batch(scrapes=[scrape(0, {PRICE: 1.0}, target=target)]))

    assert rows(store, "SELECT count(*), count(DISTINCT series) FROM samples") == [(2, 2)]


def test_a_target_that_is_down_leaves_no_sample_but_is_told_of(store: Store, settled: Callable[[Store], Store]) -> None:
    store.write(Batch(scrapes=[scrape(0, {}, error="connection refused")]))

    store = settled(store)

    assert rows(store, "SELECT count(*) FROM trading_metrics") == [(0,)]
    assert rows(store, "SELECT service, up, error FROM scrapes") == [("market-data", False, "connection refused")]


def test_an_event_that_is_sent_again_is_stored_once(store: Store, settled: Callable[[Store], Store]) -> None:
    events = [Event(EventType.ENGINE_START, BEGIN, {"number": number}, "engine") for number in range(3)]
    first = store.write(Batch(events=[events[0], events[1], events[0]]))
    store = settled(store)
    second = store.write(Batch(events=events))

    assert (first.events, second.events) == ((events[0], events[1]), (events[2],))
    assert rows(store, "SELECT data->>'number', source, severity FROM system_events ORDER BY 1") == [
        ("0", "engine", "info"), ("1", "engine", "info"), ("2", "engine", "info"),
    ]  # fmt: skip


def test_an_order_is_one_trade_with_what_each_event_said(store: Store, settled: Callable[[Store], Store]) -> None:
    order = {"symbol": "BTC-USD", "side": "buy", "quantity": 2, "price": 100, "trade_id": "t1"}
    filled = order | {"price": "101.5", "latency_ms": 3.5, "slippage_bps": -1, "strategy": "momentum"}
    late = {"symbol": "BTC-USD", "trade_id": "t2", "reason": "size"}
    store.write(
        Batch(events=[Event(EventType.TRADE_SUBMITTED, BEGIN, order), Event(EventType.TRADE_REJECTED, at(1), late)])
    )
    store = settled(store)
    store.write(Batch(events=[Event(EventType.TRADE_FILLED, at(2), filled)]))
    store.write(Batch(events=[Event(EventType.TRADE_SUBMITTED, at(3), order | {"trade_id": "t2"})]))
    store.write(Batch(events=[Event(EventType.TRADE_FILLED, at(4), {"price": True}, id="no-id")]))

    assert rows(store, "FROM trades ORDER BY trade_id") == [
        ("no-id", at(4), None, None, None, None, None, None, None),
        ("t1", at(2), "BTC-USD", "buy", 2.0, 101.5, 3.5, -1.0, "momentum"),
        ("t2", at(1), "BTC-USD", "buy", 2.0, 100.0, None, None, None),
    ]
    assert rows(store, "SELECT trade_id, status, reason FROM orders ORDER BY trade_id") == [
        ("no-id", "filled", None), ("t1", "filled", None), ("t2", "rejected", "size"),
    ]  # fmt: skip


def test_a_row_takes_the_place_of_the_one_with_its_key(store: Store, settled: Callable[[Store], Store]) -> None:
    store.define([TABLE])
    old: dict[str, Value] = {"symbol": "B", "order": 1, "trades": 7, "open": True}
    new: dict[str, Value] = {"symbol": "B", "order": 2.5}
    store.write(Batch(rows=[Row("market_data", old), Row("market_data", old | {"symbol": "A"})], at=BEGIN.timestamp()))
    store = settled(store)
    store.write(Batch(rows=[Row("market_data", {"symbol": "B"}), Row("market_data", new)], at=BEGIN.timestamp()))

    expected = [(BEGIN, "A", 1.0, 7, True), (BEGIN, "B", 2.5, None, None)]
    assert rows(store, "FROM market_data ORDER BY symbol") == expected
    store.flush()
    assert rows(store, "FROM market_data ORDER BY symbol") == expected


@pytest.mark.parametrize(
    ("row", "code_"),
    [
        (Row("nowhere", {}), "history/bad-row"),
        (Row("market_data", {"colour": "red"}), "history/bad-row"),
        (Row("market_data", {"symbol": 5}), "history/bad-row"),
        (Row("market_data", {"trades": True}), "history/bad-row"),
        (Row("market_data", {"trades": 2**63}), "history/bad-row"),
        (Row("market_data", {"order": 1.0}), "history/bad-row"),
        (Row("market_data", {"symbol": "B", "order": 10**400}), "history/bad-row"),
        (Row("market_data", {"symbol": "half a character: \ud800"}), "history/bad-row"),
    ],
)
def test_a_batch_with_a_row_that_does_not_fit_leaves_nothing_behind(store: Store, row: Row, code_: str) -> None:
    store.define([TABLE])
    good = Row("market_data", {"symbol": "B"})
    with pytest.raises(ProblemsError) as raised:
        store.write(Batch([scrape(0, {PRICE: 1.0})], [good, row], [Event(EventType.ENGINE_STOP)]))

    assert code(raised) == code_
    counts = "SELECT (SELECT count(*) FROM samples), (SELECT count(*) FROM market_data), (SELECT count(*) FROM events)"
    assert rows(store, counts) == [(0, 0, 0)]


@pytest.mark.parametrize(
    "bad",
    [
        Scrape("s", "s:1", math.nan),
        Scrape("s", "s:1", math.inf),
        Scrape("s", "s:1", 1e12),
        Scrape("s", "s:1", BEGIN.timestamp(), error="\udcff"),
        Scrape("\udcff", "s:1", BEGIN.timestamp()),
        Scrape(
            "s", "s:1", BEGIN.timestamp(), layout=Layout((Series("m", (("a", "\udcff"),), "gauge"),)), values=np.ones(1)
        ),
    ],
)
def test_a_scrape_that_could_not_be_read_again_is_refused_before_it_is_in_the_journal(file: Path, bad: Scrape) -> None:
    with Store.open(file) as store:
        with pytest.raises(ProblemsError) as raised:
            store.write(Batch([scrape(0, {PRICE: 1.0}), bad]))
        assert code(raised) == "history/bad-row"
        store.write(Batch([scrape(1, {PRICE: 2.0})]))
        assert rows(store, "SELECT value FROM trading_metrics") == [(2.0,)]
        assert look_into_journal(file) == [(2.0,)]


def look_into_journal(file: Path) -> list[tuple[object, ...]]:
    """What a store that was killed now would have when it is opened again."""
    copy = file.with_name("copy.duckdb")
    for each in file.parent.glob(f"{file.name}*"):
        (file.parent / each.name.replace(file.name, copy.name)).write_bytes(each.read_bytes())
    return look_into(copy).sql("SELECT value FROM trading_metrics").rows


def test_what_was_acknowledged_waits_when_questions_use_all_the_memory(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise duckdb.OutOfMemoryException("failed to allocate")

    with monkeypatch.context() as short:
        short.setattr(Engine, "apply", no_memory)
        store.write(Batch([scrape(0, {PRICE: 1.0})], events=[Event(EventType.CYCLE_END, id="one")]))
        with pytest.raises(QueryError) as raised:
            rows(store, "SELECT 1")
        assert code(raised) == "history/too-much"
        with pytest.raises(duckdb.OutOfMemoryException):
            store.flush()

    store.flush()
    assert rows(store, "SELECT (SELECT count(*) FROM samples), (SELECT count(*) FROM events)") == [(1, 1)]
    assert rows(store, "SELECT (SELECT count(*) FROM store.samples), (SELECT count(*) FROM store.events)") == [(1, 1)]


def test_chunks_go_on_being_moved_whatever_went_wrong_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = threading.Semaphore(0)

    def fails(_: float) -> None:
        tried.release()
        raise OverflowError

    monkeypatch.setattr(store, "_tend", fails)
    assert all(tried.acquire(timeout=30) for _ in range(2))


@pytest.mark.parametrize(
    "table",
    [
        Table("market_data", TABLE.columns[:2], TABLE.key),
        Table("market_data", TABLE.columns, ("timestamp",)),
        Table("samples", TABLE.columns),
        Table("trading_metrics", TABLE.columns),
        Table("x; DROP TABLE samples", TABLE.columns),
        Table("fine", (Column('a"b', ColumnType.DOUBLE),)),
    ],
)
def test_a_table_that_is_taken_or_badly_named_is_refused(store: Store, table: Table) -> None:
    store.define([TABLE])
    store.define([TABLE])
    with pytest.raises(ProblemsError) as raised:
        store.define([table])
    assert code(raised) == "history/table-clash"


@pytest.mark.parametrize(
    "table",
    [
        Table("targets", TABLE.columns),  # these two are in memory alone
        Table("moment", TABLE.columns),
        Table("fine", TABLE.columns, ("colour",)),
        Table("fine", TABLE.columns, ("timestamp", "timestamp")),
        Table("fine", (*TABLE.columns, TABLE.columns[-1])),
        Table("fine", ()),
    ],
)
def test_a_table_that_cannot_be_shown_is_refused_and_the_store_opens_again(file: Path, table: Table) -> None:
    with Store.open(file) as store:
        with pytest.raises(ProblemsError) as raised:
            store.define([table])
        assert code(raised) == "history/table-clash"

    with Store.open(file) as store:
        store.define([TABLE])


def test_what_is_handed_in_is_grouped_and_one_that_does_not_fit_holds_up_no_other(file: Path) -> None:
    with Store.open(file, batch_size=1_000_000, write_interval=0.05) as store:
        bad = store.submit(Batch(rows=[Row("nowhere", {})]))
        good = [store.submit(Batch(scrapes=[scrape(number, {PRICE: number})])) for number in range(5)]

        assert [future.result(30).samples for future in good] == [1] * 5
        assert isinstance(bad.exception(30), ProblemsError)
        assert rows(store, "SELECT count(*) FROM samples") == [(5,)]


def test_what_was_handed_in_is_written_before_it_closes(file: Path) -> None:
    with Store.open(file, batch_size=1_000_000, write_interval=3600) as store:
        future = store.submit(Batch(scrapes=[scrape(0, {PRICE: 1.0})]))

    assert future.result(0).samples == 1
    assert look_into(file).sql("SELECT count(*) FROM samples").rows == [(1,)]


def test_only_its_user_can_read_what_is_written(tmp_path: Path) -> None:
    file = tmp_path / "new" / "history.duckdb"
    mask = os.umask(0)
    try:
        with Store.open(file) as store:
            store.write(Batch(scrapes=[scrape(0, {PRICE: 1.0})]))
            modes = {path.suffix[:8]: path.stat().st_mode & 0o777 for path in file.parent.iterdir()}
    finally:
        os.umask(mask)

    assert modes == {".duckdb": 0o600, ".journal": 0o600}
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_nobody_else_may_read_what_a_link_leads_to(file: Path, tmp_path: Path) -> None:
    there = tmp_path / "there.duckdb"
    file.symlink_to(there)

    Store.open(file).close()

    assert there.stat().st_mode & 0o777 == 0o600


def test_a_record_that_was_written_by_half_is_left_out(file: Path) -> None:
    journal = Journal(file)
    journal.prepare(1)
    journal.begin()
    journal.append(b"first")
    journal.append(b"second")
    end = journal.size
    journal.close()
    path = file.with_name(f"{file.name}.journal-1")
    whole = path.read_bytes()
    for length in range(end):
        path.write_bytes(whole[:length])
        assert [body for body, _ in Journal(file).read(1)] in ([], [b"first"])
    path.write_bytes(whole[: end - 1] + b"X" + whole[end:])
    assert [body for body, _ in Journal(file).read(1)] == [b"first"]


def test_what_was_written_after_a_record_that_the_disk_has_damaged_is_there(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = ("first", "", "gauge"), ("second", "", "gauge")
    with Store.open(file) as store:
        for seconds, series in enumerate([(first,), (second,), (first, second)]):
            store.write(Batch([scrape(seconds, dict.fromkeys(series, 1.0))]))
        copy = file.with_name("copy.duckdb")
        copy.write_bytes(file.read_bytes())
        (journal,) = file.parent.glob(f"{file.name}.journal-*")
        body = bytearray(journal.read_bytes())
        body[body.index(b"second")] ^= 1
        copy.with_name(copy.name + journal.suffix).write_bytes(body)

    with Store.open(copy) as store:
        assert rows(store, "SELECT timestamp FROM trading_metrics ORDER BY 1") == [(at(0),), (at(2),)]
        assert "is damaged: the batches in" in caplog.text
        store.write(Batch([scrape(9, {("new", "", "gauge"): 9.0})]))
        # The samples of the series that is lost with its name are not taken for another one's.
        assert rows(store, "SELECT value FROM trading_metrics WHERE metric_name = 'new'") == [(9.0,)]


def test_the_file_is_not_opened_when_it_is_no_store(file: Path) -> None:
    file.write_bytes(b"not a database" * 1000)
    with pytest.raises(ProblemsError) as raised:
        Store.open(file)
    assert code(raised) == "history/no-store"


def test_the_file_is_not_opened_when_it_is_something_elses(file: Path) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE customers (name VARCHAR)")
    with pytest.raises(ProblemsError) as raised:
        Store.open(file)
    assert code(raised) == "history/foreign"


def test_the_file_is_not_opened_when_it_is_newer(file: Path) -> None:
    Store.open(file).close()
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO tapewatch_schema VALUES (?, now()::TIMESTAMP)", [len(MIGRATIONS) + 1])
    for opened in (Store.open, look_into):
        with pytest.raises(ProblemsError) as raised:
            opened(file)
        assert code(raised) == "history/newer"


def test_candles_of_the_first_version_keep_their_order(file: Path) -> None:
    first_version(file, [("BTC-USD", 0, 1.0, 4.0, 1.0, 2.0, 5.0, 7), ("BTC-USD", 0, 3.0, 3.0, 0.5, 3.0, 1.0, 8)])
    with pytest.raises(ProblemsError) as raised:
        look_into(file)
    assert code(raised) == "history/older"

    with Store.open(file) as store:
        assert candle(store) == (1.0, 4.0, 0.5, 3.0, 6.0)
        store.write(Batch([scrape(59.9, {PRICE: 9.0})]))
        assert candle(store) == (1.0, 9.0, 0.5, 9.0, 6.0)
    assert look_into(file).sql("SELECT count(*) FROM trading_candles WHERE interval = '1m'").rows == [(1,)]


def first_version(file: Path, candles: Sequence[tuple[object, ...]]) -> None:
    """A file as the first version made it; a candle's minute counts from midnight."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{file}' AS store")
        migrate(file, connection, MIGRATIONS[:1])
        connection.executemany(
            "INSERT INTO store.candles SELECT ?, '2026-01-01'::TIMESTAMP_MS + to_minutes(?), ?, ?, ?, ?, ?, ?", candles
        )


def candle(store: Store) -> tuple[object, ...]:
    found = rows(store, "SELECT open, high, low, close, volume FROM trading_candles WHERE interval = '1m'")
    (one,) = found
    return one


def test_what_comes_late_for_a_minute_is_neither_its_first_nor_its_last_price(store: Store) -> None:
    for prices in ({10: 1.0, 50: 5.0}, {30: 9.0}, {5: 2.0}):
        store.write(Batch([scrape(second, {PRICE: price}) for second, price in prices.items()]))
        store.flush()

    assert candle(store) == (2.0, 9.0, 1.0, 5.0, None)
    store.write(Batch([scrape(20, {PRICE: 7.0})]))
    assert candle(store) == (2.0, 9.0, 1.0, 5.0, None), "also while it is in memory"


def test_the_file_is_not_opened_when_it_is_damaged(file: Path) -> None:
    with Store.open(file) as store:
        store.write(Batch(scrapes=[scrape(0, {PRICE: 1.0})]))
    body = bytearray(file.read_bytes())
    body[4096 * 3 :] = os.urandom(len(body) - 4096 * 3)
    file.write_bytes(body)
    with pytest.raises(ProblemsError) as raised:
        Store.open(file)
    assert code(raised) == "history/damaged"
