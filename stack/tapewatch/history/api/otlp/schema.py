"""The JSON form of an OTLP request for metrics, as far as it is read, for the OpenAPI page."""

from __future__ import annotations

from collections.abc import Mapping
from sys import float_info
from typing import Any

__all__ = ["SCHEMA"]

Schema = Mapping[str, Any]

_LARGEST = 2**63 - 1_024
"""The largest whole number of 64 bits that every reader of JSON has exactly; what is larger is sent as text."""

_DIGITS = {"type": "string", "pattern": "^[0-9]{1,19}$"}
_WHOLE = {"anyOf": [{"type": "integer", "minimum": 0, "maximum": _LARGEST}, _DIGITS]}
_SIGNED = {
    "anyOf": [
        {"type": "integer", "minimum": -_LARGEST, "maximum": _LARGEST},
        {"type": "string", "pattern": "^-?([0-9]{1,18}|[1-8][0-9]{18})$"},
    ]
}
_DOUBLE = {
    "anyOf": [
        {"type": "number", "minimum": -float_info.max, "maximum": float_info.max},
        {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]},
    ]
}
_TEMPORALITY = {
    "enum": [0, 1, 2, *(f"AGGREGATION_TEMPORALITY_{each}" for each in ("UNSPECIFIED", "DELTA", "CUMULATIVE"))],
}


def _object(**properties: Any) -> Schema:
    """An object of protobuf's JSON: what is left out, or null, has its default."""
    nullable = {name: {"anyOf": [schema, {"type": "null"}]} for name, schema in properties.items()}
    return {"type": "object", "properties": nullable}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _at_most_one(*names: str) -> list[Schema]:
    """What stands behind `oneOf`; as protobuf has it, there may be none."""
    each: list[Schema] = [{"required": [name]} for name in names]
    return [*each, {"not": {"anyOf": each}}]


_VALUES = ("stringValue", "boolValue", "intValue", "doubleValue")
_ATTRIBUTES = _list(
    _object(
        key={"type": "string"},
        value={
            **_object(
                stringValue={"type": "string"}, boolValue={"type": "boolean"}, intValue=_SIGNED, doubleValue=_DOUBLE
            ),
            "oneOf": _at_most_one(*_VALUES),
        },
    )
)
_POINT: Schema = {
    "attributes": _ATTRIBUTES,
    "startTimeUnixNano": _WHOLE,
    "timeUnixNano": _WHOLE,
    "flags": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
}
_NUMBERS = _list(
    {
        **_object(**_POINT, asDouble=_DOUBLE, asInt=_SIGNED),
        "oneOf": _at_most_one("asDouble", "asInt"),
    }
)
_HISTOGRAMS = _list(
    _object(**_POINT, count=_WHOLE, sum=_DOUBLE, bucketCounts=_list(_WHOLE), explicitBounds=_list(_DOUBLE))
)
_SUMMARIES = _list(
    _object(**_POINT, count=_WHOLE, sum=_DOUBLE, quantileValues=_list(_object(quantile=_DOUBLE, value=_DOUBLE)))
)
_METRIC = {
    **_object(
        name={"type": "string"},
        description={"type": "string"},
        unit={"type": "string"},
        gauge=_object(dataPoints=_NUMBERS),
        sum=_object(dataPoints=_NUMBERS, aggregationTemporality=_TEMPORALITY, isMonotonic={"type": "boolean"}),
        histogram=_object(dataPoints=_HISTOGRAMS, aggregationTemporality=_TEMPORALITY),
        summary=_object(dataPoints=_SUMMARIES),
    ),
    "oneOf": _at_most_one("gauge", "sum", "histogram", "summary"),
}

SCHEMA: Schema = _object(
    resourceMetrics=_list(
        _object(
            resource=_object(attributes=_ATTRIBUTES),
            scopeMetrics=_list(_object(metrics=_list(_METRIC))),
        )
    ),
)
"""`ExportMetricsServiceRequest`; exemplars and exponential histograms are not kept."""
