"""The messages that tell what is known now."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tapewatch.history.api.live import About, Alerts, Live
from tapewatch.history.api.live.source import SIMULATED
from tapewatch.history.samples import Layout, Scrape, Series
from tapewatch.history.store import State

LAYOUT = Layout(
    (
        Series("orders_total", (("symbol", 'BTC-"USD"'),), "counter"),
        Series("latency_bucket", (("le", "1.0"),), "histogram"),
        Series("latency_count", (), "histogram"),
        Series("a_bucket", (), "gauge"),
    )
)


def scrape(*values: float, layout: Layout = LAYOUT, **more: Any) -> Scrape:
    return Scrape(
        **{
            "service": "risk",
            "target": "risk:9093",
            "at": 100.0,
            "duration": 0.5,
            "layout": layout,
            "values": np.array(values, np.float64),
            "labels": (("team", "risk-team"),),
            **more,
        }
    )


def down(error: str = "nobody is there", at: float = 101.0) -> Scrape:
    return Scrape("risk", "risk:9093", at, error=error)


@pytest.fixture
def live() -> Live:
    return Live({"risk": About("risk-team"), "capture": About("data", "push", 15.0)})


def told(live: Live, now: float = 102.0) -> tuple[Any, Any]:
    snapshot = json.loads(live.snapshot(now))
    return json.loads(live.series), snapshot


def test_every_sample_is_told_but_the_buckets_of_histograms(live: Live) -> None:
    live.take({"risk": [scrape(1.5, 2, 3, 4)]})
    series, snapshot = told(live)

    assert series["series"] == [
        ["orders_total", {"symbol": 'BTC-"USD"', "team": "risk-team", "service": "risk"}, "counter"],
        ["latency_count", {"team": "risk-team", "service": "risk"}, "histogram"],
        ["a_bucket", {"team": "risk-team", "service": "risk"}, "gauge"],
    ]
    assert snapshot["values"] == [1.5, 3, 4]
    assert snapshot["version"] == series["version"]


def test_what_is_no_number_is_told_as_text(live: Live) -> None:
    live.take({"risk": [scrape(float("nan"), 0, float("inf"), float("-inf"))]})

    assert told(live)[1]["values"] == ["NaN", "+Inf", "-Inf"]


def test_a_service_that_is_down_keeps_its_series_and_has_no_values(live: Live) -> None:
    live.take({"risk": [scrape(1, 2, 3, 4)]})
    before, _ = told(live)
    live.take({"risk": [down()]})
    series, snapshot = told(live)

    assert series == before
    assert snapshot["values"] == [None, None, None]
    assert snapshot["services"]["risk"] == {
        "up": False,
        "error": "nobody is there",
        "age": 1.5,
        "duration_ms": 0.0,
        "team": "risk-team",
        "mode": "scrape",
    }


def test_one_that_was_not_asked_yet_is_neither_up_nor_down(live: Live) -> None:
    snapshot = told(live)[1]

    assert snapshot["services"]["risk"]["up"] is None
    assert snapshot["services"]["risk"]["age"] is None
    assert snapshot["values"] == []


def test_the_version_changes_with_the_series_and_with_nothing_else(live: Live) -> None:
    live.take({"risk": [scrape(1, 2, 3, 4)]})
    first = told(live)[1]["version"]
    live.take({"risk": [scrape(5, 6, 7, 8)]})
    second = told(live)[1]["version"]
    live.take({"risk": [scrape(1.0, layout=Layout(LAYOUT.series[:1]))]})
    third = told(live)

    assert first == second != third[1]["version"]
    assert len(third[0]["series"]) == len(third[1]["values"]) == 1


def test_of_several_targets_each_is_told_and_the_worst_counts(live: Live) -> None:
    other: dict[str, Any] = {"target": "risk-2:9093"}
    live.take({"risk": [scrape(1, 2, 3, 4), scrape(5, 6, 7, 8, **other)]})
    live.take({"risk": [scrape(1, 2, 3, 4), Scrape("risk", "risk-2:9093", 101.0, error="away")]})
    series, snapshot = told(live)

    assert {each[1].get("instance") for each in series["series"]} == {"risk:9093", "risk-2:9093"}
    assert snapshot["values"] == [1, 3, 4, None, None, None]
    assert snapshot["services"]["risk"]["error"] == "away"


def test_a_service_that_pushes_is_up_until_pushes_are_missing(live: Live) -> None:
    assert told(live)[1]["services"]["capture"] == {
        "up": None, "error": "nothing has been pushed yet", "age": None, "duration_ms": 0.0, "team": "data",
        "mode": "push",
    }  # fmt: skip
    live.pushed(scrape(1, 2, 3, 4, service="capture", target="push", duration=0.0))

    assert told(live, 110.0)[1]["services"]["capture"]["up"] is True
    late = told(live, 146.0)[1]["services"]["capture"]
    assert (late["up"], late["error"]) == (False, "nothing has been pushed for 46 s")


def test_the_bridge_has_no_say_about_a_service_that_pushes(live: Live) -> None:
    live.take({"capture": [Scrape("capture", "", 100.0, error="no address")]})

    assert told(live)[1]["services"]["capture"]["up"] is None


def test_one_that_nobody_declared_is_shown_when_it_pushes(live: Live) -> None:
    live.pushed(scrape(1, 2, 3, 4, service="new", target="push"))

    assert told(live)[1]["services"]["new"]["mode"] == "push"


def test_simulated_numbers_are_said_to_be_so(live: Live) -> None:
    marked = Layout((*LAYOUT.series, Series(SIMULATED, (), "gauge")))
    live.take({"risk": [scrape(1, 2, 3, 4)]})
    assert told(live)[1]["simulated"] is False
    live.take({"risk": [scrape(1, 2, 3, 4, 1, layout=marked)]})
    assert told(live)[1]["simulated"] is True


def test_alerts_and_the_store_are_told_as_they_are(live: Live) -> None:
    live.show_alerts(Alerts(True, "", [{"alertname": "KillSwitch", "state": "firing"}]))
    live.show_store(State(False, "the disk is full", 12.345, 10, 4096))
    snapshot = told(live)[1]

    assert snapshot["alerts"] == {
        "evaluated": True, "reason": "", "active": [{"alertname": "KillSwitch", "state": "firing"}],
    }  # fmt: skip
    assert snapshot["store"] == {
        "writing": False, "reason": "the disk is full", "samples_per_second": 12.3, "bytes": 4096,
    }  # fmt: skip


def test_snapshots_are_numbered(live: Live) -> None:
    assert [told(live)[1]["sequence"] for _ in range(3)] == [1, 2, 3]
