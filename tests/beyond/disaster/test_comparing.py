"""What a Prometheus holds less than another one, in seconds and in samples."""

from __future__ import annotations

import pytest

from tapewatch.saving.comparing import Held, Lost, lost

AT = 10_000.0


def every(step: float, count: int, newest: float = AT) -> list[float]:
    return [newest - step * number for number in reversed(range(count))]


def of(recent: dict[str, list[float]]) -> Held:
    recent = {series: moments for series, moments in recent.items() if moments}
    return Held(AT, recent, {series: {0: len(moments)} for series, moments in recent.items()})


def test_of_a_series_all_of_which_is_gone_no_more_is_lost_than_it_had() -> None:
    before = of({"old": every(1, 600), "new": [AT], "a while": every(1, 31)})
    after = of({"old": every(1, 600)[:-1]})

    assert lost(before, after, 15) == Lost(31.0, 33, 2, {0: 33}, "a while")


def test_of_one_that_goes_on_it_is_what_its_lost_samples_stood_for() -> None:
    before = Held(AT, {"up": every(1, 600)}, {"up": {0: 3600, 1: 3600}})
    after = Held(AT, {"up": every(1, 600)[:-5]}, {"up": {0: 3595, 1: 3590}})

    assert lost(before, after, 15) == Lost(5.0, 15, 0, {0: 5, 1: 10}, "up")
    assert lost(before, before, 15) == Lost()


@pytest.mark.parametrize(
    ("moments", "kept"),
    [
        ([*every(1, 30, AT - 39), AT], 30),  # a server's answers to what is asked of it once in a while
        ([AT - 39, AT], 1),
        ([AT], 0),
        ([*every(1, 30, AT - 4), AT], 30),  # a machine that was busy
    ],
)
def test_one_scrape_stands_for_one_interval_however_long_the_series_was_away(moments: list[float], kept: int) -> None:
    assert lost(of({"up": moments}), of({"up": moments[:kept]}), 1) == Lost(1.0, 1, int(not kept), {0: 1}, "up")


def test_a_hole_before_what_came_back_is_lost_too() -> None:
    moments = every(1, 600)

    assert lost(of({"up": moments}), of({"up": moments[:300] + moments[320:]}), 1).seconds == 20
