"""The services that push: OTLP over HTTP, as JSON, which needs nothing beyond the standard library."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.client import HTTPException
from threading import Event
from typing import Any

from tapewatch.simulating.meters import Meters, Series
from tapewatch_sdk.families import Family, MetricType

__all__ = ["Pusher", "export"]

PUSH_TIMEOUT = 5.0
"""Seconds that the other end may take for one push."""

_CUMULATIVE = 2
"""`AGGREGATION_TEMPORALITY_CUMULATIVE`: since the start, as Prometheus counts."""

Labels = Mapping[str, str]


def export(meters: Meters, began: float, labels: Labels) -> dict[str, Any]:
    """The body of one OTLP request; all its points carry the time of this call.

    Parameters:
        meters: what is pushed.
        began: Unix time since which the service counts, in seconds.
        labels: target labels of the service. They stand on the resource, whose attributes Prometheus is told to
            promote, and on every point, so that they arrive at a server that promotes nothing.
    """
    times = {"startTimeUnixNano": _nanoseconds(began), "timeUnixNano": _nanoseconds(time.time())}
    metrics = [_metric(meters.families[name], series, labels, times) for name, series in meters.collected().items()]
    scope = {"scope": {"name": "tapewatch"}, "metrics": metrics}
    return {"resourceMetrics": [{"resource": {"attributes": _attributes(labels)}, "scopeMetrics": [scope]}]}


def _metric(family: Family, series: Sequence[Series], labels: Labels, times: Mapping[str, str]) -> dict[str, Any]:
    points = list(_points(family, series, labels, times))
    data: dict[str, Any]
    match family.type:
        case MetricType.COUNTER:
            kind, data = "sum", {"aggregationTemporality": _CUMULATIVE, "isMonotonic": True}
        case MetricType.GAUGE:
            kind, data = "gauge", {}
        case MetricType.HISTOGRAM:
            kind, data = "histogram", {"aggregationTemporality": _CUMULATIVE}
        case MetricType.SUMMARY:
            kind, data = "summary", {}
    return {"name": family.name, "description": family.help, "unit": family.unit, kind: {**data, "dataPoints": points}}


def _points(
    family: Family, series: Sequence[Series], labels: Labels, times: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    for each in series:
        own = dict(zip(family.labels, each.labels, strict=True))
        point: dict[str, Any] = {"attributes": _attributes({**labels, **own}), **times}
        if family.type in (MetricType.COUNTER, MetricType.GAUGE):
            yield {**point, "asDouble": each.value}
            continue
        point |= {"count": str(each.counts[-1]), "sum": each.value}
        if family.type is MetricType.HISTOGRAM:
            below = (0, *each.counts)
            single = [str(count - less) for count, less in zip(each.counts, below, strict=False)]
            point |= {"bucketCounts": single, "explicitBounds": list(family.buckets)}
        yield point


def _attributes(labels: Labels) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in labels.items()]


def _nanoseconds(seconds: float) -> str:
    """Protobuf's JSON form writes 64 bits as text."""
    return str(int(seconds * 1e9))


class Pusher:
    """Pushes one service to one place, again and again.

    Parameters:
        service: its name, for what is said.
        body: gives the body of the next request.
        url: the receiver's base, to which OTLP's `/v1/metrics` is added.
        interval: seconds from one push to the next.
        say: is told when pushes begin to arrive, begin to fail, or arrive again; never of every one.
    """

    def __init__(
        self, service: str, body: Callable[[], object], url: str, interval: float, say: Callable[[str], None]
    ) -> None:
        self._service = service
        self._body = body
        self._url = f"{url.rstrip('/')}/v1/metrics"
        self._interval = interval
        self._say = say
        self._works: bool | None = None

    def run(self, stop: Event) -> None:
        """Push until `stop` is set. Pushes keep their beat: one that takes long does not move the next."""
        began = time.monotonic()
        while not stop.is_set():
            self.push()
            stop.wait(self._interval - (time.monotonic() - began) % self._interval)

    def push(self) -> None:
        """Push once; a failure is said, never raised."""
        body = json.dumps(self._body()).encode()
        request = urllib.request.Request(  # noqa: S310 -- the command takes http and https alone
            self._url, body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=PUSH_TIMEOUT):  # noqa: S310
                pass
        except urllib.error.HTTPError as error:
            self._note(f"{error.code} {error.read(200).decode(errors='replace')}".strip())
        except (OSError, HTTPException) as error:
            self._note(str(getattr(error, "reason", error)))
        else:
            self._note("")

    def _note(self, failure: str) -> None:
        works = not failure
        if works == self._works:
            return
        self._works = works
        if works:
            self._say(f"{self._service}: pushes arrive at {self._url}")
        else:
            self._say(f"{self._service}: cannot push to {self._url}, and goes on trying: {failure}")
