"""Counters: what they take, what they drop, what they tell."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from sdk.instruments.reading import dropped, value
from tapewatch_sdk.instruments import InstrumentError, MetricsRegistry


class Unwilling:
    """A number that cannot be read."""

    def __float__(self) -> float:
        raise RuntimeError("not now")


NO_AMOUNTS = [-1, -1.0, -math.inf, math.nan, "1", b"1", None, [], 1j, 10**400, Unwilling()]


def test_a_counter_without_labels_is_there_from_the_start(registry: MetricsRegistry) -> None:
    registry.counter("orders_total", "Orders sent.")

    assert value(registry, "live_orders_total") == 0.0


def test_a_counter_is_exposed_with_total_whether_it_was_named_so_or_not(registry: MetricsRegistry) -> None:
    named, plain = registry.counter("orders_total"), registry.counter("orders")

    assert named is plain
    assert named.name == "live_orders_total"


@pytest.mark.parametrize("amount", [2, 2.0, Decimal(2), Fraction(4, 2), type("Two", (float,), {})(2)])
def test_every_kind_of_number_counts(registry: MetricsRegistry, amount: Any) -> None:
    orders = registry.counter("orders")
    by_venue = registry.counter("orders_by_venue", labels=["venue"])
    for update in (orders.inc, orders.labels().inc, by_venue.labels(venue="x").inc):
        update(amount)
        update()
    by_venue.inc(amount, {"venue": "x"})

    assert orders.get() == 6.0
    assert by_venue.get({"venue": "x"}) == 5.0
    assert type(orders.get()) is float


@pytest.mark.parametrize("amount", NO_AMOUNTS, ids=lambda amount: str(amount)[:12])
def test_an_amount_that_cannot_be_counted_is_dropped_and_counted(registry: MetricsRegistry, amount: Any) -> None:
    orders = registry.counter("orders")
    by_venue = registry.counter("by_venue", labels=["venue"])
    orders.inc(3)
    orders.inc(amount)
    orders.labels().inc(amount)
    by_venue.inc(amount, {"venue": "x"})

    assert orders.get() == 3.0
    assert dropped(registry, "live_orders_total", "value") == 2.0
    assert dropped(registry, "live_by_venue_total", "value") == 1.0


@pytest.mark.parametrize("amount", NO_AMOUNTS, ids=lambda amount: str(amount)[:12])
def test_strict_mode_raises_instead(strict: MetricsRegistry, amount: Any) -> None:
    orders = strict.counter("orders")
    with pytest.raises(InstrumentError) as raised:
        orders.inc(amount)
    with pytest.raises(InstrumentError):
        orders.labels().inc(amount)

    assert raised.value.problems[0].code == "instruments/bad-value"
    assert raised.value.problems[0].where.path == "live_orders_total"
    assert orders.get() == 0.0
    assert dropped(strict, "live_orders_total", "value") == 0.0


def test_an_infinite_amount_counts_as_with_prometheus_client(registry: MetricsRegistry) -> None:
    orders = registry.counter("orders")
    orders.inc(math.inf)

    assert orders.get() == math.inf


def test_collecting_gives_values_with_labels_and_time(registry: MetricsRegistry, monkeypatch: Any) -> None:
    orders = registry.counter("orders", labels=["venue", "side"])
    orders.inc(2, {"side": "buy", "venue": "kraken"})
    orders.inc(1, {"side": "sell", "venue": "kraken"})
    monkeypatch.setattr("time.time", lambda: 1700.5)

    assert [tuple(sample) for sample in orders.collect()] == [
        ("live_orders_total", {"side": "buy", "venue": "kraken"}, 2.0, 1700.5, None),
        ("live_orders_total", {"side": "sell", "venue": "kraken"}, 1.0, 1700.5, None),
    ]


def test_reading_a_series_that_was_never_used_does_not_make_it(registry: MetricsRegistry) -> None:
    orders = registry.counter("orders", labels=["venue"])

    assert orders.get({"venue": "kraken"}) == 0.0
    assert orders.collect() == []
