"""The memory that the store takes while nobody asks anything."""

from __future__ import annotations

import ctypes
import threading

import numpy as np

from support.stored import at, layout
from support.waiting import wait_for
from tapewatch.history.samples import Scrape
from tapewatch.history.store import Batch, Store
from tapewatch.history.store.resting import rest

NOISE = layout(*(("noise", str(number), "gauge") for number in range(25_000)))

LIMIT = "SELECT current_setting('memory_limit')"


class _InUse(ctypes.Structure):
    """`struct mallinfo2` of glibc; `uordblks` is what is in use."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in [
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        ]
    )


def noise(seconds: int) -> Batch:
    """Values that take all of their bytes on disk."""
    values = np.random.default_rng(seconds).random(len(NOISE.series))
    return Batch([Scrape("noise", "noise:1", at(seconds).timestamp(), layout=NOISE, values=values)])


def used(store: Store) -> dict[str, int]:
    """Bytes by what DuckDB uses them for."""
    return dict(store.reader().sql("SELECT tag, memory_usage_bytes FROM duckdb_memory()").rows)


def allocated() -> int:
    """Bytes that this process has of malloc, most of them DuckDB's: Python's own small objects are not among them."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _InUse
    return int(mallinfo().uordblks)


def test_what_was_written_or_read_of_the_file_does_not_stay(store: Store) -> None:
    for second in range(60):
        store.write(noise(second))
        if second % 20 == 19:
            store.flush()
    kept = used(store)["BASE_TABLE"]
    assert len(store.reader().sql("SELECT series, sum(value) FROM samples GROUP BY series").rows) == len(NOISE.series)
    assert used(store)["BASE_TABLE"] > kept + (8 << 20)

    store.write(noise(60))
    store.flush()

    assert used(store)["BASE_TABLE"] <= kept + (1 << 20)
    assert store.reader().sql(LIMIT).rows == [("488.2 MiB",)]


def test_nothing_stays_of_the_questions_that_were_asked(store: Store) -> None:
    store.write(noise(0))
    reader, before = store.reader(), 0
    for number in range(2_000):
        assert reader.sql("SELECT count(*), max(a.x) FROM range(99) a(x) JOIN range(99) b(x) USING (x)").rows == [
            (99, 98)
        ]
        if number == 200:
            before = allocated()
    grown = allocated() - before
    assert grown > 4 << 20

    store.flush()

    assert allocated() - before < grown / 4


def test_questions_that_are_worked_at_go_on(store: Store) -> None:
    store.write(noise(0))
    many = "SELECT count(DISTINCT range % 1000003) FROM range(20000000)"
    answers: list[object] = []
    heavy = threading.Thread(target=lambda: answers.extend(store.reader().sql(many).rows))
    heavy.start()
    wait_for("it uses memory", lambda: used(store)["HASH_TABLE"] > 0)

    rests = 0
    while heavy.is_alive():
        rest(store._keeper.engine.connection)
        assert store.reader().sql(LIMIT).rows == [("488.2 MiB",)]
        rests += 1

    assert answers == [(1_000_003,)]
    assert rests > 5
