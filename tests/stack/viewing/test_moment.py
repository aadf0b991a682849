"""Grafana's macros and variables in a query."""

from __future__ import annotations

import pytest

from tapewatch.viewing import Moment

HOUR = Moment(start=1_000_000, end=1_003_600, scrape=5)


def test_an_hour_is_drawn_in_steps_of_ten_seconds() -> None:
    assert HOUR.step() == 10


def test_no_step_is_shorter_than_the_scrape_interval() -> None:
    assert Moment(0, 60, scrape=5).step() == 5


def test_a_panel_may_want_longer_steps() -> None:
    assert HOUR.step(least=60) == 60


def test_a_rate_looks_back_four_scrapes_at_least() -> None:
    assert Moment(0, 60, scrape=15).macros()["__rate_interval"] == "60s"
    assert Moment(0, 86_400 * 7, scrape=15).macros()["__rate_interval"] == "1815s"


@pytest.mark.parametrize("written", ["$service", "${service}", "${service:regex}", "[[service]]"])
def test_a_variable_is_filled_in_however_it_is_written(written: str) -> None:
    assert HOUR.fill(f'up{{service=~"{written}"}}', {"service": "api"}) == 'up{service=~"api"}'


def test_built_in_variables_are_filled_in() -> None:
    text = HOUR.fill("rate(x[$__rate_interval]) + increase(x[$__range]) + max_over_time(x[${__interval}])", {})

    assert text == "rate(x[20s]) + increase(x[3600s]) + max_over_time(x[10s])"


def test_what_is_no_variable_stays() -> None:
    assert HOUR.fill('label_replace(x, "a", "$1", "b", "(.*)")', {}) == 'label_replace(x, "a", "$1", "b", "(.*)")'
    assert HOUR.fill("$unknown", {}) == "$unknown"
