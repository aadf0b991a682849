"""A small platform, against which expressions of the tests are held."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tapewatch.promql.lineage import check_expression
from tapewatch.promql.universe import Kind, Labels, RecordedSeries, Universe
from tapewatch_sdk.families import Family, MetricType
from tapewatch_sdk.problems import Problem

FAMILIES = (
    Family("ticks_total", MetricType.COUNTER, "market_data", ("symbol",)),
    Family("feed_connected", MetricType.GAUGE, "market_data"),
    Family("price_usd", MetricType.GAUGE, "market_data", ("symbol",)),
    Family("orders_total", MetricType.COUNTER, "execution", ("symbol", "side")),
    Family("placement_ms", MetricType.HISTOGRAM, "execution", ("symbol",), (1.0, 10.0, 50.0), "milliseconds"),
    Family("request_seconds", MetricType.SUMMARY, "execution", ("endpoint",)),
)
RECORDS = {
    "service:placement_ms:p99": RecordedSeries(Labels.of("environment", "service"), Kind.GAUGE, 50.0),
    "service:placement_ms_bucket:rate5m": RecordedSeries(Labels.of("service", "le"), Kind.BUCKET_RATE, 50.0),
    "service:orders:sum": RecordedSeries(Labels.of("service"), Kind.COUNTER),
}


@pytest.fixture
def universe() -> Universe:
    """Two services with a domain each, and three recording rules."""
    emits = {"market-data": frozenset(("market_data",)), "execution-engine": frozenset(("execution",))}
    return Universe({family.name: family for family in FAMILIES}, emits, records=RECORDS)


Check = Callable[..., list[Problem]]


@pytest.fixture
def check(universe: Universe) -> Check:
    """`check(expression, ...)` gives the findings."""
    return lambda expr, **options: check_expression(expr, universe, "Rule", **options)
