"""Histograms: buckets, sums, and what they drop."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from sdk.instruments.reading import dropped
from tapewatch_sdk.instruments import DEFAULT_BUCKETS, HistogramValue, InstrumentError, MetricsRegistry


def test_an_observation_falls_into_every_bucket_that_is_large_enough(registry: MetricsRegistry) -> None:
    latency = registry.histogram("latency_seconds", buckets=[1, 2, 5])
    for seconds in (0.5, 1, 1.0, 1.5, 5.0, 6, Decimal(2)):
        latency.observe(seconds)  # type: ignore[arg-type]

    assert latency.get() == HistogramValue(7.0, 17.0, {1.0: 3.0, 2.0: 5.0, 5.0: 6.0, math.inf: 7.0})


def test_collecting_gives_buckets_count_and_sum(registry: MetricsRegistry) -> None:
    latency = registry.histogram("latency_seconds", labels=["venue"], buckets=[1])
    latency.observe(0.25, {"venue": "x"})

    assert [(sample.name, sample.labels, sample.value) for sample in latency.collect()] == [
        ("live_latency_seconds_bucket", {"venue": "x", "le": "1.0"}, 1.0),
        ("live_latency_seconds_bucket", {"venue": "x", "le": "+Inf"}, 1.0),
        ("live_latency_seconds_count", {"venue": "x"}, 1.0),
        ("live_latency_seconds_sum", {"venue": "x"}, 0.25),
    ]


def test_the_default_buckets_are_those_of_prometheus(registry: MetricsRegistry) -> None:
    assert registry.histogram("latency_seconds").buckets == DEFAULT_BUCKETS


def test_a_histogram_of_negative_values_has_no_sum(registry: MetricsRegistry) -> None:
    slippage = registry.histogram("slippage", buckets=[-1, 0, 1])
    slippage.observe(-3)

    assert {sample.name for sample in slippage.collect()} == {"live_slippage_bucket", "live_slippage_count"}
    assert slippage.get().sum == -3.0


def test_nan_spoils_the_sum_and_falls_into_no_bucket(registry: MetricsRegistry) -> None:
    latency = registry.histogram("latency_seconds")
    latency.observe(1.0)
    latency.observe(math.nan)
    latency.labels().observe(math.nan)

    assert latency.get().count == 1.0
    assert math.isnan(latency.get().sum)


@pytest.mark.parametrize("infinite", [math.inf, -math.inf])
def test_infinities_have_a_bucket(registry: MetricsRegistry, infinite: float) -> None:
    latency = registry.histogram("latency_seconds", buckets=[1])
    latency.observe(infinite)

    assert latency.get() == HistogramValue(1.0, infinite, {1.0: float(infinite < 0), math.inf: 1.0})


@pytest.mark.parametrize("nothing", ["1", None, 10**400], ids=["text", "none", "too-large"])
def test_what_is_no_number_is_dropped_and_counted(registry: MetricsRegistry, nothing: Any) -> None:
    latency = registry.histogram("latency_seconds")
    latency.observe(nothing)
    latency.labels().observe(nothing)

    assert latency.get() == HistogramValue(0.0, 0.0, dict.fromkeys(DEFAULT_BUCKETS, 0.0))
    assert dropped(registry, "live_latency_seconds", "value") == 2.0


def test_strict_mode_raises_instead(strict: MetricsRegistry) -> None:
    latency: Any = strict.histogram("latency_seconds")
    with pytest.raises(InstrumentError, match="was given 'long'"):
        latency.observe("long")


@pytest.mark.parametrize("buckets", [[], [math.inf], [2, 1], [1, 1], [1, math.nan], ["one"], [math.inf, 1], [None]])
def test_buckets_that_are_none_are_refused(registry: MetricsRegistry, buckets: Any) -> None:
    with pytest.raises(InstrumentError) as raised:
        registry.histogram("latency_seconds", buckets=buckets)

    assert raised.value.problems[0].code == "instruments/bad-buckets"
    assert registry.instruments() == []


def test_reading_a_series_that_was_never_used_gives_zeros_and_does_not_make_it(registry: MetricsRegistry) -> None:
    latency = registry.histogram("latency_seconds", labels=["venue"], buckets=[1])

    assert latency.get({"venue": "x"}) == HistogramValue(0.0, 0.0, {1.0: 0.0, math.inf: 0.0})
    assert latency.collect() == []
