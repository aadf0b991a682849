"""The two kinds of cells: why one is enough where it is used, and what becomes of those of a thread."""

from __future__ import annotations

import dis
import inspect
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from threading import Thread, get_ident
from types import FrameType
from typing import Any

import pytest

from sdk.instruments.forking import in_child
from tapewatch_sdk.instruments import (
    Counter,
    CounterSeries,
    Gauge,
    GaugeSeries,
    HistogramSeries,
    MetricsRegistry,
    _cells,
)
from tapewatch_sdk.instruments._cells import ONE_CELL, ThreadCells
from tapewatch_sdk.instruments._per_thread import ThreadCounter, ThreadGaugeSeries

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

UPDATES: list[Callable[..., object]] = [
    CounterSeries.inc, Counter.inc, GaugeSeries.set, GaugeSeries.inc, GaugeSeries.dec, Gauge.set,
    HistogramSeries.observe, HistogramSeries.add,
]  # fmt: skip

HARMLESS = re.compile(r"LOAD_FAST\w*|LOAD_CONST\w*|LOAD_SMALL_INT|COPY|SWAP|CACHE|BINARY_OP")
"""Instructions on float and int after which no CPython lets anything else run."""


def updates_in_place(function: Callable[..., object]) -> Iterator[list[str]]:
    """The instructions between load and store of each `x.value += amount` and `x[i] += amount`."""
    code = [one for one in dis.get_instructions(function) if one.opname != "CACHE"]
    for place, one in enumerate(code):
        if one.opname == "BINARY_OP" and one.argrepr in ("+=", "-="):
            loads = (back for back in range(place, -1, -1) if code[back].opname in ("LOAD_ATTR", "BINARY_SUBSCR"))
            stores = (on for on in range(place, len(code)) if code[on].opname in ("STORE_ATTR", "STORE_SUBSCR"))
            yield [each.opname for each in code[next(loads) + 1 : next(stores)]]


@pytest.mark.skipif(not ONE_CELL, reason="this interpreter uses a cell for each thread")
@pytest.mark.parametrize("update", UPDATES, ids=lambda update: update.__qualname__)
def test_nothing_else_can_run_between_load_and_store_of_a_cell(update: Callable[..., object]) -> None:
    found = list(updates_in_place(update))

    assert len(found) == inspect.getsource(update).count(" += ") + inspect.getsource(update).count(" -= ")
    for between in found:
        assert "BINARY_OP" in between
        assert [name for name in between if not HARMLESS.fullmatch(name)] == []


def test_that_check_sees_a_call_in_between() -> None:
    class Careless:
        value = 0.0

        def inc(self, amount: Callable[[], float]) -> None:
            self.value += amount()

    assert [name for name in next(updates_in_place(Careless.inc)) if name.startswith(("CALL", "PRECALL"))]


def test_one_cell_is_used_only_where_it_is_known_to_be_enough() -> None:
    known = sys.implementation.name == "cpython" and sys.version_info < _cells.TESTED_BEFORE
    assert known or not ONE_CELL
    assert ONE_CELL is not (type(MetricsRegistry().counter("c")) is ThreadCounter)
    assert not (ONE_CELL and not getattr(sys, "_is_gil_enabled", lambda: True)())


def test_a_signal_handler_may_update_what_it_interrupts(registry: MetricsRegistry) -> None:
    counter = registry.counter("c", labels=["by"])
    mine, theirs = counter.labels(by="both"), counter.labels(by="both")
    handled = 0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal handled
        handled += 1
        theirs.inc()
        counter.inc(labels={"by": f"signal-{handled}"})  # a new series: it takes the lock, which the loop may hold

    def interrupted() -> tuple[float, int]:
        signal.signal(signal.SIGVTALRM, handle)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0002, 0.0002)
        done = 0
        while handled < 300:
            mine.inc()
            counter.inc(labels={"by": f"main-{done}"})
            counter.remove({"by": f"main-{done}"})
            done += 1
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        return mine.get(), done + handled

    counted, expected = in_child(interrupted)  # where a deadlock would be ended

    assert counted == expected


def test_two_threads_that_step_after_a_setting_do_not_both_take_what_was_set() -> None:
    position = MetricsRegistry(cell_per_thread=True).gauge("g").labels()
    assert isinstance(position, ThreadGaugeSeries)
    second = Thread(target=position.inc)

    class Parts(dict[int | None, float]):
        """Lets the second thread come in between looking for what was set and taking it."""

        def get(self, *arguments: Any) -> Any:
            found = super().get(*arguments)
            if second.ident is None:
                second.start()
                second.join(0.2)
            return found

    position._parts = Parts({None: 5.0})
    position.inc()
    second.join()

    assert position.get() == 7.0


def test_a_thread_has_its_own_list_and_leaves_it_to_the_next() -> None:
    cells = ThreadCells(2)
    cells.take()[0] += 1.0
    lists: list[tuple[int, list[float]]] = []

    def work() -> None:
        cells.take()[1] += 5.0
        lists.append((get_ident(), cells.of[get_ident()]))

    for _ in range(3):
        thread = Thread(target=work)
        thread.start()
        thread.join()

    assert lists[0][1] is lists[1][1] is lists[2][1]
    assert lists[0][1] is not cells.of[get_ident()]
    assert set(cells.of) == {get_ident()}
    assert cells.sums() == [1.0, 15.0]
    assert cells.lists == 2


def test_an_instrument_that_nobody_holds_is_not_kept_by_the_threads_that_used_it() -> None:
    script = """
        import gc, weakref
        from tapewatch_sdk.instruments import MetricsRegistry
        registry = MetricsRegistry(cell_per_thread=True)
        counter = registry.counter("c", labels=["a"])
        for number in range(10):
            counter.inc(labels={"a": str(number)})
        gone = weakref.ref(counter)
        del registry, counter
        gc.collect()
        print(gone())
    """
    assert _run(script) == "None\n"


@pytest.mark.parametrize("cell_per_thread", [False, True])
def test_an_interpreter_ends_in_peace_with_threads_that_still_count(cell_per_thread: bool) -> None:
    script = f"""
        import threading
        from tapewatch_sdk.instruments import MetricsRegistry
        registry = MetricsRegistry(cell_per_thread={cell_per_thread})
        counter, gauge = registry.counter("c").labels(), registry.gauge("g").labels()
        started = threading.Barrier(5)
        def work():
            counter.inc()
            started.wait()
            while True:
                counter.inc()
                gauge.inc()
        for _ in range(4):
            threading.Thread(target=work, daemon=True).start()
        started.wait()
        gauge.inc()
        print(counter.get() >= 4)
    """
    assert _run(script) == "True\n"


def _run(script: str, *arguments: Any) -> str:
    """What a script prints to both outputs."""
    command = [sys.executable, "-c", textwrap.dedent(script), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    return done.stdout
