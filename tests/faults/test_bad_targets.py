"""A target misbehaves: it is down, its service is said to be down, and nothing else takes any notice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from support.stack import INTERVAL, SERVICES, Stack, running_stack
from support.targets import (
    BAD,
    HUGE,
    Behaviour,
    answer_garbage,
    answer_half,
    answer_too_much,
    answer_too_much_compressed,
    close,
    hang,
    stall,
)

pytestmark = pytest.mark.needs("prometheus", "alertmanager")

VICTIM = "execution-engine"
OTHER_VICTIM = "live-trading"

SERIES = "execution_rate_limit_remaining"
"""What the target shows."""

GOOD, WRONG = 100.0, 7.0
"""Its value while the target is well, and the one that stands in bad answers."""

GAP = 3 * INTERVAL
"""Seconds between two scrapes of a well target that a busy machine may cause; a target that is held up misses more."""

MEMORY = 200_000_000
"""Bytes by which Prometheus's memory may grow while it gets 50 MB again and again: it may read 16 MB of each
(`body_size_limit`) into buffers that grow in steps, and its garbage collector takes its time. 147 MB were seen."""

ANSWERS = 8
"""How often it gets them from each of two targets: 800 MB in all."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("targets"), alerts={"ServiceDown": {"for": "2s"}}) as running:
        yield running


@pytest.mark.parametrize(
    ("behaviour", "error", "seen"),
    [
        pytest.param(hang, "deadline exceeded", None, id="hangs"),
        pytest.param(stall, "deadline exceeded", None, id="stalls halfway"),
        pytest.param(close, "EOF", None, id="closes the connection"),
        # Series that stand before the first line that is no metric are not marked as stale, but kept for 5 minutes.
        pytest.param(answer_garbage, "while parsing", GOOD, id="answers garbage"),
        pytest.param(answer_half, "unexpected EOF", None, id="sends half an answer"),
        pytest.param(answer_too_much, "body size limit exceeded", None, id="sends 50 MB"),
        pytest.param(answer_too_much_compressed, "body size limit exceeded", None, id="sends 50 MB, compressed"),
    ],
)
def test_only_its_own_service_is_down_when_a_target(
    stack: Stack, behaviour: Behaviour, error: str, seen: float | None
) -> None:
    target, began = stack.targets[VICTIM], _when_all_is_well(stack)
    with target.behaving(behaviour):
        target.set(SERIES, WRONG)
        stack.wait("its alert fires alone", lambda: _states(stack) == {("ServiceDown", VICTIM): {"firing"}})
        assert error in _last_error(stack)
        assert stack.number(f'up{{service="{VICTIM}"}}') == 0
        assert stack.number(SERIES) == seen
        target.set(SERIES, GOOD)

    stack.wait_until_up(VICTIM)
    stack.wait("its series is back", lambda: stack.number(SERIES) == GOOD)
    stack.wait("no alert is left", lambda: stack.alerts() == [])
    assert stack.query(f"count_over_time({BAD}[10m])") == []
    assert {value for _, value in stack.samples(f"{SERIES}[10m]")} == {GOOD}
    for service in SERVICES:
        scrapes = stack.samples(f'up{{service="{service}"}}[{int(time.time() - began) + 1}s]')
        assert {value for _, value in scrapes} == ({0, 1} if service == VICTIM else {1})
        assert max(later - sooner for (sooner, _), (later, _) in pairwise(scrapes)) <= GAP


def test_prometheus_does_not_keep_the_50_mb_of_an_answer(stack: Stack) -> None:
    _when_all_is_well(stack)
    before = most = _memory(stack)
    plain, compressed = stack.targets[VICTIM], stack.targets[OTHER_VICTIM]
    wanted = [target.scrapes + ANSWERS for target in (plain, compressed)]
    with plain.behaving(answer_too_much), compressed.behaving(answer_too_much_compressed):
        while plain.scrapes < wanted[0] or compressed.scrapes < wanted[1]:
            most = max(most, _memory(stack))
            time.sleep(INTERVAL / 4)

    assert most - before < MEMORY < 2 * ANSWERS * HUGE / 3


def _when_all_is_well(stack: Stack) -> float:
    """Waits until the last test has left no trace in what is to be seen; gives the Unix time."""
    stack.targets[VICTIM].set(SERIES, GOOD)
    stack.wait_until_up()
    stack.wait("no alert is left", lambda: stack.alerts() == [])
    stack.wait("its series is there", lambda: stack.number(SERIES) == GOOD)
    return time.time()


def _memory(stack: Stack) -> float:
    """Bytes of memory that Prometheus holds."""
    return stack.metric(stack.prometheus, "process_resident_memory_bytes")


def _states(stack: Stack) -> dict[tuple[str, str], set[str]]:
    """The states of all alerts that there are, by name and service."""
    found: dict[tuple[str, str], set[str]] = {}
    for alert in stack.alerts():
        found.setdefault((alert["labels"]["alertname"], alert["labels"]["service"]), set()).add(alert["state"])
    return found


def _last_error(stack: Stack) -> str:
    """Why the last scrape of the target failed."""
    return str(next(target["lastError"] for target in stack.scraped() if target["labels"]["service"] == VICTIM))
