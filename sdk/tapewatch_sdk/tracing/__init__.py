"""Traces: spans, and the context that carries them from service to service.

    from tapewatch_sdk import tracing

    tracing.configure("risk-manager", team="risk", environment="production")

    with tracing.continued(request.headers), tracing.span("check limit", kind="server", symbol=symbol):
        headers = tracing.inject()

Importing this loads no OpenTelemetry; `configure` does when there is an endpoint to send to.
"""

from __future__ import annotations

from tapewatch_sdk.sending.outbox import Counts
from tapewatch_sdk.tracing._configure import Tracing, configure
from tapewatch_sdk.tracing._span import Kind, current, current_exemplar, span
from tapewatch_sdk.tracing.context import TraceContext, correlated, correlation_id
from tapewatch_sdk.tracing.propagation import continued, inject

__all__ = [
    "Counts",
    "Kind",
    "TraceContext",
    "Tracing",
    "configure",
    "continued",
    "correlated",
    "correlation_id",
    "current",
    "current_exemplar",
    "inject",
    "span",
]
