"""What an event costs the code that publishes it, whatever its subscribers do; and what keeping it on disk takes."""

from __future__ import annotations

import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event as Flag
from timeit import timeit

from _measure import Figure, median, used_by
from tapewatch_sdk.events import Event, EventBus, EventType, SpooledSink
from tapewatch_sdk.streams import SequenceTrackers

PUBLISH_LIMIT = 3.0
"""Microseconds of a publish with three subscribers."""

BURST = 500
"""Events at once that no queue of the usual size overflows with."""


def run() -> list[Figure]:
    """Of loops and bursts the best of five rounds, of single calls the median, of imports the best of ten."""
    logger = logging.getLogger("tapewatch_sdk.events")
    logger.disabled = True  # it would tell of every queue that is made to overflow here
    try:
        return [*_publishing(), *_making(), *_keeping(), *_imports()]
    finally:
        logger.disabled = False


def _publishing() -> list[Figure]:
    return [
        Figure("publish, 3 subscribers, in bursts that they keep up with", _bursts(_nothing), "us", PUBLISH_LIMIT),
        Figure("publish, 3 subscribers, without a pause", _without_pause(_nothing), "us", PUBLISH_LIMIT),
        Figure("publish, 3 subscribers that are blocked", _blocked(), "us", PUBLISH_LIMIT),
        Figure("publish, 3 subscribers that raise", _bursts(_raise), "us", PUBLISH_LIMIT),
        Figure("publish, nobody subscribed", _microseconds(_publisher(EventBus())), "us"),
        Figure("publish, 3 subscribers, an event each 20 ms", _single(_bus(_nothing), 0.02), "us"),
        Figure("  the same with nobody subscribed", _single(EventBus(), 0.02), "us"),
        Figure("publish, 3 subscribers, after a second's silence", _single(_bus(_nothing), 1.0, 5), "us"),
    ]


def _nothing(event: Event) -> None:
    """A subscriber that is done at once."""


def _raise(event: Event) -> None:
    raise ValueError


def _bus(callback: Callable[[Event], object]) -> EventBus:
    bus = EventBus()
    for number in range(3):
        bus.subscribe(None, callback, name=f"benchmark {number}")
    bus.publish(Event(EventType.CYCLE_START))
    bus.flush()
    return bus


def _publisher(bus: EventBus) -> Callable[[], None]:
    event = Event(EventType.DECISION_MADE, data={"symbol": "BTC-USD"})
    return lambda: bus.publish(event)


def _bursts(callback: Callable[[Event], object]) -> float:
    bus = _bus(callback)
    publish = _publisher(bus)

    def burst() -> float:
        seconds = timeit(publish, number=BURST)
        bus.flush()
        return seconds / BURST * 1e6

    figure = min(statistics.mean(burst() for _ in range(20)) for _ in range(5))
    bus.close()
    return figure


def _without_pause(callback: Callable[[Event], object]) -> float:
    bus = _bus(callback)
    figure = _microseconds(_publisher(bus))
    bus.close()
    return figure


def _blocked() -> float:
    gate = Flag()
    bus = EventBus()
    for number in range(3):
        bus.subscribe(None, lambda event: gate.wait(), name=f"blocked {number}")
    figure = _microseconds(_publisher(bus))
    gate.set()
    bus.close()
    return figure


def _single(bus: EventBus, pause: float, number: int = 50) -> float:
    """One call after a pause in which the processor has done other things."""
    publish = _publisher(bus)

    def once() -> float:
        time.sleep(pause)
        return timeit(publish, number=1) * 1e6

    figure = median(once, number)
    bus.close()
    return figure


def _making() -> list[Figure]:
    bus, trackers, sequence = EventBus(), SequenceTrackers(), iter(range(10**9))
    return [
        Figure("Event(...)", _microseconds(lambda: Event(EventType.DECISION_MADE, data={"symbol": "BTC-USD"})), "us"),
        Figure("emit_trade", _microseconds(lambda: bus.emit_trade("BTC-USD", "buy", 0.5, 50_000.0)), "us"),
        Figure("SequenceTrackers.check", _microseconds(lambda: trackers.check("BTC-USD", next(sequence))), "us"),
    ]


def _keeping() -> list[Figure]:
    """A spool on the disk of the temporary folder."""
    batches = [[Event(EventType.TRADE_FILLED, data={"n": n, "price": 50_000.0}) for n in range(100)] for _ in range(30)]
    gate = Flag()

    def send(events: Sequence[Event]) -> None:
        gate.wait()

    with tempfile.TemporaryDirectory() as folder:
        sink = SpooledSink(folder, send)
        keeping = [timeit(lambda batch=batch: sink.send(batch), number=1) for batch in batches]  # type: ignore[misc]
        start = time.perf_counter()
        gate.set()
        sink.flush(timeout=60)
        sending = time.perf_counter() - start
        sink.close()
    return [
        Figure("keeping 100 events on disk, fsync included", statistics.median(keeping) * 1e3, "ms"),
        Figure("reading and acknowledging 100 events", sending / len(batches) * 1e3, "ms"),
    ]


def _imports() -> list[Figure]:
    def milliseconds(module: str) -> float:
        return 1000 * min(used_by([sys.executable, "-c", f"import {module}"], Path.cwd()).seconds for _ in range(10))

    common = "dataclasses, json, logging, pathlib, random"
    nothing = milliseconds(common)
    return [
        Figure(
            f"import tapewatch_sdk.{name}, without the standard library",
            milliseconds(f"{common}, tapewatch_sdk.{name}") - nothing,
            "ms",
        )
        for name in ("events", "streams")
    ]


def _microseconds(call: Callable[[], object], number: int = 100_000) -> float:
    return min(timeit(call, number=number) for _ in range(5)) / number * 1e6
