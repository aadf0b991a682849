"""What every service says now, and the messages that tell a browser of it."""

from __future__ import annotations

from tapewatch.history.api.live.live import About, Alerts, Live
from tapewatch.history.api.live.messages import events_message, number, numbers

__all__ = ["About", "Alerts", "Live", "events_message", "number", "numbers"]
