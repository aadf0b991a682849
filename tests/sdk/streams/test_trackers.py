"""One tracker a product."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest

from tapewatch_sdk.streams import ArrivalKind, SequenceTrackers, StreamStats


def test_each_product_has_its_own_sequence() -> None:
    trackers = SequenceTrackers()
    for sequence in range(1, 4):
        trackers.check("BTC-USD", sequence)
        trackers.check("ETH-USD", 10 * sequence)

    assert trackers.stats() == {
        "BTC-USD": StreamStats(in_order=3),
        "ETH-USD": StreamStats(in_order=1, gaps=2, missing=18),
    }
    assert trackers.total() == StreamStats(in_order=4, gaps=2, missing=18)


def test_one_product_or_all_of_them_can_be_reset() -> None:
    trackers = SequenceTrackers()
    for product in ("BTC-USD", "ETH-USD", "SOL-USD"):
        trackers.check(product, 100)

    trackers.reset("BTC-USD")
    assert [trackers.check(product, 200).kind for product in ("BTC-USD", "ETH-USD")] == ["first", "gap"]
    trackers.reset()
    assert [trackers.check(product, 500).kind for product in ("BTC-USD", "ETH-USD", "SOL-USD")] == ["first"] * 3


def test_a_feed_full_of_products_does_not_fill_the_memory() -> None:
    trackers = SequenceTrackers(max_products=3)

    found = [trackers.check(f"product {n}", 1).kind for n in range(10)]

    assert found == [ArrivalKind.FIRST] * 3 + [ArrivalKind.UNTRACKED] * 7
    assert (len(trackers.stats()), trackers.untracked) == (3, 7)
    assert trackers.check("product 1", 2).kind == "in_order"


@pytest.mark.parametrize("wrong", [[], {}, set()])
def test_what_can_be_no_product_is_counted(wrong: Any) -> None:
    trackers = SequenceTrackers()

    assert trackers.check(wrong, 1).kind == "untracked"
    trackers.reset(wrong)
    assert trackers.stats() == {}
    assert trackers.untracked == 2


@pytest.mark.parametrize(("window", "products"), [(0, 1), (1, 0)])
def test_sizes_are_checked_at_the_start(window: int, products: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        SequenceTrackers(window, max_products=products)


def test_threads_that_meet_a_product_first_at_once_share_its_tracker() -> None:
    trackers = SequenceTrackers()

    def feed() -> None:
        for product in range(200):
            trackers.check(product, 1)

    threads = [Thread(target=feed) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert trackers.total() == StreamStats(in_order=200, duplicates=1400)
