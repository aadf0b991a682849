"""Sequence numbers: gaps, duplicates, late messages and resets, each told apart."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any

import pytest

from sdk.streams.reference import Reference
from tapewatch_sdk.streams import ArrivalKind, SequenceTracker, StreamStats


def kinds(tracker: SequenceTracker, sequence: Iterable[int]) -> list[str]:
    return [str(tracker.check(number).kind) for number in sequence]


def test_messages_in_order_are_all_well() -> None:
    tracker = SequenceTracker()

    assert kinds(tracker, [7, 8, 9]) == ["first", "in_order", "in_order"]
    assert tracker.stats() == StreamStats(in_order=3)
    assert tracker.newest == 9


def test_a_gap_has_its_size() -> None:
    tracker = SequenceTracker()
    tracker.check(1)

    assert tracker.check(5) == (ArrivalKind.GAP, 3)
    assert tracker.check(6) == (ArrivalKind.IN_ORDER, 0)
    assert tracker.check(8) == (ArrivalKind.GAP, 1)
    assert tracker.stats() == StreamStats(in_order=2, gaps=2, missing=4)
    assert tracker.stats().lost == 4


def test_a_late_message_fills_its_gap_and_is_no_duplicate() -> None:
    tracker = SequenceTracker()

    assert kinds(tracker, [1, 5, 3, 2, 3, 6]) == ["first", "gap", "late", "late", "duplicate", "in_order"]
    assert tracker.stats() == StreamStats(in_order=2, gaps=1, late=2, duplicates=1, missing=3, recovered=2)
    assert tracker.stats().lost == 1


def test_a_message_that_comes_again_is_a_duplicate() -> None:
    tracker = SequenceTracker()

    assert kinds(tracker, [1, 1, 2, 1, 2, 3]) == [
        "first",
        "duplicate",
        "in_order",
        "duplicate",
        "duplicate",
        "in_order",
    ]
    assert tracker.stats() == StreamStats(in_order=3, duplicates=3)


def test_a_message_from_before_the_first_is_late_once() -> None:
    tracker = SequenceTracker()

    assert kinds(tracker, [10, 11, 8, 8, 9, 12]) == ["first", "in_order", "late", "duplicate", "late", "in_order"]
    assert tracker.stats().missing == tracker.stats().recovered == 0


def test_a_reset_of_the_feed_is_no_gap() -> None:
    tracker = SequenceTracker(window=100)
    kinds(tracker, range(5000, 5010))

    assert kinds(tracker, [1, 2, 3]) == ["reset", "in_order", "in_order"]
    assert tracker.stats() == StreamStats(in_order=12, resets=1)


def test_after_a_reset_the_old_numbers_are_forgotten() -> None:
    tracker = SequenceTracker(window=10)
    kinds(tracker, [*range(1, 30), 1])

    assert kinds(tracker, range(2, 40)) == ["in_order"] * 38


def test_a_feed_that_begins_anew_at_the_same_number_again_and_again_is_seen_to() -> None:
    tracker = SequenceTracker(window=10)

    for _ in range(5):
        kinds(tracker, range(1, 21))

    assert tracker.stats() == StreamStats(in_order=96, resets=4)


def test_the_window_is_where_late_ends_and_a_reset_begins() -> None:
    assert SequenceTracker(window=5).check(1).kind == "first"
    for back, kind in ((5, "late"), (6, "reset")):
        tracker = SequenceTracker(window=5)
        tracker.check(100)
        assert tracker.check(100 - back).kind == kind


def test_a_lone_message_from_far_back_makes_no_gap() -> None:
    tracker = SequenceTracker(window=10)
    kinds(tracker, [*range(100, 120), 122])

    assert kinds(tracker, [50, 123, 121, 120]) == ["reset", "in_order", "late", "late"]
    assert tracker.stats() == StreamStats(in_order=21, gaps=1, late=2, strays=1, missing=2, recovered=2)


def test_a_reset_that_is_told_forgets_everything_and_counts_nothing() -> None:
    tracker = SequenceTracker()
    kinds(tracker, [5, 6, 9])

    tracker.reset()

    assert tracker.newest is None
    assert kinds(tracker, [7, 8]) == ["first", "in_order"]
    assert tracker.stats() == StreamStats(in_order=4, gaps=1, missing=2)


def test_a_reset_that_is_told_after_one_that_was_seen_is_one_reset() -> None:
    tracker = SequenceTracker(window=5)
    kinds(tracker, [100, 1])
    tracker.reset()
    kinds(tracker, [1, 2])

    assert tracker.stats() == StreamStats(in_order=3, resets=1)


class Rude:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError

    def __index__(self) -> int:
        raise RuntimeError


@pytest.mark.parametrize(
    "wrong", [None, "7", 7.0, float("nan"), object(), Rude()], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("before", [0, 1])
def test_what_is_no_whole_number_is_counted_and_changes_nothing(before: int, wrong: Any) -> None:
    tracker = SequenceTracker()
    kinds(tracker, [6] * before)

    assert tracker.check(wrong) == (ArrivalKind.INVALID, 0)
    assert tracker.stats() == StreamStats(in_order=before, invalid=1)
    assert kinds(tracker, [7]) == (["in_order"] if before else ["first"])


@pytest.mark.parametrize("window", [0, -1])
def test_a_window_has_one_number_at_least(window: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        SequenceTracker(window)


def numbers_of(chance: random.Random, window: int) -> Iterable[int]:
    """A feed with every fault there is, near and across the borders of the window."""
    newest = chance.choice([0, 1, 10**15, -50])
    yield newest
    faults: list[Callable[[], int]] = [
        lambda: newest + 1,
        lambda: newest + 1,
        lambda: newest + 1,
        lambda: newest + 1,
        lambda: newest + chance.randrange(2, 5),
        lambda: newest + chance.randrange(1, 3 * window + 2),
        lambda: newest,
        lambda: newest - chance.randrange(window + 1),
        lambda: newest - chance.randrange(min(window, 4) + 1),
        lambda: newest - window - chance.randrange(3),
        lambda: newest - chance.randrange(window, 4 * window + 5),
    ]
    weights = [chance.random() ** 3 for _ in faults]
    for _ in range(chance.randrange(300)):
        number = chance.choices(faults, weights)[0]()
        # The feed itself goes on from where it is; now and then it has really begun anew.
        newest = number if number > newest or (number < newest - window and chance.random() < 0.5) else newest
        yield number


@pytest.mark.parametrize("seed", range(40))
def test_random_feeds_are_judged_as_the_simple_rules_judge_them(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(25):
        window = chance.choice([1, 2, 3, 10, 50])
        tracker, reference = SequenceTracker(window), Reference(window)
        feed = list(numbers_of(chance, window))
        for place, number in enumerate(feed):
            got = tracker.check(number)
            assert (str(got.kind), got.gap) == reference.check(number), f"window {window}: {feed[: place + 1]}"
        stats = tracker.stats()
        assert {name: getattr(stats, name) for name in reference.counts} == reference.counts
        undecided = len(feed) - sum(
            (stats.in_order, stats.gaps, stats.late, stats.duplicates, stats.resets, stats.strays, stats.invalid)
        )
        assert undecided in (0, 1)


@pytest.mark.parametrize("seed", range(10))
def test_what_is_lost_is_what_the_feed_has_left_out(seed: int) -> None:
    chance = random.Random(seed)
    dropped = set(chance.sample(range(2, 1999), 150))
    delayed = [(number + chance.choice([0, 0, 0, chance.randrange(40)]), number) for number in range(2, 2001)]
    arrived = [1, *(number for _, number in sorted(delayed) if number not in dropped)]
    repeated = [number for number in arrived for _ in range(1 + (chance.random() < 0.05))]
    tracker = SequenceTracker(window=200)

    kinds(tracker, repeated)

    stats = tracker.stats()
    assert (stats.lost, stats.duplicates, stats.resets, stats.strays) == (150, len(repeated) - len(arrived), 0, 0)


def test_memory_is_bounded_whatever_the_feed_does() -> None:
    tracker = SequenceTracker(window=100)
    newest = 0
    for step in range(20_000):
        newest += 10**9 if step % 7 == 0 else 2
        tracker.check(newest)
        tracker.check(newest - 50)
    line = tracker._line
    assert line is not None

    assert max(len(line.absent), len(line.early)) <= 200
    assert sys.getsizeof(line.absent) < 20_000


def test_several_threads_lose_no_count() -> None:
    tracker = SequenceTracker()
    threads = [Thread(target=kinds, args=(tracker, range(1, 5001))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    stats = tracker.stats()
    counted = (stats.in_order, stats.gaps, stats.late, stats.duplicates, stats.resets, stats.strays)
    assert sum(counted) in (39_999, 40_000)  # the last one may be undecided


def test_a_child_that_is_forked_while_a_thread_holds_the_tracker_goes_on() -> None:
    tracker = SequenceTracker()
    tracker.check(1)
    with tracker._lock:
        if not (child := os.fork()):
            forked: list[str] = []
            thread = Thread(target=lambda: forked.extend(kinds(tracker, [2])), daemon=True)
            thread.start()
            thread.join(10)
            os._exit(0 if forked == ["in_order"] else 1)
    assert os.waitpid(child, 0)[1] == 0
