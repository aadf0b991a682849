"""Logs: JSON lines from Python's own `logging`, with the trace and the correlation id, without secrets.

from tapewatch_sdk import logs

logs.configure_logs("risk-manager", environment="production")
log = logs.get_logger(__name__)

with logs.correlated():
    log.warning("limit nearly reached", extra={"symbol": "BTC-USD", "share": 0.93})

What is logged leaves the caller at once: a background thread writes to standard output, and sends to Loki by OTLP.
"""

from __future__ import annotations

from tapewatch_sdk.logs._configure import Logs, configure_logs, get_logger
from tapewatch_sdk.sending.outbox import Counts
from tapewatch_sdk.tracing.context import correlated, correlation_id

__all__ = ["Counts", "Logs", "configure_logs", "correlated", "correlation_id", "get_logger"]
