"""A batch as OTLP's request, and what the answer says. This module loads protobuf and OpenTelemetry's messages."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    DataPointFlags,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)

from tapewatch_sdk.exporters._classic import has_sum
from tapewatch_sdk.exporters._http import Poster
from tapewatch_sdk.exporters._known import Known
from tapewatch_sdk.exporters.contract import (
    Batch,
    Destination,
    FamilyPoints,
    Point,
    PointsRefusedError,
    SummaryValue,
)
from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments import Exemplar, HistogramValue

__all__ = ["OtlpConnection", "request_of"]

_NO_VALUE = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK


class OtlpConnection:
    """A connection to an OTLP receiver.

    Parameters:
        destination: where it is.
    """

    def __init__(self, destination: Destination) -> None:
        self._poster = Poster(destination, {"Content-Type": "application/x-protobuf"})
        self._known: Known[bytes] = Known()

    def send(self, batch: Batch) -> None:
        """Send a batch."""
        number, reason = _refused(self._poster.post(self.encoded(batch)))
        if number:
            raise PointsRefusedError(f"{number} points of it: {reason:.200}")

    def encoded(self, batch: Batch) -> bytes:
        """The body of the request for a batch."""
        return bytes(request_of(batch, self._known).SerializeToString())

    def close(self) -> None:
        """There is nothing to give back."""


def _refused(answer: bytes) -> tuple[int, str]:
    """How many points were not taken, and why.

    Raises:
        PointsRefusedError: this is no answer of an OTLP receiver.
    """
    try:
        if answer.startswith(b"{"):  # some answer in JSON, whatever they were sent
            told = json.loads(answer).get("partialSuccess", {})
            return int(told.get("rejectedDataPoints", 0)), str(told.get("errorMessage", ""))
        refused = ExportMetricsServiceResponse.FromString(answer).partial_success
    except (DecodeError, ValueError, TypeError, AttributeError):
        raise PointsRefusedError(f"this is no answer of an OTLP receiver: {answer[:80]!r}") from None
    return refused.rejected_data_points, refused.error_message


def request_of(batch: Batch, known: Known[bytes] | None = None) -> ExportMetricsServiceRequest:
    """The request for a batch.

    All points carry the service's labels themselves, and the resource carries nothing: a server that promotes no
    attributes of resources keeps them, and no `service.name` becomes `job`. No metric has a unit, of which a server
    would make a suffix of the name.

    Parameters:
        batch: the batch.
        known: the encoded attributes of the batch before: most of the work is done once for each series.
    """
    known = Known() if known is None else known
    known.begin()
    request = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    now, started = _nanoseconds(batch.timestamp), _nanoseconds(batch.started)
    for families, flags in ((batch.families, 0), (batch.gone, _NO_VALUE)):
        for family in families:
            metric = metrics.add(name=family.name, description=family.description)
            points, attributes = _points(metric, family), _ATTRIBUTES.get(family.type, _of_number)
            for point in family.points:
                made = points.add(time_unix_nano=now, flags=flags)
                if family.type is not MetricType.GAUGE:
                    made.start_time_unix_nano = min(started, now)
                made.MergeFromString(known.of(point.labels, attributes))
                _fill(made, point, bool(flags))
    return request


def _points(metric: Metric, family: FamilyPoints) -> Any:
    """The list that takes the points of a family."""
    match family.type:
        case MetricType.COUNTER:
            metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            metric.sum.is_monotonic = True
            return metric.sum.data_points
        case MetricType.HISTOGRAM:
            metric.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            return metric.histogram.data_points
        case MetricType.SUMMARY:
            return metric.summary.data_points
        case _:
            return metric.gauge.data_points


def _encoded(point: Any, labels: Mapping[str, str]) -> bytes:
    """An empty point with these attributes."""
    for name, value in labels.items():
        point.attributes.add(key=name).value.string_value = value
    return bytes(point.SerializeToString())


def _of_number(labels: Mapping[str, str]) -> bytes:
    return _encoded(NumberDataPoint(), labels)


_ATTRIBUTES: Mapping[MetricType, Callable[[Mapping[str, str]], bytes]] = {
    MetricType.HISTOGRAM: lambda labels: _encoded(HistogramDataPoint(), labels),
    MetricType.SUMMARY: lambda labels: _encoded(SummaryDataPoint(), labels),
}


def _fill(made: Any, point: Point, gone: bool) -> None:
    value = point.value
    if isinstance(value, HistogramValue):
        # Counts are whole numbers; those of each bucket by itself, where ours are of all up to it.
        counts = [0, *(round(count) for count in value.buckets.values())]
        made.explicit_bounds.extend([bound for bound in value.buckets if bound != math.inf])
        made.bucket_counts.extend([max(0, count - less) for less, count in pairwise(counts)])
        made.count = counts[-1]
        if has_sum(value):
            made.sum = value.sum
    elif isinstance(value, SummaryValue):
        made.count, made.sum = round(value.count), value.sum
        for quantile, number in value.quantiles.items():
            made.quantile_values.add(quantile=quantile, value=number)
        return
    elif not gone:
        made.as_double = value
    if point.exemplars and not gone:
        _exemplars(made.exemplars, point.exemplars.values())


def _exemplars(to: Any, exemplars: Iterable[Exemplar]) -> None:
    for each in exemplars:
        made = to.add(time_unix_nano=_nanoseconds(each.timestamp), as_double=each.value)
        made.trace_id, made.span_id = _id(each.labels, "trace_id", 16), _id(each.labels, "span_id", 8)
        for name, value in each.labels.items():
            if not (name == "trace_id" and made.trace_id) and not (name == "span_id" and made.span_id):
                made.filtered_attributes.add(key=name).value.string_value = value


def _id(labels: Mapping[str, str], name: str, length: int) -> bytes:
    """An id in OpenTelemetry's form; empty where there is none of that length."""
    try:
        found = bytes.fromhex(labels.get(name, ""))
    except ValueError:
        return b""
    return found if len(found) == length else b""


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1000) * 1_000_000
