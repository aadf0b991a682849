"""Instruments: counters, gauges and histograms that trading code can afford to call.

    from tapewatch_sdk.instruments import MetricsRegistry

    registry = MetricsRegistry(prefix="live_trading")
    orders = registry.counter("orders_total", "Orders sent.", ["symbol"])
    btc = orders.labels(symbol="BTC-USD")  # bound to its labels, for hot paths
    btc.inc()

Registry protocol, naming and exposition are prometheus-client's, so that both live in one process and one `/metrics`.
Once an instrument is made, none of its methods raises, unless the registry is strict.
"""

from __future__ import annotations

from tapewatch_sdk.instruments.counter import Counter, CounterSeries
from tapewatch_sdk.instruments.errors import InstrumentError
from tapewatch_sdk.instruments.exemplar import ExemplarSource, set_exemplar_source
from tapewatch_sdk.instruments.exposition import (
    CONTENT_TYPE_OPENMETRICS,
    CONTENT_TYPE_TEXT,
    generate_openmetrics,
    generate_text,
)
from tapewatch_sdk.instruments.gauge import Gauge, GaugeSeries
from tapewatch_sdk.instruments.histogram import DEFAULT_BUCKETS, Histogram, HistogramSeries
from tapewatch_sdk.instruments.registry import (
    COLLECTION_ERRORS,
    DROPPED_UPDATES,
    REGISTRY,
    MetricsRegistry,
    default_registry,
)
from tapewatch_sdk.instruments.samples import Exemplar, HistogramValue, Sample
from tapewatch_sdk.instruments.timer import Timer

__all__ = [
    "COLLECTION_ERRORS",
    "CONTENT_TYPE_OPENMETRICS",
    "CONTENT_TYPE_TEXT",
    "DEFAULT_BUCKETS",
    "DROPPED_UPDATES",
    "REGISTRY",
    "Counter",
    "CounterSeries",
    "Exemplar",
    "ExemplarSource",
    "Gauge",
    "GaugeSeries",
    "Histogram",
    "HistogramSeries",
    "HistogramValue",
    "InstrumentError",
    "MetricsRegistry",
    "Sample",
    "Timer",
    "default_registry",
    "generate_openmetrics",
    "generate_text",
    "set_exemplar_source",
]
