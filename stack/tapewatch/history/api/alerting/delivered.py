"""A message of Alertmanager's webhook as events and rows: that an alert was delivered, and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tapewatch.history.api.alerting.spans import key_of
from tapewatch.history.api.alerting.trail import event_id, is_drill, severity_of
from tapewatch.history.api.models import moment
from tapewatch.history.store import Batch
from tapewatch_sdk.collectors import Column, ColumnType, Row, Table
from tapewatch_sdk.events import Event, EventSeverity, EventType

__all__ = ["DELIVERIES", "delivered"]

DELIVERIES = Table(
    "alert_deliveries",
    (
        Column("timestamp", ColumnType.TIMESTAMP),
        Column("alertname", ColumnType.VARCHAR),
        Column("severity", ColumnType.VARCHAR),
        Column("service", ColumnType.VARCHAR),
        Column("team", ColumnType.VARCHAR),
        Column("status", ColumnType.VARCHAR),
        Column("receiver", ColumnType.VARCHAR),
        Column("starts_at", ColumnType.TIMESTAMP),
        Column("drill", ColumnType.BOOLEAN),
    ),
)
"""Every delivery, repetitions too; of an alert that is delivered again to the same receiver there is one event."""


def delivered(message: Mapping[str, Any], now: datetime | None = None) -> Batch:
    """What is to be stored of a message.

    Parameters:
        message: of the webhook, version 4, checked.
        now: when it came.
    """
    now = now or datetime.now(UTC)
    alerts = message["alerts"]
    return Batch(
        rows=[_row(message, each, now) for each in alerts], events=[_event(message, each, now) for each in alerts]
    )


def _row(message: Mapping[str, Any], alert: Mapping[str, Any], now: datetime) -> Row:
    labels = alert["labels"]
    return Row(
        DELIVERIES.name,
        {
            "timestamp": now,
            **{name: labels.get(name) for name in ("alertname", "severity", "service", "team")},
            "status": alert["status"],
            "receiver": message["receiver"],
            "starts_at": moment(alert["startsAt"]),
            "drill": is_drill(labels),
        },
    )


def _event(message: Mapping[str, Any], alert: Mapping[str, Any], now: datetime) -> Event:
    labels, receiver, firing = alert["labels"], message["receiver"], alert["status"] == "firing"
    kind = EventType.ALERT_FIRING if firing else EventType.ALERT_RESOLVED
    data = {
        "alertname": labels.get("alertname", ""),
        "labels": labels,
        "annotations": alert.get("annotations", {}),
        "delivered": True,
        "receiver": receiver,
        "starts_at": alert["startsAt"],
        **({"drill": True} if is_drill(labels) else {}),
    }
    return Event(
        kind,
        now,
        data,
        labels.get("service", ""),
        severity_of(labels) if firing else EventSeverity.INFO,
        event_id("delivered", kind, key_of(labels), alert["startsAt"], receiver),
    )
