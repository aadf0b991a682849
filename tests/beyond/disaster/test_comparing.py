"""What a Prometheus holds less than another one, in seconds and in samples."""

from __future__ import annotations

from tapewatch.saving.comparing import RECENT, Held, Lost, lost

AT = 10_000.0


def test_of_a_series_all_of_which_is_gone_no_more_is_lost_than_it_had() -> None:
    before = Held(
        AT, {"old": AT - 1, "new": AT - 0.1, "a while": AT - 1}, {"old": AT - 600, "new": AT - 0.1, "a while": AT - 31},
        {"old": {0: 600}, "new": {0: 1}, "a while": {0: 31}},
    )  # fmt: skip
    after = Held(AT, {"old": AT - 2}, {"old": AT - 600}, {"old": {0: 599}})

    assert lost(before, after) == Lost(30.0, 33, 2, {0: 33}, "a while")


def test_of_one_that_goes_on_it_is_what_came_after_its_newest_sample() -> None:
    before = Held(AT, {"up": AT - 1}, {"up": AT - RECENT}, {"up": {0: 3600, 1: 3600}})
    after = Held(AT, {"up": AT - 6}, {"up": AT - RECENT}, {"up": {0: 3595, 1: 3590}})

    assert lost(before, after) == Lost(5.0, 15, 0, {0: 5, 1: 10}, "up")
    assert lost(before, before) == Lost()
