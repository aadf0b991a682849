"""The memory that the store takes while nobody asks anything."""

from __future__ import annotations

import threading

import numpy as np

from support.stored import at, layout
from support.waiting import wait_for
from tapewatch.history.samples import Scrape
from tapewatch.history.store import Batch, Store
from tapewatch.history.store.resting import KEPT, rest

NOISE = layout(*(("noise", str(number), "gauge") for number in range(25_000)))


def noise(seconds: int) -> Batch:
    """Values that take all of their bytes on disk."""
    values = np.random.default_rng(seconds).random(len(NOISE.series))
    return Batch([Scrape("noise", "noise:1", at(seconds).timestamp(), layout=NOISE, values=values)])


def used(store: Store) -> dict[str, int]:
    """Bytes by what DuckDB uses them for."""
    return dict(store.reader().sql("SELECT tag, memory_usage_bytes FROM duckdb_memory()").rows)


def test_what_was_written_or_read_of_the_file_does_not_stay(store: Store) -> None:
    for second in range(100):
        store.write(noise(second))
        if second % 20 == 19:
            store.flush()
    assert used(store)["BASE_TABLE"] <= KEPT + (1 << 20)
    assert len(store.reader().sql("SELECT series, sum(value) FROM samples GROUP BY series").rows) == len(NOISE.series)
    assert used(store)["BASE_TABLE"] > KEPT + (1 << 20)

    store.write(noise(100))
    store.flush()

    assert used(store)["BASE_TABLE"] <= KEPT + (1 << 20)
    assert store.reader().sql("SELECT current_setting('memory_limit')").rows == [("488.2 MiB",)]


def test_a_question_that_is_worked_at_keeps_its_memory(store: Store) -> None:
    for second in range(100):
        store.write(noise(second))
    store.flush()
    store.reader().sql("SELECT sum(value) FROM samples")
    many = "SELECT count(DISTINCT range % 1000003) FROM range(60000000)"
    heavy = threading.Thread(target=store.reader().sql, args=(many,))
    heavy.start()
    wait_for("it uses memory", lambda: used(store)["HASH_TABLE"] > 0)

    assert not rest(store._keeper.engine.connection)
    heavy.join()
    assert rest(store._keeper.engine.connection)
