"""Events as the JSON that a spool keeps."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tapewatch_sdk.events.event import Event

__all__ = ["decoded", "encoded", "remark"]

LARGEST = 1 << 16
"""Bytes that one event may take; a receiver has its limits too."""

KEPT = 1 << 12
"""Characters of its data that are kept of a larger one."""


def encoded(event: Event) -> bytes:
    """An event as one line of JSON. Of data that is too large the beginning is kept, as text under the key `cut`."""
    found = event.to_dict()
    line = _dumped(found)
    if len(line) > LARGEST:
        data = _dumped(found["data"])
        found["source"] = found["source"][:KEPT]
        found["data"] = {"cut": data[:KEPT].decode(), "bytes": len(data)}
        line = _dumped(found)
    return line


def _dumped(found: Any) -> bytes:
    return json.dumps(found, separators=(",", ":")).encode("ascii")


def decoded(line: bytes) -> Event | None:
    """The event of a line, also of one that a newer version has written; None when it is none."""
    try:
        found = json.loads(line)
        return Event(
            event_type=found["event_type"],
            timestamp=datetime.fromisoformat(found["timestamp"]),
            data=found["data"],
            source=found["source"],
            severity=found["severity"],
            id=found["id"],
        )
    except (KeyError, TypeError, ValueError):
        return None


def remark(reason: str, **what: Any) -> bytes:
    """A line that says why an event, or a line that should have been one, was set aside."""
    return _dumped({"reason": reason, **what}) + b"\n"
