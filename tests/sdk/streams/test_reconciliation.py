"""Received against written, table by table."""

from __future__ import annotations

import logging
from collections import deque
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest

from tapewatch_sdk.streams import Reconciliation, TableCount


def test_what_came_in_and_is_nowhere_is_missing() -> None:
    books = Reconciliation()
    books.received("trades", 200)
    books.written("trades", 150)
    books.discarded("trades", 20)
    books.buffered("trades", lambda: 25)

    found = books.result("trades")

    assert found == TableCount("trades", received=200, written=150, discarded=20, buffered=25)
    assert (found.missing, found.ratio, found.surplus, found.complete) == (5, 0.025, 0, True)


def test_nothing_is_missing_of_nothing() -> None:
    found = Reconciliation().result("trades")

    assert (found.missing, found.ratio, found.surplus) == (0, 0.0, 0)


def test_what_was_written_twice_is_a_surplus_and_never_negative() -> None:
    books = Reconciliation()
    books.received("trades")
    books.written("trades", 3)

    found = books.result("trades")

    assert (found.missing, found.ratio, found.surplus) == (0, 0.0, 2)


def test_each_table_is_counted_apart() -> None:
    books = Reconciliation()
    books.received("trades", 2)
    books.received("candles", 10)
    books.written("candles", 10)
    books.buffered("quotes", lambda: 0)

    assert {table: count.missing for table, count in books.results().items()} == {
        "candles": 0,
        "quotes": 0,
        "trades": 2,
    }


def test_several_buffers_of_a_table_are_added_up() -> None:
    books = Reconciliation()
    one, two = deque([1, 2, 3]), deque([4])
    books.received("trades", 4)
    books.buffered("trades", one.__len__)
    books.buffered("trades", two.__len__)
    assert books.result("trades").missing == 0

    two.clear()

    assert books.result("trades").missing == 1


def bad() -> int:
    raise RuntimeError("closed")


@pytest.mark.parametrize("wrong", [bad, lambda: None, lambda: "many"])
def test_a_buffer_that_does_not_answer_is_said_to_and_raises_nothing(
    caplog: pytest.LogCaptureFixture, wrong: Any
) -> None:
    books = Reconciliation()
    books.received("trades", 5)
    books.buffered("trades", wrong)
    books.buffered("trades", lambda: 2)

    with caplog.at_level(logging.WARNING, logger="tapewatch_sdk.streams"):
        found = [books.result("trades") for _ in range(3)]

    assert {(each.buffered, each.missing, each.complete) for each in found} == {(2, 3, False)}
    assert ["a buffer of table trades" in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize(("table", "count"), [([], 1), ("trades", "many"), ("trades", None)])
def test_counting_with_what_is_no_number_raises_nothing(table: Any, count: Any) -> None:
    books = Reconciliation()
    books.received(table, count)
    books.written(table, count)
    books.discarded(table, count)

    assert books.result("trades").received == 0


@pytest.mark.parametrize("counted", [0, 1])
def test_a_row_that_moves_on_while_its_buffer_is_asked_is_not_missing(counted: int) -> None:
    books = Reconciliation()

    def rows() -> int:
        books.written("trades")
        return counted

    books.received("trades")
    books.buffered("trades", rows)

    assert books.result("trades").missing == 0


def test_a_row_on_its_way_is_never_thought_missing() -> None:
    books, buffer, done = Reconciliation(), deque[int](), Flag()
    books.buffered("trades", buffer.__len__)

    def receive() -> None:
        for n in range(20_000):
            books.received("trades")
            buffer.append(n)
        done.set()

    def write() -> None:
        while not done.is_set() or buffer:
            if batch := len(buffer):
                books.written("trades", batch)
                for _ in range(batch):
                    buffer.popleft()

    def missing() -> int:
        return books.result("trades").missing

    threads = [Thread(target=receive), Thread(target=write)]
    for thread in threads:
        thread.start()
    # One row may be between being counted and being in the buffer.
    seen = [missing() for _ in iter(threads[1].is_alive, False)]
    for thread in threads:
        thread.join()

    assert max(seen, default=0) <= 1
    assert books.result("trades") == TableCount("trades", received=20_000, written=20_000)
