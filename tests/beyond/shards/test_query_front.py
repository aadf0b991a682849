"""A query through the engine's front, over the data of four shards, is answered as by one Prometheus with all of it."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterator

import pytest

from support.query_front import Answer, QueryFront, running_front
from support.waiting import wait_for

pytestmark = [pytest.mark.needs("prometheus", "mimir", "minio"), pytest.mark.alone]

SERVICES, SHARDS = 400, 4

BACK = 15.0
"""Seconds that are looked at; what is older than `LATE` has arrived at both."""

LATE = 8.0

FRESH = 60.0
"""Seconds for which nothing may be heard of a shard."""

QUERIES = (
    "up",
    "count(up)",
    "sum by (service) (up)",
    "count by (team, job) (up)",
    "tapewatch_expected",
    "count(tapewatch_expected)",
    "count by (number) (tapewatch_shard)",
    "topk(7, scrape_duration_seconds)",
    "quantile(0.9, scrape_duration_seconds)",
    "sum(scrape_samples_scraped) / count(up)",
    "max by (team) (timestamp(up))",
    "avg(system_uptime_seconds) + on () group_left () count(tapewatch_expected)",
    "sum by (instance) (increase(prometheus_tsdb_head_samples_appended_total[15s]))",
    "up * on (environment, service) group_left () tapewatch_expected",
    'absent(up{service="nobody"})',
)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryFront]:
    with running_front(tmp_path_factory.mktemp("front"), services=SERVICES, shards=SHARDS) as running:
        yield running


@pytest.fixture(scope="module")
def now(front: QueryFront) -> float:
    """A time up to which both have everything."""

    def seen() -> bool:
        expr = f'count(up{{job="services"}} offset {LATE + BACK:g}s)'
        return all(next(iter(ask(expr).values()), [(0.0, 0.0)])[0][1] == SERVICES for ask in (front.engine, front.one))

    wait_for("both have seen every service for a while", seen, 120, front.log_tail)
    return time.time() - LATE


@pytest.mark.parametrize("query", QUERIES)
def test_it_answers_like_one_prometheus_with_all_the_data(front: QueryFront, now: float, query: str) -> None:
    assert_same(front.engine(query, time=now), front.one(query, time=now))
    times = {"start": now - BACK, "end": now, "step": 5.0}
    assert_same(front.engine(query, **times), front.one(query, **times))


def assert_same(ours: Answer, theirs: Answer) -> None:
    assert ours.keys() == theirs.keys()
    assert theirs
    for labels, samples in theirs.items():
        assert [at for at, _ in ours[labels]] == [at for at, _ in samples]
        # The order in which floats are added up is nobody's promise.
        assert all(math.isclose(a, b, rel_tol=1e-9) for (_, a), (_, b) in zip(ours[labels], samples, strict=True))


def test_every_series_comes_from_one_shard_and_does_not_say_from_which(front: QueryFront, now: float) -> None:
    found = front.engine("count by (shard) (up)", time=now)

    assert list(found) == [frozenset()]
    assert len(front.engine('count by (service) (up{job="services"}) > 1', time=now)) == 0


@pytest.mark.skipif(not os.environ.get("TAPEWATCH_NIGHTLY"), reason="takes two minutes; TAPEWATCH_NIGHTLY=1 runs it")
def test_the_engine_beats_as_long_as_it_hears_from_every_shard(front: QueryFront) -> None:
    wait_for("it beats", front.beats, 90, front.log_tail)

    front.shards[2].stop(signal.SIGKILL)
    killed = time.monotonic()
    wait_for("it beats no more", lambda: not front.beats(), 180, front.log_tail)

    assert FRESH - 10 < time.monotonic() - killed < FRESH + 40
