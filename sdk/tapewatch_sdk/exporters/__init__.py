"""Takes the values of instruments to where nobody comes to scrape them: OTLP, remote write, StatsD, or one's own.

    from tapewatch_sdk.exporters import push

    pushing = push(service="capture-pipeline", team="data", environment="production")

Where to is in the environment: `GRAFANA_PUSH_URL`. What an exporter needs is loaded once a URL asks for it.
"""

from __future__ import annotations

from tapewatch_sdk.exporters._losses import DROPPED_BATCHES
from tapewatch_sdk.exporters._push import Pushing, push
from tapewatch_sdk.exporters._pushing import PushExporter
from tapewatch_sdk.exporters.contract import (
    Batch,
    Collects,
    Connection,
    Counts,
    Destination,
    Export,
    Exporter,
    FamilyPoints,
    NotNowError,
    Point,
    PointsRefusedError,
    Source,
    SummaryValue,
)

__all__ = [
    "DROPPED_BATCHES",
    "Batch",
    "Collects",
    "Connection",
    "Counts",
    "Destination",
    "Export",
    "Exporter",
    "FamilyPoints",
    "NotNowError",
    "Point",
    "PointsRefusedError",
    "PushExporter",
    "Pushing",
    "Source",
    "SummaryValue",
    "push",
]
