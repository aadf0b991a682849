"""The instruments of the SDK against prometheus-client's, in the same process and in turns.

Each ratio is the best of several rounds of ours to the best of theirs: what else the machine does only ever adds. Their
`_created` series are switched off, because we write none.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Barrier, Thread
from timeit import timeit
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from _measure import ROOT, Figure, used_by
from tapewatch_sdk.instruments import MetricsRegistry, generate_openmetrics, generate_text

CALLS = 50_000
"""Calls in a round of an update."""

ROUNDS = 15

THREADS = 8
INCREMENTS = 200_000
"""Increments of each thread."""

MANY = 1_000_000
"""A budget of series that nothing here uses up."""

UPDATE, EXPOSITION, CONTENTION = 0.3, 0.2, 1.5
"""The most that ours may take: of theirs for an update and an exposition, of one thread's time for eight threads."""


def run() -> list[Figure]:
    """Updates, expositions, threads and the import."""
    with _no_created_series():
        figures = [*_updates(cell_per_thread=False), *_updates(cell_per_thread=True)]
        for count in (10_000, 100_000):
            figures += _expositions(count)
    return [*figures, *_threads(), *_dropped(), _import()]


def _updates(*, cell_per_thread: bool) -> Iterator[Figure]:
    """Each update beside theirs; the limits hold for the cells that this Python uses."""
    ours = MetricsRegistry(cell_per_thread=cell_per_thread)
    theirs = CollectorRegistry()
    names = ["symbol", "side"]
    one, their_one = (
        ours.counter("one", labels="symbol"),
        prometheus_client.Counter("a", "", ["symbol"], registry=theirs),
    )
    two, their_two = ours.counter("two", labels=names), prometheus_client.Counter("b", "", names, registry=theirs)
    latency, their_latency = ours.histogram("h"), prometheus_client.Histogram("h", "", registry=theirs)
    gauge, their_gauge = ours.gauge("g").labels(), prometheus_client.Gauge("g", "", registry=theirs)
    plain, their_plain = ours.counter("plain"), prometheus_client.Counter("plain", "", registry=theirs)
    scope = {
        "bound": one.labels(symbol="BTC-USD"), "their_bound": their_one.labels("BTC-USD"), "one": one, "two": two,
        "their_one": their_one, "their_two": their_two, "latency": latency.labels(), "their_latency": their_latency,
        "gauge": gauge, "their_gauge": their_gauge, "plain": plain, "their_plain": their_plain,
    }  # fmt: skip
    pairs = [
        ("bound inc()", "bound.inc()", "their_bound.inc()"),
        ("bound inc(2.5)", "bound.inc(2.5)", "their_bound.inc(2.5)"),
        ("inc() without labels", "plain.inc()", "their_plain.inc()"),
        ("bound observe(0.3)", "latency.observe(0.3)", "their_latency.observe(0.3)"),
        ("inc(labels=...), one", 'one.inc(labels={"symbol": "BTC-USD"})', 'their_one.labels("BTC-USD").inc()'),
        (
            "inc(labels=...), two",
            'two.inc(labels={"symbol": "BTC-USD", "side": "buy"})',
            'their_two.labels("BTC-USD", "buy").inc()',
        ),
        ("bound set(1.5)", "gauge.set(1.5)", "their_gauge.set(1.5)"),
    ]
    cells = ", a cell per thread" if cell_per_thread else ""
    for name, statement, their_statement in pairs:
        mine, other = _best(partial(_round, statement, scope), partial(_round, their_statement, scope))
        if not cell_per_thread:
            yield Figure(f"{name}: ours", mine / CALLS * 1e9, "ns")
            yield Figure(f"{name}: prometheus-client", other / CALLS * 1e9, "ns")
        yield Figure(f"{name}: ratio{cells}", mine / other, "", None if cell_per_thread else UPDATE)


def _expositions(count: int) -> Iterator[Figure]:
    """Writing so many series, after a change of every one of them."""
    ours, theirs = MetricsRegistry(series_budget=MANY), CollectorRegistry()
    names = ["symbol", "venue"]
    counter, their_counter = (
        ours.counter("c", "C.", names),
        prometheus_client.Counter("c", "C.", names, registry=theirs),
    )
    gauge, their_gauge = ours.gauge("g", "G.", names), prometheus_client.Gauge("g", "G.", names, registry=theirs)
    updates: list[tuple[Callable[[float], object], Callable[[float], object]]] = []
    for number in range(count // 2):
        labels = {"symbol": f"SYM-{number}", "venue": "kraken"}
        updates.append((counter.labels(**labels).inc, their_counter.labels(**labels).inc))
        updates.append((gauge.labels(**labels).set, their_gauge.labels(**labels).set))

    def change(turn: int) -> None:
        for number, (update, their_update) in enumerate(updates):
            value = (number * 7 + turn * 13) % 1000 + 0.25 * turn
            update(value)
            their_update(value)

    def forget() -> None:
        """Make the next exposition one of series that were never written before."""
        for series in (*counter.series(), *gauge.series()):
            series.template = ""
        gc.collect()

    their_openmetrics: Callable[[CollectorRegistry], bytes] = openmetrics.generate_latest
    text, their_text = partial(generate_text, ours), partial(generate_latest, theirs)
    for name, write, their_write, before in (
        ("first", text, their_text, forget),
        ("text", text, their_text, gc.collect),
        ("OpenMetrics", partial(generate_openmetrics, ours), partial(their_openmetrics, theirs), gc.collect),
    ):
        mine = other = float("inf")
        for turn in range(1, 8 if count <= 10_000 else 4):
            change(turn)
            before()
            seconds, written = _timed(write)
            their_seconds, wanted = _timed(their_write)
            assert written == wanted, f"{name} is not what prometheus-client writes"
            mine, other = min(mine, seconds), min(other, their_seconds)
        yield Figure(f"exposition of {count}, {name}: ours", mine * 1e3, "ms")
        yield Figure(f"exposition of {count}, {name}: prometheus-client", other * 1e3, "ms")
        yield Figure(f"exposition of {count}, {name}: ratio", mine / other, "", EXPOSITION)


def _threads() -> Iterator[Figure]:
    """Eight threads on one counter, beside one thread that does all that they do."""
    together, alone, lost = float("inf"), float("inf"), 0.0
    for _ in range(5):
        counter = MetricsRegistry().counter("c").labels()
        alone = min(alone, _hammer(counter.inc, 1, THREADS * INCREMENTS))
        together = min(together, _hammer(counter.inc, THREADS, INCREMENTS))
        lost += 2 * THREADS * INCREMENTS - counter.get()
    yield Figure("8 threads on one counter: increments lost", lost, "", 0)
    yield Figure("8 threads on one counter: ratio to one", together / alone, "", CONTENTION)


def _dropped() -> Iterator[Figure]:
    """What an update beyond the budget of series costs: the label explosion."""
    counter = MetricsRegistry(series_budget=1).counter("c", labels="order")
    counter.inc(labels={"order": "1"})
    seconds = min(timeit('inc(labels={"order": "2"})', globals={"inc": counter.inc}, number=10_000) for _ in range(5))
    yield Figure("an update beyond the budget", seconds / 10_000 * 1e9, "ns")


def _import() -> Figure:
    """What `import tapewatch_sdk.instruments` adds to the start of Python, bytecode cached as after an installation."""
    with tempfile.TemporaryDirectory() as cache:

        def start(code: str) -> float:
            code = f"import sys; sys.dont_write_bytecode = False; {code}"
            return used_by([sys.executable, "-X", f"pycache_prefix={cache}", "-c", code], ROOT).seconds

        whole = "import tapewatch_sdk, tapewatch_sdk.instruments"
        start(whole)  # writes the cache
        rounds = [(start(whole), start("pass")) for _ in range(ROUNDS)]
    seconds = min(mine for mine, _ in rounds) - min(bare for _, bare in rounds)
    return Figure("import tapewatch_sdk.instruments", seconds * 1e3, "ms", 60)


def _hammer(increment: Callable[[], object], threads: int, times: int) -> float:
    """Seconds until so many threads have each called it so many times."""
    start = Barrier(threads + 1)

    def work() -> None:
        start.wait()
        for _ in range(times):
            increment()

    running = [Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in running:
        thread.join()
    return time.perf_counter() - began


def _best(ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[float, float]:
    """The best round of each, in turns."""
    rounds = [(ours(), theirs()) for _ in range(ROUNDS)]
    return min(mine for mine, _ in rounds), min(other for _, other in rounds)


def _round(statement: str, scope: dict[str, Any]) -> float:
    return timeit(statement, globals=scope, number=CALLS)


def _timed(write: Callable[[], bytes]) -> tuple[float, bytes]:
    began = time.perf_counter()
    written = write()
    return time.perf_counter() - began, written


@contextmanager
def _no_created_series() -> Iterator[None]:
    """prometheus-client without `_created` series."""
    disable: Callable[[], None] = prometheus_client.disable_created_metrics
    enable: Callable[[], None] = prometheus_client.enable_created_metrics
    disable()
    yield
    enable()
