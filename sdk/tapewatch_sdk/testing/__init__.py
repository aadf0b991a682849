"""For tests: a suite for each kind of plugin, which its author runs in their own pytest, and receivers for them.

    from tapewatch_sdk.testing import RendererSuite

    class TestInventory(RendererSuite):
        plugin = Inventory

The fixtures `tapewatch_registry`, `tapewatch_events`, `tapewatch_clock` and `tapewatch_metrics_server` need no import:
pytest finds them, see `tapewatch_sdk.testing.fixtures`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tapewatch_sdk.testing.check import CheckSuite
    from tapewatch_sdk.testing.clock import FakeClock
    from tapewatch_sdk.testing.collector import CollectorSuite
    from tapewatch_sdk.testing.dashboards import DashboardSuite
    from tapewatch_sdk.testing.event_sink import EventSinkSuite
    from tapewatch_sdk.testing.events import CapturedEvents
    from tapewatch_sdk.testing.exporter import Arrived, ExporterSuite
    from tapewatch_sdk.testing.receivers import HttpReceiver, Received
    from tapewatch_sdk.testing.renderer import RendererSuite
    from tapewatch_sdk.testing.rules import RulesSuite
    from tapewatch_sdk.testing.suite import Suite

__all__ = [
    "Arrived",
    "CapturedEvents",
    "CheckSuite",
    "CollectorSuite",
    "DashboardSuite",
    "EventSinkSuite",
    "ExporterSuite",
    "FakeClock",
    "HttpReceiver",
    "Received",
    "RendererSuite",
    "RulesSuite",
    "Suite",
]

_HOMES = {
    "Arrived": "exporter",
    "CapturedEvents": "events",
    "CheckSuite": "check",
    "CollectorSuite": "collector",
    "DashboardSuite": "dashboards",
    "EventSinkSuite": "event_sink",
    "ExporterSuite": "exporter",
    "FakeClock": "clock",
    "HttpReceiver": "receivers",
    "Received": "receivers",
    "RendererSuite": "renderer",
    "RulesSuite": "rules",
    "Suite": "suite",
}


def __getattr__(name: str) -> Any:
    # Every run of pytest where the SDK is installed comes by here, so that nothing is loaded before it is used.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
