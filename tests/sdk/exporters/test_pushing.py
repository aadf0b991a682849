"""What every exporter that pushes does without its author's help: the beat, the buffer, the tries, the end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from sdk.instruments.forking import in_child
from support.waiting import wait_for
from tapewatch_sdk.exporters import (
    Batch,
    Connection,
    Destination,
    Export,
    NotNowError,
    PointsRefusedError,
    PushExporter,
)
from tapewatch_sdk.exporters._pushing import _next
from tapewatch_sdk.exporters._reading import Reader
from tapewatch_sdk.instruments import MetricsRegistry


class Memory(PushExporter):
    """Takes batches into a list, once `open` is set, unless it is told to raise."""

    name = "memory"

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.tries: list[float] = []
        self.raises: Exception | None = None
        self.open = threading.Event()
        self.open.set()
        self.closed = 0

    def connect(self, destination: Destination) -> Connection:
        return self

    def send(self, batch: Batch) -> None:
        self.tries.append(time.monotonic())
        self.open.wait()
        if self.raises is not None:
            raise self.raises
        self.batches.append(batch)

    def close(self) -> None:
        self.closed += 1

    def values(self) -> list[float]:
        """The values of the one gauge, in the order of arrival."""
        return [batch.families[0].points[0].value for batch in self.batches]  # type: ignore[misc]


Begin = Callable[..., Export]


@pytest.fixture
def memory() -> Iterator[Memory]:
    made = Memory()
    yield made
    made.open.set()


@pytest.fixture
def begin(memory: Memory, registry: MetricsRegistry) -> Iterator[Begin]:
    begun: list[Export] = []
    registry.gauge("level").set(0)

    def started(interval: float = 3600.0, buffer: int = 5) -> Export:
        begun.append(memory.start(Reader(registry, {}, interval, buffer), Destination("memory://here")))
        return begun[-1]

    yield started
    memory.open.set()
    for each in begun:
        each.close(0.1)


def test_it_reads_at_once_and_then_on_its_beat(begin: Begin, memory: Memory) -> None:
    begin(interval=0.05)

    wait_for("some batches are there", lambda: len(memory.batches) >= 5)
    times = [batch.timestamp for batch in memory.batches]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("now", "beat"), [(100.0, 115.0), (104.9, 115.0), (115.0, 115.0), (115.1, 130.0), (171.0, 175.0)]
)
def test_a_beat_does_not_drift_by_what_a_reading_takes_and_is_not_made_up_for(
    monkeypatch: pytest.MonkeyPatch, now: float, beat: float
) -> None:
    monkeypatch.setattr("tapewatch_sdk.exporters._pushing.time.monotonic", lambda: now)

    assert _next(100.0, 15.0) == beat


def test_a_flush_sends_the_values_of_now(begin: Begin, memory: Memory, registry: MetricsRegistry) -> None:
    export = begin()
    assert export.flush()
    registry.gauge("level").set(7)

    assert export.flush()

    assert memory.values()[-1] == 7
    assert export.counts.sent == len(memory.batches)
    assert export.counts.waiting == 0


def test_while_nothing_is_taken_the_newest_are_kept_in_their_order(
    begin: Begin, memory: Memory, registry: MetricsRegistry
) -> None:
    memory.open.clear()
    export = begin(buffer=3)
    wait_for("the first is on its way", lambda: memory.tries)
    for value in range(1, 9):
        registry.gauge("level").set(value)
        export.flush(0.05)
        wait_for("it was read", partial(_has_read, export, value + 1))
    memory.open.set()

    assert export.flush()

    # The first was in hand; the last stands twice, since a flush reads anew.
    assert memory.values() in ([0, 6, 7, 8, 8], [0, 7, 8, 8])
    times = [batch.timestamp for batch in memory.batches]
    assert times == sorted(times)
    assert export.counts.dropped == 10 - len(memory.batches)


def _has_read(export: Export, number: int) -> bool:
    return export.counts.dropped + export.counts.waiting >= number


def test_what_fails_is_tried_again_and_nothing_is_lost(begin: Begin, memory: Memory, registry: MetricsRegistry) -> None:
    memory.raises = OSError("the network is away")
    export = begin()
    wait_for("it was tried twice", lambda: len(memory.tries) >= 2)
    registry.gauge("level").set(1)
    export.flush(0.05)
    wait_for("it was read", lambda: export.counts.waiting == 2)
    assert export.failure == "the network is away"
    memory.raises = None

    assert export.flush()

    assert memory.values() == [0, 1, 1]
    assert (export.counts.sent, export.counts.dropped, export.failure) == (3, 0, "")
    assert export.counts.failures >= 2


def test_pauses_grow(begin: Begin, memory: Memory) -> None:
    memory.raises = OSError("no")
    begin(interval=30.0)

    wait_for("it was tried four times", lambda: len(memory.tries) >= 4, 30)
    first, second, third = (later - earlier for earlier, later in zip(memory.tries, memory.tries[1:4], strict=False))
    assert 0.3 < first < second < third


def test_a_backend_that_asks_for_time_gets_it(begin: Begin, memory: Memory) -> None:
    memory.raises = NotNowError("503", after=2.0)
    export = begin()

    wait_for("it was tried twice", lambda: len(memory.tries) >= 2, 30)
    assert memory.tries[1] - memory.tries[0] >= 2.0
    assert export.failure == "503"


def test_a_backend_that_never_takes_one_batch_does_not_keep_the_others_back(
    begin: Begin, memory: Memory, registry: MetricsRegistry
) -> None:
    """Some answer 500 for a batch that they will never take; it is dropped when the buffer is full."""
    memory.raises = OSError("500")
    export = begin(interval=0.1, buffer=2)

    wait_for("some are dropped", lambda: export.counts.dropped >= 3)
    assert export.counts.waiting <= 4


def test_what_is_refused_is_counted_and_left(begin: Begin, memory: Memory) -> None:
    memory.raises = PointsRefusedError("400 out of order")
    export = begin()
    wait_for("it was refused", lambda: export.counts.refused == 1)
    assert export.failure == "400 out of order"
    memory.raises = None

    assert export.flush()
    assert (export.counts.sent, len(memory.tries)) == (1, 2)


def test_a_bug_of_an_exporter_is_logged_once_and_counted(
    begin: Begin, memory: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    memory.raises = KeyError("bug")
    export = begin()

    assert not export.flush()
    assert not export.flush()

    assert export.counts.refused == 3
    assert export.failure == "KeyError: 'bug'"
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_a_source_that_raises_ends_nothing(memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Reader):
        def read(self) -> Batch:
            raise RuntimeError("broken")

    with caplog.at_level(logging.ERROR):
        export = memory.start(Broken(MetricsRegistry(), {}, 0.02), Destination("memory://here"))
        wait_for("it is logged", lambda: caplog.records)

    assert export.close()
    assert len(caplog.records) == 1


def test_a_hanging_backend_holds_nobody_up_longer_than_was_said(begin: Begin, memory: Memory) -> None:
    memory.open.clear()
    export = begin()
    wait_for("it hangs", lambda: memory.tries)

    before = time.monotonic()
    assert not export.flush(0.1)
    assert not export.close(0.2)
    assert time.monotonic() - before < 20, "it hangs with the backend"
    assert export.counts.dropped >= 1


def test_a_hanging_callback_holds_nobody_up_longer_than_was_said(begin: Begin, registry: MetricsRegistry) -> None:
    hang = threading.Event()
    registry.register_callback(hang.wait)
    export = begin()
    try:
        assert not export.flush(0.1)
        assert not export.close(0.1)
    finally:
        hang.set()


def test_an_end_sends_the_values_of_then_and_only_once(begin: Begin, memory: Memory, registry: MetricsRegistry) -> None:
    export = begin()
    registry.gauge("level").set(9)

    assert export.close()
    assert export.close()
    assert export.flush()

    assert memory.values()[-1] == 9
    assert memory.closed == 1
    assert len(memory.batches) == 2


def test_a_forked_child_does_not_push_what_its_parent_pushes(
    begin: Begin, memory: Memory, registry: MetricsRegistry
) -> None:
    export = begin(interval=0.05)
    wait_for("it pushes", lambda: memory.batches)

    def in_the_child() -> tuple[int, bool, bool, int]:
        before = len(memory.batches)
        time.sleep(0.3)
        return len(memory.batches) - before, export.flush(), export.close(), export.counts.sent

    assert in_child(in_the_child) == (0, True, True, 0)
    before = export.counts.sent
    wait_for("the parent goes on", lambda: export.counts.sent > before)


def test_a_forked_child_may_push_on_its_own(memory: Memory, registry: MetricsRegistry, begin: Begin) -> None:
    begin()
    registry.counter("orders").inc(5)

    def in_the_child() -> list[object]:
        registry.counter("orders").inc(2)
        del memory.batches[:]
        own = memory.start(Reader(registry, {"worker": "1"}), Destination("memory://here"))
        own.close()
        return [family.points for family in memory.batches[-1].families if family.name == "orders_total"]

    assert in_child(in_the_child) == [(({"worker": "1"}, 2.0, {}),)]


def test_an_exporter_that_knows_no_way_to_connect_cannot_be_made() -> None:
    class Half(PushExporter):
        name = "half"

    with pytest.raises(TypeError, match="connect"):
        Half()  # type: ignore[abstract]
