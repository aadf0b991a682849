"""Gauges: what they take, what they drop, what they tell."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from sdk.instruments.reading import dropped, value
from tapewatch_sdk.instruments import InstrumentError, MetricsRegistry


def test_a_gauge_goes_up_and_down_from_what_was_set(registry: MetricsRegistry) -> None:
    position = registry.gauge("position")
    position.set(10)
    position.inc(2.5)
    position.dec()
    position.inc(-3)

    assert position.get() == 8.5
    assert value(registry, "live_position") == 8.5


def test_what_is_set_last_holds(registry: MetricsRegistry) -> None:
    position = registry.gauge("position")
    position.inc(5)
    position.set(1.0)
    assert position.get() == 1.0

    position.labels().set(2)
    assert position.get() == 2.0


def test_each_series_has_its_own_value(registry: MetricsRegistry) -> None:
    position = registry.gauge("position", labels=["symbol"])
    position.set(1.5, {"symbol": "A"})
    position.set(1, {"symbol": "B"})
    position.inc(4, {"symbol": "B"})
    position.dec(1, {"symbol": "C"})

    assert [sample.value for sample in position.collect()] == [1.5, 5.0, -1.0]
    assert position.get({"symbol": "unseen"}) == 0.0


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, Decimal("1.5"), True])
def test_everything_that_float_knows_is_a_value(registry: MetricsRegistry, number: Any) -> None:
    position = registry.gauge("position")
    position.set(number)

    assert repr(position.get()) == repr(float(number))


@pytest.mark.parametrize("nothing", ["1", None, 10**400, object()], ids=["text", "none", "too-large", "object"])
def test_what_is_no_number_is_dropped_and_counted(registry: MetricsRegistry, nothing: Any) -> None:
    position = registry.gauge("position")
    position.set(7)
    for update in (position.set, position.inc, position.dec):
        update(nothing)

    assert position.get() == 7.0
    assert dropped(registry, "live_position", "value") == 3.0


def test_strict_mode_raises_instead(strict: MetricsRegistry) -> None:
    position: Any = strict.gauge("position")
    for update in (position.set, position.inc, position.dec):
        with pytest.raises(InstrumentError, match="was given 'much'"):
            update("much")


def test_sums_round_as_they_do_in_prometheus_client(registry: MetricsRegistry) -> None:
    """0.1 + 0.2 + 0.3 depends on the order; ours is the order of the calls."""
    position = registry.gauge("position")
    position.set(0.1)
    position.inc(0.2)
    position.inc(0.3)

    assert position.get() == 0.1 + 0.2 + 0.3
