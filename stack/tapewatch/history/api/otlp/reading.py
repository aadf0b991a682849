"""An OTLP request from its bytes, and the answer to it. Protobuf is loaded by the first request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tapewatch.history.api.errors import ApiError
from tapewatch.history.api.otlp.schema import SCHEMA

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
        if not _is_shaped(found, SCHEMA):  # protobuf would take a text for an object without fields
            raise TypeError("there is something else where an object or a list belongs")
        return json_format.ParseDict(found, message, ignore_unknown_fields=True, max_recursion_depth=DEPTH)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        said = str(error)[:200]
        raise ApiError(400, "no_otlp", "the body is no OTLP request for metrics in JSON", [("body", said)]) from None


_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int, float),  # 1.0 is a whole number
    "number": (int, float),
    "null": (type(None),),
}
"""What JSON's types are in Python; a truth value is no number here, though Python takes it for one."""


def _is_shaped(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is as a schema says: protobuf takes a text for an object, and a truth value for a number."""
    if "anyOf" in schema:
        return any(_is_shaped(value, each) for each in schema["anyOf"])
    match schema.get("type"):
        case "object":
            known = schema["properties"]
            return isinstance(value, dict) and all(
                _is_shaped(each, known[name]) for name, each in value.items() if name in known
            )
        case "array":
            return isinstance(value, list) and all(_is_shaped(each, schema["items"]) for each in value)
    kinds = _KINDS.get(schema.get("type", ""))
    if kinds is None:
        return any(type(value) is type(each) and value == each for each in schema["enum"])
    return type(value) in kinds and _is_in_range(value, schema)


def _is_in_range(value: Any, schema: Mapping[str, Any]) -> bool:
    return "minimum" not in schema or bool(schema["minimum"] <= value <= schema["maximum"])


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
