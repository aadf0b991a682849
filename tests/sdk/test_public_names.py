"""What the SDK offers, name by name, and that having it costs nothing that a service does not need."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import tapewatch_sdk

PUBLIC = {
    "collectors": {"Collector", "Column", "ColumnType", "Cycle", "Reading", "Row", "Table", "Value"},
    "contract": {"API_VERSION", "Plugin"},
    "errors": {"PluginError", "ProblemsError", "TapewatchError", "ToolError"},
    "events": {
        "API_VERSION", "AUDIT_TYPES", "DEFAULT_BUS", "TRADE_TYPES", "BusStats", "Event", "EventBus", "EventSeverity",
        "EventSink", "EventType", "EventsRefusedError", "HttpSender", "SpoolStats", "SpooledSink", "SubscriberStats",
        "Subscription",
    },
    "exporters": {
        "DROPPED_BATCHES", "Batch", "Collects", "Connection", "Counts", "Destination", "Export", "Exporter",
        "FamilyPoints", "NotNowError", "Point", "PointsRefusedError", "PushExporter", "Pushing", "Source",
        "SummaryValue", "push",
    },
    "families": {"Family", "MetricType"},
    "instruments": {
        "COLLECTION_ERRORS", "CONTENT_TYPE_OPENMETRICS", "CONTENT_TYPE_TEXT", "DEFAULT_BUCKETS", "DROPPED_UPDATES",
        "REGISTRY", "Counter", "CounterSeries", "Exemplar", "ExemplarSource", "Gauge", "GaugeSeries", "Histogram",
        "HistogramSeries", "HistogramValue", "InstrumentError", "MetricsRegistry", "Sample", "Timer",
        "default_registry", "generate_openmetrics", "generate_text", "set_exemplar_source",
    },
    "loading": {"Found", "checked", "failure", "find", "load", "names"},
    "logs": {"Counts", "Logs", "configure_logs", "correlated", "correlation_id", "get_logger"},
    "plugins": {
        "API_VERSION", "GROUPS", "CatalogueView", "Check", "Collector", "Dashboard", "DashboardPack", "EventSink",
        "Exporter", "File", "Plugin", "Renderer", "Request", "RuleView", "RulesPack", "ServiceView",
    },
    "problems": {"Place", "Problem", "Severity"},
    "service": {"Service", "start_service"},
    "serving": {"Check", "Collects", "Server", "serve"},
    "streams": {
        "Arrival", "ArrivalKind", "Reconciliation", "SequenceTracker", "SequenceTrackers", "StreamStats", "TableCount",
    },
    "testing": {
        "Arrived", "CapturedEvents", "CheckSuite", "CollectorSuite", "DashboardSuite", "EventSinkSuite",
        "ExporterSuite", "FakeClock", "HttpReceiver", "Received", "RendererSuite", "RulesSuite", "Suite",
    },
    "tracing": {
        "Counts", "Kind", "TraceContext", "Tracing", "configure", "continued", "correlated", "correlation_id",
        "current", "current_exemplar", "inject", "span",
    },
    "typed": {
        "Declared", "Domain", "Labelled", "Summary", "SummarySeries", "SummaryValue", "counter", "gauge", "histogram",
        "summary",
    },
}  # fmt: skip

HEAVY = {
    "click", "cramjam", "duckdb", "fastapi", "google.protobuf", "grafanalib", "jinja2", "opentelemetry",
    "prometheus_client", "pydantic", "pytest", "requests", "rich", "yaml",
}  # fmt: skip

SERVES = {"service", "serving"}
"""What loads asyncio, because the server stands on it."""


def loaded_by(*modules: str) -> set[str]:
    """The modules that Python has loaded after importing these."""
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", PUBLIC)
def test_a_module_offers_these_names_and_no_others(module: str) -> None:
    loaded = import_module(f"tapewatch_sdk.{module}")

    assert set(loaded.__all__) == PUBLIC[module]
    assert all(hasattr(loaded, name) for name in loaded.__all__)


def test_the_sdk_itself_offers_the_one_call() -> None:
    assert set(tapewatch_sdk.__all__) == PUBLIC["service"]
    assert all(getattr(tapewatch_sdk, name).__name__ == name for name in tapewatch_sdk.__all__)
    with pytest.raises(AttributeError, match="module 'tapewatch_sdk' has no attribute 'start'"):
        _ = tapewatch_sdk.start  # type: ignore[attr-defined]


def test_importing_the_sdk_loads_none_of_its_modules() -> None:
    assert {name for name in loaded_by("tapewatch_sdk") if name.startswith("tapewatch")} == {"tapewatch_sdk"}


def test_importing_all_of_the_sdk_loads_nothing_heavy() -> None:
    assert HEAVY & loaded_by(*(f"tapewatch_sdk.{module}" for module in PUBLIC)) == set()


def test_asyncio_is_loaded_by_what_serves_alone() -> None:
    assert "asyncio" not in loaded_by(*(f"tapewatch_sdk.{module}" for module in PUBLIC.keys() - SERVES))


def test_the_sdk_imports_no_other_room() -> None:
    found = loaded_by(*(f"tapewatch_sdk.{module}" for module in PUBLIC), "tapewatch_sdk.names")

    assert {name.partition(".")[0] for name in found if name.startswith("tapewatch")} == {"tapewatch_sdk"}
