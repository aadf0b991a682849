"""The outbox: who puts something in never waits, nothing grows without end, and everything is accounted for."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from support.waiting import wait_for
from tapewatch_sdk.sending.outbox import Outbox, Refused, Unreachable


class Backend:
    """A sender that keeps what it is given, once `open` is set, unless it is told to raise."""

    def __init__(self) -> None:
        self.got: list[int] = []
        self.batches: list[int] = []
        self.raises: Exception | None = None
        self.tries = 0
        self.open = threading.Event()
        self.open.set()

    def send(self, batch: Sequence[int], /) -> None:
        self.tries += 1
        self.open.wait()
        if self.raises is not None:
            raise self.raises
        self.got += batch
        self.batches.append(len(batch))


Make = Callable[..., Outbox[int]]


@pytest.fixture
def backend() -> Iterator[Backend]:
    made = Backend()
    yield made
    made.open.set()


@pytest.fixture
def make(backend: Backend) -> Iterator[Make]:
    made: list[Outbox[int]] = []

    def outbox(**settings: float) -> Outbox[int]:
        made.append(Outbox("things", lambda: backend, **{"linger": 0.01, **settings}))  # type: ignore[arg-type]
        return made[-1]

    yield outbox
    backend.open.set()
    for each in made:
        each.close(1)


def held(outbox: Outbox[int], backend: Backend) -> None:
    """Waits until the worker is in the middle of sending."""
    before = backend.tries
    outbox.put(-1)
    wait_for("the worker sends", lambda: backend.tries > before)


def test_things_arrive_in_their_order(make: Make, backend: Backend) -> None:
    outbox = make(batch=7)

    assert all(outbox.put(number) for number in range(100))

    assert outbox.flush()
    assert backend.got == list(range(100))
    assert max(backend.batches) <= 7
    assert outbox.counts.sent == 100


def test_a_full_queue_drops_and_counts_at_once(make: Make, backend: Backend) -> None:
    outbox = make(size=10, batch=1)
    backend.open.clear()
    held(outbox, backend)

    taken = [outbox.put(number) for number in range(1000)]

    assert sum(taken) == 10
    assert outbox.counts.dropped == 990
    assert outbox.counts.waiting == 11
    backend.open.set()
    assert outbox.flush()
    assert backend.got == [-1, *range(10)]


def test_drops_of_many_threads_are_counted_each(make: Make, backend: Backend) -> None:
    outbox = make(size=5, batch=1)
    backend.open.clear()
    held(outbox, backend)

    def put() -> None:
        for number in range(5000):
            outbox.put(number)

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    counts = outbox.counts
    assert counts.dropped + counts.waiting == 40_001
    # Threads that look at the same moment may overshoot by one each.
    assert counts.waiting <= 6 + len(threads)


def test_what_could_not_be_sent_is_tried_again_until_it_can(make: Make, backend: Backend) -> None:
    outbox = make(size=100)
    backend.raises = Unreachable("nobody there")
    for number in range(5):
        outbox.put(number)
    wait_for("two tries have failed", lambda: outbox.counts.failures >= 2)
    assert outbox.counts.waiting == 5

    backend.raises = None

    assert outbox.flush()
    assert backend.got == [0, 1, 2, 3, 4]
    assert outbox.counts.dropped == 0


def test_what_was_refused_is_not_tried_again(make: Make, backend: Backend) -> None:
    outbox = make()
    backend.raises = Refused("bad")
    outbox.put(1)
    assert outbox.flush()
    backend.raises = None
    outbox.put(2)

    assert outbox.flush()
    assert backend.got == [2]
    assert outbox.counts.refused == 1


def test_a_dead_other_end_is_said_once_and_its_return_too(
    make: Make, backend: Backend, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tapewatch_sdk.sending.outbox.QUIET", 0.0)
    caplog.set_level(logging.INFO)
    outbox = make(size=10)
    backend.raises = ConnectionError("gone")
    for number in range(20):
        outbox.put(number)
    wait_for("two tries have failed", lambda: outbox.counts.failures >= 2)
    backend.raises = None
    assert outbox.flush()

    assert [record.getMessage() for record in caplog.records] == [
        "things cannot be sent; up to 10 are kept meanwhile: gone",
        f"things are sent again; {outbox.counts.dropped} were dropped so far",
    ]


def test_closing_sends_what_is_left(make: Make, backend: Backend) -> None:
    outbox = make(linger=60)
    for number in range(5):
        outbox.put(number)

    assert outbox.close(10)

    assert backend.got == [0, 1, 2, 3, 4]
    assert not outbox.put(5)
    assert outbox.counts.dropped == 1
    assert outbox.close()
    assert not outbox.flush()


def test_closing_waits_no_longer_than_its_deadline(make: Make, backend: Backend) -> None:
    outbox = make(size=10, batch=1)
    backend.open.clear()
    held(outbox, backend)
    for number in range(5):
        outbox.put(number)

    assert not outbox.close(0.2)

    assert outbox.counts.dropped == 5


def test_closing_does_not_wait_for_nobody(make: Make, backend: Backend) -> None:
    outbox = make(batch=2)
    backend.raises = Unreachable("nobody there")
    for number in range(9):
        outbox.put(number)

    assert not outbox.close(300)

    assert outbox.counts.dropped == 9
    assert outbox.counts.waiting == 0


def test_closing_tries_again_where_somebody_is(make: Make, backend: Backend) -> None:
    outbox = make()
    backend.raises = RuntimeError("503")
    outbox.put(1)
    wait_for("a try has failed", lambda: outbox.counts.failures)
    before = backend.tries
    closing = threading.Thread(target=lambda: outbox.close(60))
    closing.start()
    wait_for("it is tried again", lambda: backend.tries > before + 2)
    backend.raises = None
    closing.join(60)

    assert backend.got == [1]


def test_a_signal_handler_may_put_in_what_it_interrupts(make: Make, backend: Backend) -> None:
    outbox = make(size=50, batch=4)
    handled = 0

    def handler(number: int, frame: object) -> None:
        nonlocal handled
        handled += 1
        outbox.put(handled)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    try:
        puts = 0
        while handled < 500:
            outbox.put(0)
            puts += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert outbox.flush(30)
    assert outbox.counts.sent + outbox.counts.dropped == puts + handled


def test_a_forked_child_sends_its_own_and_nothing_of_its_parents(make: Make, backend: Backend, tmp_path: Path) -> None:
    outbox = make(linger=60)
    outbox.put(1)
    told = tmp_path / "told"

    child = os.fork()
    if child == 0:
        outbox.put(2)
        sent = outbox.flush(10)
        told.write_text(f"{sent} {backend.got} {outbox.counts.sent}")
        os._exit(0)
    os.waitpid(child, 0)

    assert told.read_text() == "True [2] 1"
    assert outbox.flush()
    assert backend.got == [1]


def test_a_fork_in_the_middle_of_everything_leaves_a_child_that_works(make: Make, backend: Backend) -> None:
    outbox = make(size=20, batch=3)
    stop = threading.Event()

    def put() -> None:
        while not stop.is_set():
            outbox.put(0)

    threads = [threading.Thread(target=put) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                signal.alarm(30)  # a child that hangs is ended, and found by its code
                outbox.put(1)
                os._exit(0 if outbox.flush(10) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def append(path: Path, outbox: Outbox[str]) -> None:
    outbox.put("child")


class File:
    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, batch: Sequence[str], /) -> None:
        with self._path.open("a") as file:
            file.write("".join(f"{each}\n" for each in batch))


def test_a_child_of_multiprocessing_sends_what_is_left_when_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "got"
    outbox: Outbox[str] = Outbox("things", lambda: File(path), linger=60)
    process = multiprocessing.get_context("fork").Process(target=append, args=(path, outbox))

    process.start()
    process.join(30)

    assert process.exitcode == 0
    assert path.read_text() == "child\n"
    outbox.close()


ENDING = """
import atexit, sys, threading, time
from tapewatch_sdk.sending.outbox import Outbox

class Slow:
    def send(self, batch):
        if sys.argv[1] == "hangs":
            threading.Event().wait()
        print(*batch, flush=True)

outbox = Outbox("things", Slow, linger=60)
atexit.register(outbox.close, 0.5)
outbox.put("last words")
"""


@pytest.mark.parametrize(("how", "said"), [("works", "last words\n"), ("hangs", "")])
def test_a_program_ends_in_time_whatever_the_other_end_does(how: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", ENDING, how], capture_output=True, text=True, timeout=60, check=True)

    assert (done.stdout, done.stderr) == (said, "")


def test_where_the_newest_matters_the_oldest_is_forgotten(make: Make, backend: Backend) -> None:
    outbox = make(size=3, batch=1, newest=True)
    backend.open.clear()
    held(outbox, backend)

    assert all(outbox.put(number) for number in range(7))
    backend.open.set()

    assert outbox.flush()
    assert backend.got == [-1, 4, 5, 6]
    assert (outbox.counts.sent, outbox.counts.dropped) == (4, 4)


def test_where_the_newest_matters_what_is_tried_in_vain_is_forgotten_too(make: Make, backend: Backend) -> None:
    outbox = make(size=2, batch=1, newest=True)
    backend.raises = ValueError("never")
    held(outbox, backend)
    for number in range(2):
        outbox.put(number)
    wait_for("what was in hand is dropped", lambda: outbox.counts.dropped)
    outbox.flush(0.1)
    assert outbox.counts.dropped == 1, "to wait for the rest costs nothing"
    backend.raises = None

    assert outbox.flush()
    assert backend.got == [0, 1]


def test_a_flush_is_not_lost_on_the_way_when_the_oldest_is_forgotten(make: Make, backend: Backend) -> None:
    outbox = make(size=2, batch=1, newest=True)
    backend.open.clear()
    held(outbox, backend)
    flushed: list[bool] = []
    thread = threading.Thread(target=lambda: flushed.append(outbox.flush(20)))
    thread.start()
    wait_for("the mark is there", lambda: outbox._marks)
    for number in range(5):
        outbox.put(number)
    backend.open.set()
    thread.join(30)

    assert flushed == [True]


def test_the_last_failure_is_told_until_it_is_over(make: Make, backend: Backend) -> None:
    outbox = make(batch=1)
    assert outbox.failure == ""
    backend.raises = ValueError("busy")
    outbox.put(1)
    wait_for("it failed", lambda: outbox.failure == "busy")
    backend.raises = None

    assert outbox.flush()
    assert outbox.failure == ""


def test_the_other_end_may_ask_to_be_left_alone_but_not_for_ever(
    make: Make, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    outbox = make(batch=1)
    backend.raises = ValueError("busy")
    backend.raises.after = 7.0  # type: ignore[attr-defined]

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        threading.Event().wait(0.02)

    monkeypatch.setattr(outbox, "_pause", pause)
    outbox.put(1)
    wait_for("it was tried", lambda: pauses)
    assert pauses[0] == 7.0
    backend.raises.after = 1e9  # type: ignore[attr-defined]
    wait_for("it is limited", lambda: pauses[-1] == 300.0)
    backend.raises = None
    assert outbox.flush()


def test_pauses_are_not_cut_short_by_what_was_put_in_before(
    make: Make, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = make(batch=1)
    for number in range(20):
        outbox.put(number)
        outbox.flush()
    backend.raises = ValueError("busy")
    outbox.put(1)
    wait_for("it was tried twice", lambda: outbox.counts.failures >= 2)
    before = outbox.counts.failures

    threading.Event().wait(0.2)
    assert outbox.counts.failures <= before + 1, "the pauses are skipped"


def test_the_thread_ends_when_closing_took_too_long() -> None:
    release = threading.Event()

    class Slow:
        def send(self, batch: Sequence[int], /) -> None:
            release.wait(30)

    box: Outbox[int] = Outbox("things", Slow, linger=0.0)
    box.put(1)
    wait_for("it is being sent", lambda: box.counts.waiting == 1)
    (worker,) = (each for each in threading.enumerate() if each.name == "tapewatch-things")

    assert not box.close(0.05)
    release.set()

    worker.join(10)
    assert not worker.is_alive()
