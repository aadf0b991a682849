"""The scripts of the live page by themselves, in the browser that runs them: numbers, rates, axes, lines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from support.live_page import DASH, PageServer

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.alone]


@pytest.fixture(scope="module")
def call(window: Page) -> Iterator[Any]:
    """Calls a function of a script; one open page serves all."""

    def called(script: str, expression: str, *arguments: object) -> Any:
        words = f"async (given) => {{ const it = await import('/page/{script}.js'); return ({expression})(...given); }}"
        return window.evaluate(words, list(arguments))

    with PageServer() as server:
        window.goto(server.url)
        yield called
        window.goto("about:blank")


def test_numbers_are_written_as_people_read_them(call: Any) -> None:
    wanted = [
        ("usd", 1234.5, "$1,234.50"),
        ("usd", -0.001, "$0.00"),
        ("usd", -1234567.0, "-$1,234,567"),
        ("signedUsd", 3.0, "+$3.00"),
        ("signedUsd", -3.0, "-$3.00"),
        ("price", 64014.3558, "$64,014.36"),
        ("price", 0.00012345, "$0.00012345"),
        ("percent", 0.9832, "98.3 %"),
        ("percent", 0.0123, "1.23 %"),
        ("span", 0.0000066, "6.6 µs"),
        ("span", 0.18, "180 ms"),
        ("span", 90.0, "1.5 min"),
        ("lasting", 59.9, "59 s"),
        ("lasting", 3600.0 * 5 + 120, "5 h 2 min"),
        ("bytes", 1023.0, "1,023 B"),
        ("bytes", 5e9, "4.66 GiB"),
        ("number", 12345.0, "12.3k"),
        ("count", 12345.4, "12,345"),
        ("usd", 89e12, "$89T"),
        ("usd", -1.5e300, "-$1.50e+300"),
        ("count", 1e300, "1.00e+300"),
        ("number", 4e-8, "0.00000004"),
        ("number", -4e-12, "0"),
        ("percent", -0.0000001, "0 %"),
        ("price", 1.2345e-9, "$0.000000001235"),
    ]

    assert [(name, value, call("format", f"it.{name}", value)) for name, value, _ in wanted] == wanted


@pytest.mark.parametrize(("change", "text"), [(-0.0001, "0.000 %"), (0.0001, "0.000 %"), (0.25, "+0.250 %")])
def test_a_change_that_is_none_has_no_sign(call: Any, change: float, text: str) -> None:
    assert call("format", "it.valued", change, "%") == text


@pytest.mark.parametrize(
    ("value", "step", "unit", "text"),
    [
        (1.005e9, 5e6, "usd", "$1,005M"),
        (-5e13, 5e13, "usd", "-$50T"),
        (2_000.0, 1_000.0, "usd", "$2,000"),
        (-1e300, 5e299, "usd", "-$1.00e+300"),
        (3e-10, 1e-10, "price", "0.0000000003"),
        (4e6, 2e6, "", "4M"),
    ],
)
def test_a_tick_has_the_digits_that_its_step_has(call: Any, value: float, step: float, unit: str, text: str) -> None:
    assert call("format", "it.tick", value, step, unit) == text


@pytest.mark.parametrize(
    "name", ["usd", "signedUsd", "price", "percent", "span", "lasting", "bytes", "number", "count"]
)
def test_what_is_no_number_is_a_dash(call: Any, name: str) -> None:
    assert (
        call("format", f"() => [it.{name}(NaN), it.{name}(undefined), it.{name}(null), it.{name}('7')]") == [DASH] * 4
    )
    assert call("format", f"() => it.{name}(Infinity)") in ("∞", "+∞")


def test_a_rate_needs_time_forgets_what_is_old_and_breaks_where_nobody_counted(call: Any) -> None:
    rate = """(window, points) => {
      const rate = new it.Rate(window);
      return points.map(([at, count]) => { rate.push(at, count ?? NaN); return [rate.gain, rate.perSecond]; });
    }"""

    found = call("rates", rate, 3, [[0, 100], [1, 104], [2, 108], [4, 120], [7, 150], [8, None], [9, 300], [11, 310]])

    assert [math.isnan(gain) for gain, _ in found] == [True, True, False, False, False, True, True, False]
    assert found[2] == [8, 4]
    assert found[3][0] == 16
    assert found[4][0] == 30
    assert found[7] == [10, 5]


@pytest.mark.parametrize("later", [20, -3_600])
def test_a_rate_takes_nothing_over_a_pause_or_from_before_the_clock_was_set_back(call: Any, later: int) -> None:
    rate = """(later) => {
      const rate = new it.Rate(60);
      for (const [at, count] of [[0, 100], [2, 110], [later, 5000], [later + 2, 5003]]) rate.push(at, count);
      return [rate.gain, rate.seconds];
    }"""

    assert call("rates", rate, later) == [3, 2]


def test_a_line_goes_on_when_the_clock_is_set_back_and_a_small_step_is_left_out(call: Any) -> None:
    pushed = """(moments) => {
      const track = new it.Track();
      for (const at of moments) track.push(at, at + 0.5);
      return [track.times, track.last];
    }"""

    assert call("tracks", pushed, [100, 200, 201, 199, 202]) == [[100, 200, 201, 202], 202.5]
    assert call("tracks", pushed, [100, 200, 201, 150, 151]) == [[100, 150, 151], 151.5]


def test_a_model_counts_what_counters_gained_over_restarts_and_absences(call: Any) -> None:
    gains = """(rounds) => {
      const model = new it.Model();
      model.define({ version: 1, series: [["c", { service: "a" }, "counter"], ["c", { service: "b" }, "counter"]] });
      return rounds.map((values) => {
        model.take({ version: 1, at: 0, values, services: {} });
        return model.gained("c");
      });
    }"""

    found = call("model", gains, [[10, 5], [12, 5], [3, 6], [None, 6], [4, 6], ["NaN", None]])

    assert found[:5] == [0, 2, 6, 6, 7]  # 2; then a restart at 3, and 1; away; 1 since the 3 that it had said
    assert math.isnan(found[5])


def test_a_snapshot_whose_series_were_not_told_is_not_read(call: Any) -> None:
    taken = "() => new it.Model().take({ version: 7, at: 0, values: [1], services: {} })"

    assert call("model", taken) is False


@pytest.mark.parametrize(
    ("share", "buckets", "wanted"),
    [
        (0.5, [[1, 50], [2, 90], [4, 100], [math.inf, 100]], 1.0),
        (0.99, [[math.inf, 100], [4, 100], [2, 90], [1, 50]], 3.8),
        (0.9, [[1, 0], [2, 0], [4, 10], [math.inf, 10]], 3.8),
        (0.99, [[1, 0], [math.inf, 10]], 1.0),  # never above the highest finite bound, as in Prometheus
        (0.5, [[1, 0], [math.inf, 0]], None),
        (0.5, [], None),
    ],
)
def test_quantiles_are_those_of_prometheus(call: Any, share: float, buckets: list[Any], wanted: float | None) -> None:
    found = call("rates", "it.quantile", share, buckets)

    assert math.isnan(found) if wanted is None else found == pytest.approx(wanted)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 8.9), (63_900, 64_100), (1e-7, 3e-7), (-1e9, 1e9)])
def test_ticks_are_round_and_within_the_axis(call: Any, low: float, high: float) -> None:
    found = call("scale", "it.ticks", low, high, 5)

    assert 2 <= len(found["values"]) <= 6
    assert all(low - 1e-9 <= value <= high + 1e-9 for value in found["values"])
    assert round(found["step"] / 10 ** math.floor(math.log10(found["step"]) + 1e-9), 6) in (1, 2, 5)


def test_the_history_fills_only_what_is_not_known_yet(call: Any) -> None:
    filled = """(points) => {
      const track = new it.Track();
      for (const at of [100, 101, 102]) track.push(at, at);
      track.fill(points.map(([at, value]) => [at, value ?? NaN]), 45);
      return [track.times, track.values];
    }"""

    assert call("tracks", filled, [[40, 1], [54, 2], [60, 3], [130, 4], [20, None]]) == [
        [40, 54, 100, 101, 102],
        [1, 2, 100, 101, 102],
    ]


def test_a_line_that_has_not_begun_does_not_hold_the_history_off(call: Any) -> None:
    begun = """() => {
      const track = new it.Track();
      [NaN, NaN, 7, NaN, NaN, 8].forEach((value, index) => track.push(100 + index, value));
      track.fill([[90, 5]], 10);
      return track.times;
    }"""

    assert call("tracks", begun) == [90, 102, 103, 105]


def test_a_line_keeps_no_more_than_two_hours(call: Any) -> None:
    kept = """() => {
      const track = new it.Track();
      for (let at = 0; at < 20000; at++) track.push(at, at);
      return [track.times.length, track.times.at(-1), track.values.at(-1)];
    }"""

    length, at, value = call("tracks", kept)

    assert 3_600 <= length <= 7_202
    assert at == value == 19_999
