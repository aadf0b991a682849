"""Log lines as OpenTelemetry's log records. It is loaded once an endpoint is known."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TraceFlags
from opentelemetry.util.types import AnyValue

from tapewatch_sdk.logs._entry import Entry, level_name
from tapewatch_sdk.sending.otlp import OtlpSender
from tapewatch_sdk.sending.outbox import Refused

__all__ = ["RecordSender", "record_of"]

_SEVERITIES: Mapping[str, SeverityNumber] = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}

_SCOPE = InstrumentationScope("tapewatch_sdk")


class RecordSender:
    """Sends log lines by OTLP.

    Parameters:
        endpoint: whole URL of the receiver.
        headers: further headers of each request.
        resource: attributes of all lines.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], resource: Mapping[str, str]) -> None:
        self._resource = Resource(dict(resource))
        self._sender: OtlpSender[ReadableLogRecord] = OtlpSender(
            lambda session: OTLPLogExporter(endpoint=endpoint, session=session), headers
        )

    def send(self, batch: Sequence[Entry], /) -> None:
        """Sends a batch; raises as `OtlpSender.send` does."""
        try:
            records = [record_of(entry, self._resource) for entry in batch]
        except Exception as error:
            raise Refused(f"{type(error).__name__}: {error}") from error
        self._sender.send(records)


def record_of(entry: Entry, resource: Resource) -> ReadableLogRecord:
    """An entry as OpenTelemetry has it: the message is the body, all else are attributes."""
    level = level_name(entry.level)
    trace_id, span_id = entry.trace.numbers if entry.trace else (0, 0)
    sampled = entry.trace is not None and entry.trace.sampled
    record = LogRecord(
        timestamp=int(entry.seconds * 1_000_000_000),
        observed_timestamp=time.time_ns(),
        trace_id=trace_id,
        span_id=span_id,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT),
        severity_text=level.upper(),
        severity_number=_SEVERITIES[level],
        body=entry.message,
        attributes=_attributes(entry, level),
    )
    return ReadableLogRecord(record, resource, _SCOPE)


def _attributes(entry: Entry, level: str) -> dict[str, AnyValue]:
    found: dict[str, AnyValue] = {name: _flat(value) for name, value in entry.fields.items()}
    found |= {f"exception.{name}": value for name, value in entry.exception.items()}
    found |= {"level": level, "logger": entry.logger}
    if entry.correlation:
        found["correlation_id"] = entry.correlation
    return found


def _flat(value: object) -> AnyValue:
    """What is nested, as JSON: searchable as one field."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str | bool | int | float) else str(value)
