"""An OTLP request from its bytes, and the answer to it. Protobuf is loaded by the first request."""

from __future__ import annotations

import json
from typing import Any

from tapewatch.history.api.errors import ApiError

__all__ = ["JSON", "PROTOBUF", "read", "response_of"]

JSON = "application/json"
PROTOBUF = "application/x-protobuf"

DEPTH = 40
"""Levels of a request in JSON; without nested attribute values there are ten."""


def read(body: bytes, content_type: str) -> Any:
    """An `ExportMetricsServiceRequest`.

    Parameters:
        body: unpacked.
        content_type: `JSON` or `PROTOBUF`.

    Raises:
        ApiError: it is none (400).
    """
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    if content_type == JSON:
        return _from_json(body, ExportMetricsServiceRequest())
    try:
        return ExportMetricsServiceRequest.FromString(body)
    except DecodeError:
        raise ApiError(400, "no_otlp", "the body is no OTLP request for metrics in protobuf") from None


def _from_json(body: bytes, message: Any) -> Any:
    from google.protobuf import json_format  # type: ignore[import-untyped]

    try:
        found = json.loads(body)
        if not isinstance(found, dict):  # an empty list would pass for an empty request
            raise TypeError("it is no object")
        return json_format.ParseDict(found, message, ignore_unknown_fields=True, max_recursion_depth=DEPTH)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        said = str(error)[:200]
        raise ApiError(400, "no_otlp", "the body is no OTLP request for metrics in JSON", [("body", said)]) from None


def response_of(refused: int, reason: str) -> bytes:
    """The answer in protobuf.

    Parameters:
        refused: points that were not taken.
        reason: why; empty when all were.
    """
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

    answer = ExportMetricsServiceResponse()
    if refused or reason:
        answer.partial_success.rejected_data_points = refused
        answer.partial_success.error_message = reason
    return bytes(answer.SerializeToString())
