"""A query over the data of four shards through the engine's front, beside one Prometheus with all the data, in one run.

An hour of 400 services is written to both, as the shards would write it: each team's samples as that team, and each
series once. Queries are those of dashboards, asked by turns.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cramjam

from _measure import ROOT, Figure

sys.path.insert(0, str(ROOT / "tests"))
from support.query_front import QueryFront, running_front

LIMIT = 3.0
"""How many times as long as one Prometheus."""

SERVICES, SHARDS = 400, 4

HOUR, STEP = 3600, 15

AT_ONCE = 20
"""Samples of a series in one request."""

ROUNDS = 15

BOUNDS = ("1", "5", "10", "50", "100", "500", "+Inf")

VENUES = ("a", "b", "c", "d", "e")

QUERIES: Mapping[str, str] = {
    "rate of all": "sum(rate(orders_total[5m]))",
    "rate by team": "sum by (team) (rate(orders_total[5m]))",
    "rate of one service": 'sum by (venue) (rate(orders_total{service="service-00007"}[5m]))',
    "the ten busiest": "topk(10, sum by (service) (rate(orders_total[5m])))",
    "99th percentile by team": "histogram_quantile(0.99, sum by (team, le) (rate(latency_bucket[5m])))",
}

_Series = Mapping[str, str]


def run() -> list[Figure]:
    """Medians of each query, then the ratio of all of them together."""
    with (
        tempfile.TemporaryDirectory(prefix="tapewatch-front-") as folder,
        running_front(Path(folder), services=0, shards=SHARDS) as front,
    ):
        end = time.time() // STEP * STEP
        _fill(front, end - HOUR)
        return list(_figures(front, end))


def _figures(front: QueryFront, end: float) -> Iterator[Figure]:
    times = {"start": end - HOUR + 300, "end": end - STEP, "step": float(STEP)}
    through, alone = [], []
    for name, query in QUERIES.items():
        ours, theirs = front.engine(query, **times), front.one(query, **times)
        assert ours.keys() == theirs.keys(), f"{name}: not the same answer"
        assert theirs, f"{name}: no answer"
        taken = [(_seconds(front.engine, query, times), _seconds(front.one, query, times)) for _ in range(ROUNDS)]
        through.append(statistics.median(each for each, _ in taken))
        alone.append(statistics.median(each for _, each in taken))
        yield Figure(f"{name}: through the front", through[-1] * 1000, "ms")
        yield Figure(f"{name}: one Prometheus", alone[-1] * 1000, "ms")
        yield Figure(f"{name}: ratio", through[-1] / alone[-1], "", LIMIT)
    yield Figure(f"{SERVICES} services, {SHARDS} shards, an hour: ratio of all", sum(through) / sum(alone), "", LIMIT)


def _seconds(ask: Callable[..., object], query: str, times: Mapping[str, float]) -> float:
    start = time.perf_counter()
    ask(query, **times)
    return time.perf_counter() - start


def _fill(front: QueryFront, start: float) -> None:
    teams = [team for team in front.reached.tenants if team != front.reached.tenants[-1]]
    for first in range(0, HOUR // STEP, AT_ONCE):
        steps = range(first, first + AT_ONCE)
        for number, team in enumerate(teams):
            body = _request(team, range(number, SERVICES, len(teams)), start, steps)
            _post(front.reached.write, body, {front.reached.header: team})
            _post(f"{front.alone.url}/api/v1/write", body, {})


def _request(team: str, services: range, start: float, steps: range) -> bytes:
    from tapewatch_sdk.exporters._write_request import WriteRequest

    request = WriteRequest()
    for number in services:
        for index, labels in enumerate(_series(team, number)):
            one = request.timeseries.add()
            for name, text in sorted(labels.items()):
                one.labels.add(name=name, value=text)
            for step in steps:
                value = float(step * (1 + (number + index) % 7))
                one.samples.add(value=value, timestamp=round((start + step * STEP) * 1000))
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


def _series(team: str, number: int) -> Iterator[_Series]:
    name = f"service-{number:05}"
    target = {"environment": "bench", "service": name, "team": team, "instance": f"{name}:9000", "job": "services"}
    yield from ({"__name__": "orders_total", "venue": venue, **target} for venue in VENUES)
    yield from ({"__name__": "latency_bucket", "le": bound, **target} for bound in BOUNDS)


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    usual = {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    urllib.request.urlopen(urllib.request.Request(url, body, {**usual, **headers}), timeout=60).read()
