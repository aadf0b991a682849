"""Questions: in SQL and typed, in the process that writes and in others, never more than reading."""

from __future__ import annotations

import errno
import itertools
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from docs.pages import page
from support.stored import BEGIN, at, scrape
from tapewatch.history.store import (
    Batch,
    QueryError,
    Reader,
    Store,
    StoreGoneError,
    connect,
    look_into,
    queries,
    reading,
)
from tapewatch.history.store.queries import Interval
from tapewatch_sdk.collectors import Column, ColumnType, Table
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import Event, EventSeverity, EventType

PRICE = ("market_data_price", "BTC-USD", "gauge")
MARKET = Table(
    "market_data",
    (
        Column("timestamp", ColumnType.TIMESTAMP),
        Column("symbol", ColumnType.VARCHAR),
        Column("bid", ColumnType.DOUBLE),
        Column("ask", ColumnType.DOUBLE),
    ),
    ("timestamp", "symbol"),
)
VOLUME = ("market_data_volume_total", "BTC-USD", "counter")


@pytest.fixture(params=["local", "remote"])
def reader(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> Iterator[Reader]:
    """The same in the process that writes and through the socket."""
    opened = store.reader() if request.param == "local" else connect(store.serve(tmp_path / "socket"))
    yield opened
    opened.close()


ALL_TYPES = """
    SELECT NULL AS a, TRUE AS b, 9007199254740993 AS c, 'NaN'::DOUBLE AS d, '-inf'::FLOAT AS e, 'ü\n' AS f,
    TIMESTAMP '2026-01-01 00:00:00.000001' AS g, TIMESTAMPTZ '2026-01-01 02:00:00+02' AS h, 1.25::DECIMAL(5, 2) AS i,
    [1, NULL] AS j, {'x': TIMESTAMP '2026-01-01'} AS k, MAP {'p': 'q'} AS l, DATE '2026-01-02' AS m,
    INTERVAL 90 SECONDS AS n, 170141183460469231731687303715884105727 AS o, '\\x01'::BLOB AS p
"""


def test_every_type_of_value_arrives_as_plain_data(reader: Reader) -> None:
    answer = reader.sql(ALL_TYPES)

    (row,) = answer.rows
    assert answer.columns == tuple("abcdefghijklmnop")
    assert repr(row[3]) == "nan"
    assert row[:3] + row[4:] == (
        None, True, 9007199254740993, -float("inf"), "ü\n", BEGIN + timedelta(microseconds=1), BEGIN, 1.25,
        [1, None], {"x": BEGIN}, {"p": "q"}, "2026-01-02", 90.0, 2**127 - 1, "01",
    )  # fmt: skip


def test_parameters_and_limits_hold(reader: Reader) -> None:
    many = reader.sql("SELECT i FROM range(5000) t(i) WHERE i >= ?", [10], limit=2500)
    named = reader.sql("SELECT $moment + INTERVAL 1 HOUR AS x, $word", {"moment": BEGIN, "word": "it's"})

    assert ([row[0] for row in many.rows], many.truncated) == (list(range(10, 2510)), True)
    assert (named.rows, named.truncated) == ([(at(3600), "it's")], False)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("INSERT INTO hot.series VALUES (1)", "history/not-reading"),
        ("DELETE FROM store.events", "history/not-reading"),
        ("EXPLAIN ANALYZE DELETE FROM store.events", "history/not-reading"),
        ("EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1", "history/not-reading"),
        ("-- why\nexplain (format json) PREPARE p AS SELECT 1", "history/not-reading"),
        ("WITH gone AS (DELETE FROM store.events RETURNING *) FROM gone", "history/bad-query"),
        ("SELECT 'half a character: \udcff'", "history/bad-query"),
        ("CREATE TEMP TABLE t AS SELECT 1", "history/not-reading"),
        ("COPY (SELECT 1) TO '/tmp/tapewatch-test.csv'", "history/not-reading"),
        ("ATTACH ':memory:' AS other", "history/not-reading"),
        ("SET enable_external_access = true", "history/not-reading"),
        ("PRAGMA database_list", "history/not-reading"),
        ("COMMIT", "history/not-reading"),
        ("SELECT 1; DROP TABLE store.events", "history/bad-query"),
        ("", "history/bad-query"),
        ("SELECT * FROM read_csv('/etc/passwd')", "history/bad-query"),
        ("SELECT * FROM read_text('/etc/passwd')", "history/bad-query"),
        ("FROM '/etc/passwd'", "history/bad-query"),
        ("SELECT * FROM glob('/*')", "history/bad-query"),
        ("SELECT * FROM batch", "history/bad-query"),
        ("SELECT count(*) FROM range(1000000000) a, range(1000) b", "history/too-slow"),
    ],
)
def test_nothing_but_reading_the_store_is_possible(reader: Reader, text: str, code: str) -> None:
    with pytest.raises(QueryError) as raised:
        reader.sql(text, timeout=0.3 if code == "history/too-slow" else 10)

    assert raised.value.problems[0].code == code
    assert reader.sql("SELECT 42").rows == [(42,)]


@pytest.mark.parametrize(
    "text",
    [
        "SHOW TABLES",
        "DESCRIBE trading_metrics",
        "EXPLAIN SELECT 1",
        "SUMMARIZE series",
        "VALUES (1)",
        "-- why\nEXPLAIN ANALYZE SELECT 1",
        "EXPLAIN (ANALYZE, FORMAT json) FROM series",
        "SELECT TIMESTAMP '12000-01-01'",
        "SELECT MAP {'$at': 'noon'}",
    ],
)
def test_all_that_reads_is_possible(reader: Reader, text: str) -> None:
    assert reader.sql(text).rows


@pytest.mark.parametrize("what", ["text", "[text, text]", "{'a': text}", "MAP {'a': text}"])
def test_an_answer_is_bounded_in_size(reader: Reader, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(reading, "CHARACTERS", 3 << 20)
    text = f"SELECT {what} FROM (SELECT repeat('x', 10_000) AS text FROM range(1_000))"
    assert len(reader.sql(f"{text} LIMIT 100").rows) == 100

    with pytest.raises(QueryError) as raised:
        reader.sql(text)
    assert raised.value.problems[0].code == "history/too-much"


def test_explaining_a_copy_writes_no_file(store: Store, file: Path) -> None:
    """Of the names beside the file which DuckDB may write to, for compactions."""
    beside = file.with_name(f"{file.name}.compact-b")
    with pytest.raises(QueryError):
        store.reader().sql(f"EXPLAIN ANALYZE COPY (SELECT 1) TO '{beside}' (FORMAT csv)")
    assert not beside.exists()


@pytest.mark.parametrize("line", [b"[" * 100_000, b"\xff", b"{}", b'{"ask": "sql"}', b'{"ask": "retain", "keep": 1}'])
def test_a_line_that_is_no_question_is_answered_with_a_problem(store: Store, tmp_path: Path, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(store.serve(tmp_path / "socket")))
        client.sendall(line + b"\n")
        assert b"history/bad-question" in client.makefile("rb").readline()


def test_readers_come_again_after_a_moment_without_a_free_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def none_free(_: socket.socket) -> None:
        tried.set()
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as short:
        short.setattr(socket.socket, "accept", none_free)
        path = store.serve(tmp_path / "socket")
        assert tried.wait(10)
    assert connect(path).sql("SELECT 42").rows == [(42,)]


def test_the_views_have_the_columns_that_are_promised(reader: Reader) -> None:
    promised = {
        "trading_metrics": "timestamp metric_name symbol service labels value",
        "trading_candles": "timestamp symbol interval open high low close volume",
        "system_events": "timestamp event_type severity source data",
        "trades": "trade_id timestamp symbol side quantity price latency_ms slippage_bps strategy",
    }
    for name, columns in promised.items():
        answer = reader.sql(f"FROM {name}")
        assert answer.columns == tuple(columns.split())
        assert answer.types[answer.columns.index("timestamp")] == "TIMESTAMP"


def test_only_series_of_targets_that_are_up_are_current(store: Store, reader: Reader) -> None:
    gone, down = ("gone", "", "gauge"), ("down", "", "gauge")
    store.write(Batch([scrape(0, {PRICE: 1.0, gone: 5.0}), scrape(0, {down: 7.0}, service="risk")]))
    assert [each.name for each in queries.current(reader)] == ["market_data_price", "gone", "down"]
    store.write(Batch([scrape(1, {PRICE: 2.0}), scrape(1, {}, service="risk", error="refused")]))
    for _ in range(2):
        (found,) = queries.current(reader)
        assert (found.name, found.value, found.timestamp, found.symbol, found.labels) == (
            "market_data_price", 2.0, at(1), "BTC-USD", {"symbol": "BTC-USD"},
        )  # fmt: skip
        store.flush()
    assert queries.current(reader, prefix="risk_") == queries.current(reader, symbol="ETH-USD") == []


@pytest.mark.parametrize("interval", list(Interval))
def test_buckets_are_the_same_in_memory_in_the_file_and_half_and_half(
    store: Store, reader: Reader, interval: Interval
) -> None:
    step, values = 20.0, [float(number * number % 37) for number in range(400)]
    for part, flush in ((slice(0, 150), True), (slice(150, 400), False)):
        store.write(Batch([scrape(number * step, {PRICE: values[number]}) for number in range(400)[part]]))
        if flush:
            store.flush()
    seconds = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "1d": 86400}[interval]
    for _ in range(2):
        (series,) = queries.history(reader, at(0), at(8000), interval, names=["market_data_price"])
        for number, bucket in enumerate(series.buckets):
            some = values[int(number * seconds // step) : int((number + 1) * seconds // step)]
            assert bucket.timestamp == at(number * seconds)
            assert (bucket.min, bucket.max, bucket.last, bucket.count) == (min(some), max(some), some[-1], len(some))
            assert bucket.avg == pytest.approx(sum(some) / len(some))
        assert sum(bucket.count for bucket in series.buckets) == 400
        store.flush()


def test_a_range_begins_with_the_bucket_that_holds_its_start(store: Store, reader: Reader) -> None:
    store.write(Batch([scrape(seconds, {PRICE: seconds}) for seconds in range(0, 240, 30)]))

    (series,) = queries.history(reader, at(90), at(180), Interval.MINUTE)

    assert [(bucket.timestamp, bucket.count) for bucket in series.buckets] == [(at(60), 2), (at(120), 2)]
    assert queries.history(reader, at(0), at(240), Interval.MINUTE, symbol="ETH-USD") == []


def test_candles_have_volume_from_a_counter_whose_resets_are_counted(store: Store, reader: Reader) -> None:
    ticks = [(0, 10, 100), (20, 12, 104), (40, 9, 110), (60, 11, 3), (80, 15, 5), (130, 14, 9)]
    for number, (seconds, price, volume) in enumerate(ticks):
        store.write(Batch([scrape(seconds, {PRICE: price, VOLUME: volume})]))
        if number == 1:
            store.flush()

    for _ in range(2):
        found = queries.candles(reader, "BTC-USD", Interval.MINUTE, at(0), at(600))
        assert [(c.timestamp, c.open, c.high, c.low, c.close, c.volume) for c in found] == [
            (at(0), 10, 12, 9, 9, 10), (at(60), 11, 15, 11, 15, 5), (at(120), 14, 14, 14, 14, 4),
        ]  # fmt: skip
        (hour,) = queries.candles(reader, "BTC-USD", Interval.HOUR, at(0), at(600))
        assert (hour.open, hour.high, hour.low, hour.close, hour.volume) == (10, 15, 9, 14, 19)
        store.flush()


@pytest.mark.parametrize("targets", [("a:1",), ("a:1", "b:1")], ids=["one target", "two targets"])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("pieces", [1, 3, 6], ids="in {} pieces".format)
def test_a_gap_that_is_filled_later_has_its_volume_in_its_own_minutes_alone(
    store: Store, pieces: int, backwards: bool, targets: tuple[str, ...]
) -> None:
    volumes = {0: 100, 30: 104, 60: 110, 90: 117, 120: 3, 150: 8, 180: 9, 210: 11, 240: 20, 270: 31}
    gap = [60, 90, 120, 150, 180, 210]

    def write(moments: list[int]) -> None:
        told = [(each, target) for each in moments for target in targets]
        store.write(Batch([scrape(at, {PRICE: 1.0, VOLUME: volumes[at]}, target=target) for at, target in told]))
        store.flush()

    for moments in ([0, 30], [240], [270]):
        write(moments)
    assert _volumes(store) == {0: 4, 240: 20 + 11}, "the counter was reset in the gap"
    for piece in sorted(range(pieces), reverse=backwards):
        write(gap[piece * len(gap) // pieces : (piece + 1) * len(gap) // pieces])

    assert _volumes(store) == {0: 4, 60: 13, 120: 8, 180: 3, 240: 20}


def test_gaps_that_are_far_apart_are_filled_at_once(store: Store) -> None:
    day = 86_400
    volumes = {0: 1, 60: 2, 120: 4, 180: 8, day: 16, day + 60: 32, day + 120: 64, 2 * day: 128, 2 * day + 60: 256}
    gaps = [60, 120, day + 60, 2 * day]
    for moments in ([each for each in volumes if each not in gaps], gaps):
        store.write(Batch([scrape(each, {PRICE: 1.0, VOLUME: volumes[each]}) for each in moments]))
        store.flush()

    grown = {after: volumes[after] - volumes[before] for before, after in itertools.pairwise(volumes)}
    assert _volumes(store) == {0: None, **grown}


def test_a_minute_without_a_price_gets_no_candle_by_a_gap_that_is_filled(store: Store) -> None:
    nan = float("nan")
    for moments in (((0, 1.0, 1), (240, nan, 4)), ((60, 1.0, 2), (120, 1.0, 3))):
        store.write(Batch([scrape(at, {PRICE: price, VOLUME: volume}) for at, price, volume in moments]))
        store.flush()

    assert _volumes(store) == {0: None, 60: 1, 120: 1}


def _volumes(store: Store) -> dict[int, float | None]:
    """Volume of each candle of a minute, by its seconds from the beginning."""
    found = queries.candles(store.reader(), "BTC-USD", Interval.MINUTE, at(0), at(1_000_000))
    assert {(candle.open, candle.high, candle.low, candle.close) for candle in found} == {(1.0, 1.0, 1.0, 1.0)}
    return {int((candle.timestamp - BEGIN).total_seconds()): candle.volume for candle in found}


def test_the_same_trades_told_by_two_targets_are_counted_once(store: Store, reader: Reader) -> None:
    for seconds in (0, 30):
        both = [scrape(seconds, {PRICE: 1.0, VOLUME: float(seconds)}, target=target) for target in ("a:1", "b:1")]
        other = scrape(seconds, {VOLUME: float(seconds)}, service="another-exchange")
        store.write(Batch([*both, other]))

    (candle,) = queries.candles(reader, "BTC-USD", Interval.MINUTE, at(0), at(60))

    assert candle.volume == 60


def test_a_summary_adds_up_the_series_of_a_metric(store: Store, reader: Reader) -> None:
    orders = [("orders_total", symbol, "counter") for symbol in ("BTC-USD", "ETH-USD")]
    for seconds, counts in ((0, (10, 100)), (60, (20, 5)), (120, (30, 15))):
        store.write(Batch([scrape(seconds, {**dict(zip(orders, counts, strict=True)), PRICE: float(seconds)})]))

    price, found = queries.summary(reader, at(0), at(180))

    assert (price.name, price.rate, price.last, price.avg) == ("market_data_price", None, 120, 60)
    assert (found.series, found.samples, found.last, found.min, found.max, found.avg) == (2, 6, 45, 5, 100, 30)
    assert found.rate == pytest.approx((20 + 15) / 180)


@pytest.mark.parametrize(("first", "last"), [(60, 360), (90, 390), (119, 301), (61, 121)])
def test_a_rate_is_that_of_the_whole_buckets_that_it_is_made_of(
    store: Store, reader: Reader, first: int, last: int
) -> None:
    store.write(Batch([scrape(seconds, {VOLUME: 10.0 * seconds}) for seconds in range(0, 600)]))

    (found,) = queries.summary(reader, at(first), at(last))

    assert found.rate == pytest.approx(10, rel=0.01)


def test_a_range_that_ends_at_the_end_of_time_has_a_rate(store: Store, reader: Reader) -> None:
    store.write(Batch([scrape(0, {VOLUME: 1.0})]))

    (found,) = queries.summary(reader, at(0), datetime.max.replace(tzinfo=UTC))

    assert found.rate == 0


def test_events_are_found_by_what_they_are(store: Store, reader: Reader) -> None:
    made = [
        Event(EventType.ERROR, at(number), {"number": number, "deep": [{"x": None}]}, source, severity)
        for number, source, severity in (
            (0, "risk", EventSeverity.ERROR), (1, "risk", EventSeverity.INFO), (2, "engine", EventSeverity.ERROR),
        )
    ]  # fmt: skip
    made.append(Event(EventType.ENGINE_STOP, at(3), {}, "engine"))
    store.write(Batch(events=made))

    assert queries.events(reader) == made[::-1]
    assert queries.events(reader, types=[EventType.ERROR], limit=2) == [made[2], made[1]]
    assert queries.events(reader, severities=[EventSeverity.ERROR], source="risk") == [made[0]]
    assert queries.events(reader, start=at(1), end=at(3)) == [made[2], made[1]]


def test_trades_are_found_by_symbol_and_time(store: Store, reader: Reader) -> None:
    data = [{"symbol": symbol, "trade_id": f"t{number}", "price": 1} for number, symbol in enumerate("ABA")]
    store.write(Batch(events=[Event(EventType.TRADE_FILLED, at(number), each) for number, each in enumerate(data)]))

    assert [trade.trade_id for trade in queries.trades(reader)] == ["t2", "t1", "t0"]
    assert [trade.trade_id for trade in queries.trades(reader, symbol="A", end=at(2))] == ["t0"]


def test_no_reader_sees_a_sample_twice_or_not_at_all_while_it_goes_from_memory_to_file(store: Store) -> None:
    ended, seen, written = threading.Event(), list[tuple[int, int, int]](), 0

    def look() -> None:
        reader = store.reader()
        while not ended.is_set():
            least = written
            count, distinct = reader.sql("SELECT count(*), count(DISTINCT ts) FROM samples").rows[0]
            seen.append((least, count, distinct))

    watching = threading.Thread(target=look)
    watching.start()
    for number in range(60):
        store.write(Batch([scrape(number, {PRICE: float(number)})]))
        written = number + 1
        if number % 5 == 4:
            store.flush()
    ended.set()
    watching.join()

    assert len(seen) > 10
    assert all(least <= count == distinct for least, count, distinct in seen)


def _ask(socket: str, answers: multiprocessing.Queue[int]) -> None:
    reader = connect(Path(socket))
    answers.put(sum(reader.sql("SELECT count(*) FROM samples").rows[0][0] for _ in range(10)))


def test_several_processes_read_while_one_writes(store: Store, tmp_path: Path) -> None:
    store.write(Batch([scrape(0, {PRICE: 1.0})]))
    socket = store.serve(tmp_path / "socket")
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[int] = context.Queue()
    processes = [context.Process(target=_ask, args=(str(socket), answers)) for _ in range(2)]
    for process in processes:
        process.start()
    found = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()

    assert found == [10, 10]
    assert socket.stat().st_mode & 0o777 == 0o600


def test_a_socket_of_a_store_that_is_closed_answers_nobody(file: Path, tmp_path: Path) -> None:
    with Store.open(file) as store:
        socket = store.serve(tmp_path / "socket")
        reader = connect(socket)
        assert reader.state().writer == os.getpid()

    with pytest.raises(StoreGoneError):
        reader.sql("SELECT 1")
    with Store.open(file) as store:
        store.serve(socket)
        assert reader.sql("SELECT 1").rows == [(1,)]


def test_a_file_that_another_process_has_open_is_not_opened_and_the_process_is_named(store: Store, file: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tapewatch.history.store import Store, look_into\n"
        "from tapewatch_sdk.errors import ProblemsError\n"
        "for opened in (Store.open, look_into):\n"
        "    try: opened(Path(sys.argv[1]))\n"
        "    except ProblemsError as error: print(error.problems[0].code, error.problems[0].summary)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True)

    assert done.stdout.count(f"history/locked {file} is open in process {os.getpid()}") == 2


def test_a_killed_process_s_journal_is_read_along_and_nothing_is_changed(
    store: Store, file: Path, tmp_path: Path
) -> None:
    store.write(Batch([scrape(0, {PRICE: 1.0})]))
    store.flush()
    store.write(Batch([scrape(1, {PRICE: 2.0})], events=[Event(EventType.ENGINE_STOP, at(1))]))
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in tmp_path.glob("history.duckdb*"):
        (copy / path.name).write_bytes(path.read_bytes())
    before = {path.name: path.read_bytes() for path in copy.iterdir()}

    reader = look_into(copy / file.name)
    found = reader.sql("SELECT count(*), max(value), (SELECT count(*) FROM events) FROM trading_metrics").rows
    reader.close()

    assert found == [(2, 2.0, 1)]
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_the_file_can_be_read_by_anything_that_speaks_duckdb(file: Path) -> None:
    with Store.open(file) as store:
        store.write(Batch([scrape(0, {PRICE: 1.0, VOLUME: 2.0})]))
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute("SELECT metric_name, value FROM trading_metrics ORDER BY value").fetchall()
        candles = connection.execute("SELECT close FROM trading_candles WHERE interval = '1d'").fetchall()

    assert (found, candles) == ([("market_data_price", 1.0), ("market_data_volume_total", 2.0)], [(1.0,)])


def test_there_is_nothing_to_look_into_where_there_is_no_file(file: Path) -> None:
    with pytest.raises(ProblemsError) as raised:
        look_into(file)
    assert raised.value.problems[0].code == "history/missing"


def test_the_page_s_questions_can_be_asked(store: Store) -> None:
    store.define([MARKET])
    store.write(Batch([scrape(0, {PRICE: 1.0})], events=[Event(EventType.TRADE_FILLED, BEGIN, {"symbol": "BTC-USD"})]))
    text = page("history/store.md").prose
    asked = [re.sub(r"\n +", " ", block) for block in re.findall(r"(?m)^    SELECT (?:.+\n)(?:    .+\n)*", text)]
    asked += re.findall(r'tapewatch history sql "([^"]+)"', text)

    found = {each: store.reader().sql(each.strip()) for each in asked if "parquet" not in each}

    assert len(found) == 3
