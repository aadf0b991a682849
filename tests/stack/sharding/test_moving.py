"""How long an alert remembers: as long as its expression looks back, and as long as its condition must hold."""

from __future__ import annotations

from typing import Any

import pytest

from tapewatch.sharding.moving import memory_of


def alert(expr: str, **more: str) -> dict[str, Any]:
    return {"alert": "A", "expr": expr, **more}


@pytest.mark.parametrize(
    ("expr", "seconds"),
    [
        ("x > 1", 0),
        ("rate(x[5m]) > 1", 300),
        ("x offset 10m > 1", 600),
        ("x offset -10m > 1", 0),
        ("rate(x[5m] offset 1h) > x", 3900),
        ("max_over_time(rate(x[5m])[30m:1m]) > 1", 2100),
        ("max_over_time(rate(x[5m])[30m:1m] offset 1h) > 1", 5700),
        ("sum by (service) (rate(x[1m])) / on (service) (rate(y[2m]))", 120),
        ("quantile(scalar(avg_over_time(y[1h])), x)", 3600),
    ],
)
def test_an_expression_looks_back_over_its_longest_way(expr: str, seconds: float) -> None:
    assert memory_of([alert(expr)]) == (seconds, "A")


def test_what_it_waits_and_what_it_keeps_on_is_added() -> None:
    assert memory_of([alert("rate(x[5m]) > 1", **{"for": "2m", "keep_firing_for": "10m"})]) == (1020, "A")


def test_a_recorded_series_remembers_as_long_as_what_it_was_made_of() -> None:
    rules = [
        {"record": "a", "expr": "rate(x[5m])"},
        {"record": "b", "expr": "max_over_time(a[10m]) or b offset 1m"},
        alert("b > 1"),
        {"alert": "B", "expr": "x[7m] > 1"},
    ]

    assert memory_of(rules) == (900, "A")


def test_without_alerts_nothing_remembers() -> None:
    assert memory_of([{"record": "a", "expr": "rate(x[5m])"}]) == (0, "")
