"""Timers: blocks and functions, plain and async, whatever becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import pytest

from tapewatch_sdk.instruments import Histogram, InstrumentError, MetricsRegistry, timer

TICK = 0.25
"""Seconds that pass between two looks at the clock of these tests."""


@pytest.fixture
def latency(registry: MetricsRegistry, monkeypatch: pytest.MonkeyPatch) -> Histogram:
    clock = iter(TICK * step for step in range(1000))
    monkeypatch.setattr(timer, "perf_counter", lambda: next(clock))
    return registry.histogram("latency_seconds")


def seen(latency: Histogram) -> tuple[float, float]:
    """How many durations were observed, and what they add up to."""
    found = latency.get()
    return found.count, found.sum


def test_a_block_is_timed(latency: Histogram) -> None:
    with latency.time() as timed:
        pass

    assert seen(latency) == (1.0, TICK)
    assert timed.seconds == TICK


def test_a_block_that_raises_is_timed_and_its_exception_goes_on(latency: Histogram) -> None:
    with pytest.raises(KeyError), latency.time():
        raise KeyError("x")

    assert seen(latency) == (1.0, TICK)


def test_an_async_block_is_timed(latency: Histogram) -> None:
    async def work() -> None:
        async with latency.time():
            await asyncio.sleep(0)

    asyncio.run(work())

    assert seen(latency) == (1.0, TICK)


def test_each_call_of_a_function_is_timed(latency: Histogram) -> None:
    @latency.time()
    def double(number: int, *, plus: int = 0) -> int:
        """Twice as much."""
        return 2 * number + plus

    assert [double(1), double(2, plus=3)] == [2, 7]
    assert (double.__name__, double.__doc__) == ("double", "Twice as much.")
    assert seen(latency) == (2.0, 2 * TICK)


def test_a_function_that_raises_is_timed(latency: Histogram) -> None:
    @latency.time()
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()

    assert seen(latency) == (1.0, TICK)


def test_a_function_that_calls_itself_is_timed_at_each_level(latency: Histogram) -> None:
    @latency.time()
    def down(depth: int) -> None:
        if depth:
            down(depth - 1)

    down(2)

    assert seen(latency) == (3.0, (1 + 3 + 5) * TICK)


def test_a_coroutine_function_is_timed_from_start_to_end(latency: Histogram) -> None:
    @latency.time()
    async def work(answer: int) -> int:
        await asyncio.sleep(0)
        return answer

    async def at_once() -> list[int]:
        return list(await asyncio.gather(work(1), work(2)))

    assert asyncio.run(at_once()) == [1, 2]
    # Both began (at 0 and 1 ticks) before either ended (at 2 and 3).
    assert seen(latency) == (2.0, 4 * TICK)
    assert asyncio.iscoroutinefunction(work)


def test_a_coroutine_that_raises_or_is_cancelled_is_timed(latency: Histogram) -> None:
    @latency.time()
    async def fail() -> None:
        raise ValueError("no")

    @latency.time()
    async def wait() -> None:
        await asyncio.Event().wait()

    async def both() -> None:
        with pytest.raises(ValueError, match="no"):
            await fail()
        waiting = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(both())

    assert seen(latency) == (2.0, 2 * TICK)


def test_a_partial_of_a_coroutine_function_is_timed_as_one(latency: Histogram) -> None:
    async def work(answer: int) -> int:
        return answer

    timed: Any = latency.time()(partial(work, 5))

    assert asyncio.run(timed()) == 5
    assert seen(latency) == (1.0, TICK)


def test_a_generator_function_cannot_be_timed_by_its_call(latency: Histogram) -> None:
    def numbers() -> Iterator[int]:
        yield 1

    async def later_numbers() -> AsyncIterator[int]:
        yield 1

    functions: tuple[Any, ...] = (numbers, later_numbers)
    for function in functions:
        with pytest.raises(InstrumentError) as raised:
            latency.time()(function)
        assert raised.value.problems[0].code == "instruments/not-timeable"


def test_a_timer_of_a_series_observes_there(registry: MetricsRegistry) -> None:
    latency = registry.histogram("by_venue", labels=["venue"])
    with latency.time({"venue": "a"}):
        pass
    with latency.labels(venue="b").time():
        pass

    assert [latency.get({"venue": venue}).count for venue in "ab"] == [1.0, 1.0]
