"""A whole service with one call: metrics, health, traces, logs, events, pushing.

    from tapewatch_sdk import start_service

    service = start_service("risk-manager", port=9093, team="risk")
    orders = service.registry.counter("orders_total", "Orders sent.", ["symbol"])

Everything that it starts can be started alone, too: `serving`, `tracing`, `logs`, `events`, `exporters`.

| module | what |
|---|---|
| _start | puts a service together, all of it or nothing |
| _service | the running service, and its end |
| _signals | SIGTERM |
| _counting | what became of spans, lines and events, as metrics |
| _audit | the spool of the audit trail |
"""

from __future__ import annotations

from tapewatch_sdk.service._service import Service
from tapewatch_sdk.service._start import start_service

__all__ = ["Service", "start_service"]
