"""A batch as the write request of Prometheus remote write 1.0. This module loads protobuf and cramjam."""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping
from typing import Any

import cramjam
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto  # type: ignore[import-untyped]
from google.protobuf.descriptor_pool import DescriptorPool  # type: ignore[import-untyped]
from google.protobuf.message_factory import GetMessageClass  # type: ignore[import-untyped]

from tapewatch_sdk.exporters._classic import singles
from tapewatch_sdk.exporters._http import Poster
from tapewatch_sdk.exporters._known import Known
from tapewatch_sdk.exporters.contract import Batch, Destination, FamilyPoints
from tapewatch_sdk.families import MetricType

__all__ = ["STALE", "WriteConnection", "WriteRequest", "request_of"]

METADATA_EVERY = 60.0
"""Seconds from one telling of types and descriptions to the next; Prometheus tells them as often."""

STALE: float = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""The NaN by which Prometheus knows that a series has ended."""

_HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}

_KINDS = {MetricType.COUNTER: 1, MetricType.GAUGE: 2, MetricType.HISTOGRAM: 3, MetricType.SUMMARY: 5}
"""`MetricMetadata.MetricType`."""

_MESSAGES = {
    "Label": {"name": "string", "value": "string"},
    "Sample": {"value": "double", "timestamp": "int64"},
    "Exemplar": {"labels": "Label", "value": "double", "timestamp": "int64"},
    "TimeSeries": {"labels": "Label", "samples": "Sample", "exemplars": "Exemplar"},
    "MetricMetadata": {"type": "int32", "metric_family_name": "string", "": "", "help": "string", "unit": "string"},
    "WriteRequest": {"timeseries": "TimeSeries", "": "", "metadata": "MetricMetadata"},
}
"""Prometheus's `remote.proto` and `types.proto`, as far as they are needed; fields are numbered in their order, and an
empty name leaves a number out. An enumeration is an int32 on the wire."""


def _write_request() -> Any:
    """The class of the request, in a pool of its own: other packages bring messages of the same names."""
    file = FileDescriptorProto(name="tapewatch_remote_write.proto", package="prometheus", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), 1):
            if not field:
                continue
            made = message.field.add(name=field, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
            if kind in _MESSAGES:
                made.label, made.type = FieldDescriptorProto.LABEL_REPEATED, FieldDescriptorProto.TYPE_MESSAGE
                made.type_name = f".prometheus.{kind}"
            else:
                made.type = getattr(FieldDescriptorProto, f"TYPE_{kind.upper()}")
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))


WriteRequest: Any = _write_request()
_TimeSeries: Any = type(WriteRequest().timeseries.add())
"""The messages."""

Prefixes = dict[tuple[str, str], bytes]
"""The encoded labels of each single series of a point, by what tells them apart."""


class WriteConnection:
    """A connection to a remote write receiver.

    Parameters:
        destination: where it is.
    """

    def __init__(self, destination: Destination) -> None:
        self._poster = Poster(destination, _HEADERS)
        self._known: Known[Prefixes] = Known()
        self._told = float("-inf")

    def send(self, batch: Batch) -> None:
        """Send a batch."""
        now = time.monotonic()
        tell = now - self._told >= METADATA_EVERY
        self._poster.post(self.encoded(batch, metadata=tell))
        if tell:
            self._told = now

    def encoded(self, batch: Batch, *, metadata: bool = True) -> bytes:
        """The body of the request for a batch; the parameters are those of `request_of`."""
        request = request_of(batch, self._known, metadata=metadata)
        return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))

    def close(self) -> None:
        """There is nothing to give back."""


def request_of(batch: Batch, known: Known[Prefixes] | None = None, *, metadata: bool = True) -> Any:
    """The request for a batch; a series that is no more gets a stale marker, as after a scrape that lacks it.

    Parameters:
        batch: the batch.
        known: the encoded labels of the batch before: most of the work is done once for each series.
        metadata: whether types and descriptions are told.
    """
    known = Known() if known is None else known
    known.begin()
    request = WriteRequest()
    milliseconds = round(batch.timestamp * 1000)
    for family in batch.families:
        _add(request, family, milliseconds, known)
        if metadata:
            kind = _KINDS[family.type]
            request.metadata.add(type=kind, metric_family_name=family.name, help=family.description)
    for family in batch.gone:
        _add(request, family, milliseconds, known, gone=True)
    return request


def _add(request: Any, family: FamilyPoints, milliseconds: int, known: Known[Prefixes], *, gone: bool = False) -> None:
    add = request.timeseries.add
    for point in family.points:
        prefixes = known.of(point.labels, _no_prefixes)
        for suffix, label, label_value, value, exemplar in singles(point):
            key = (suffix, label_value)
            prefix = prefixes.get(key)
            if prefix is None:
                prefix = prefixes[key] = _encoded(point.labels, family.name + suffix, label, label_value)
            series = add()
            series.MergeFromString(prefix)
            series.samples.add(value=STALE if gone else value, timestamp=milliseconds)
            if exemplar and not gone:
                told = series.exemplars.add(value=exemplar.value, timestamp=round(exemplar.timestamp * 1000))
                _label(told, exemplar.labels)


def _no_prefixes(_: Mapping[str, str]) -> Prefixes:
    return {}


def _encoded(labels: Mapping[str, str], name: str, label: str, label_value: str) -> bytes:
    """A series without samples."""
    series = _TimeSeries()
    _label(series, {**labels, "__name__": name, **({label: label_value} if label else {})})
    return bytes(series.SerializeToString())


def _label(to: Any, labels: Mapping[str, str]) -> None:
    """Add labels, in the order of their names as the protocol wants it."""
    for name in sorted(labels):
        to.labels.add(name=name, value=labels[name])
