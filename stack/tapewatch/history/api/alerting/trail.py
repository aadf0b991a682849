"""From alerts to events of the audit trail. Whoever sees the same change gives its event the same id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tapewatch.history.api.alerting.spans import Key
from tapewatch_sdk.events import Event, EventSeverity, EventType

__all__ = ["DRILL", "event_id", "fired", "is_drill", "resolved", "severity_of"]

DRILL = "drill-"
"""How the services begin that `tapewatch drill` lets alerts fire for."""

_SEVERITIES = {
    "critical": EventSeverity.CRITICAL,
    "high": EventSeverity.ERROR,
    "medium": EventSeverity.WARNING,
}


def fired(labels: Key, active: int, at: float, annotations: Mapping[str, str] | None = None) -> Event:
    """The event of an alert that began to fire.

    Parameters:
        labels: of the alert.
        active: since when its condition held, in whole seconds of Unix time.
        at: when it was first seen firing.
        annotations: of the alert, if they are known.
    """
    return _event(EventType.ALERT_FIRING, labels, active, at, severity_of(dict(labels)), annotations or {})


def resolved(labels: Key, active: int, at: float) -> Event:
    """The event of an alert that fires no more; the parameters are those of `fired`."""
    return _event(EventType.ALERT_RESOLVED, labels, active, at, EventSeverity.INFO, {})


def _event(
    kind: EventType, labels: Key, active: int, at: float, severity: EventSeverity, annotations: Mapping[str, str]
) -> Event:
    named = dict(labels)
    data: dict[str, Any] = {
        "alertname": named.get("alertname", ""),
        "labels": named,
        "active_at": datetime.fromtimestamp(active, UTC).isoformat(),
        **({"annotations": dict(annotations)} if annotations else {}),
        **({"drill": True} if is_drill(named) else {}),
    }
    return Event(
        kind,
        datetime.fromtimestamp(at, UTC),
        data,
        named.get("service", ""),
        severity,
        event_id(kind, labels, str(active)),
    )


def event_id(*parts: Any) -> str:
    """An id made of what an event is about: a UUID of version 8, whose bits are free to choose (RFC 9562)."""
    bits = hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()
    return f"{bits[:8]}-{bits[8:12]}-8{bits[13:16]}-8{bits[17:20]}-{bits[20:32]}"


def is_drill(labels: Mapping[str, str]) -> bool:
    """Whether an alert is one of a drill."""
    return labels.get("service", "").startswith(DRILL)


def severity_of(labels: Mapping[str, str]) -> EventSeverity:
    """How bad an alert is, in the words of events."""
    return _SEVERITIES.get(labels.get("severity", ""), EventSeverity.WARNING)
