"""The network between Prometheus and a target is slow or loses packets: the target is up, and no alert cries wolf."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import mean

import pytest

from faults.kernel import losing_packets
from support.stack import INTERVAL, SERVICES, Stack, running_stack

pytestmark = pytest.mark.needs("prometheus", "alertmanager")

FAR = "market-data"
LOSSY = "position-tracker"

LATENCY = 0.1
"""Seconds by which each direction is late."""

LOSS = 0.1
"""Share of the packets that is lost."""

RETRANSMITTED = 0.2
"""Seconds after which Linux sends again what was not acknowledged, at the soonest."""

SCRAPES = 10
"""How many are looked at: twice as many as ServiceDown wants to see in a row."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("network")
    with running_stack(folder, proxied=[FAR], alerts={"ServiceDown": {"for": "5s"}}) as running:
        yield running


def test_a_target_100_ms_away_is_scraped_that_much_later_and_is_up(stack: Stack) -> None:
    assert max(_durations(stack, FAR, since=0.0)) < 2 * LATENCY
    with stack.proxies[FAR].late(to_server=LATENCY, to_client=LATENCY):
        began = time.time()
        stack.wait("it was scraped often enough", lambda: len(_scrapes(stack, FAR, began)) >= SCRAPES)
        durations = _durations(stack, FAR, began)

    assert 2 * LATENCY <= min(durations) <= mean(durations) < 2 * LATENCY + INTERVAL / 2
    assert set(_scrapes(stack, FAR, began)) == {1}
    assert stack.alerts() == []


def test_a_target_that_loses_a_tenth_of_its_packets_is_up_thanks_to_retransmission(stack: Stack) -> None:
    began = time.time()
    with losing_packets(stack.targets[LOSSY].port, LOSS) as loss:
        stack.wait("it was scraped often enough", lambda: len(_scrapes(stack, LOSSY, began)) >= SCRAPES)
        stack.wait("a scrape was late for a lost packet", lambda: max(_durations(stack, LOSSY, began)) >= RETRANSMITTED)
        dropped = loss.dropped()

    assert dropped > 0
    assert mean(_scrapes(stack, LOSSY, began)) >= 0.8
    assert stack.query('last_over_time(ALERTS{alertstate="firing"}[5m])') == []
    for service in set(SERVICES) - {LOSSY}:
        assert set(_scrapes(stack, service, began)) == {1}


def _scrapes(stack: Stack, service: str, since: float) -> list[float]:
    """1 for each scrape since then that went well, 0 for each that did not."""
    return [value for when, value in stack.samples(f'up{{service="{service}"}}[5m]') if when > since]


def _durations(stack: Stack, service: str, since: float) -> list[float]:
    """How many seconds each scrape took."""
    found = stack.samples(f'scrape_duration_seconds{{service="{service}"}}[5m]')
    return [value for when, value in found if when > since]
