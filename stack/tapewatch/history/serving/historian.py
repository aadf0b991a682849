"""The one process that has the store open: bridge, collectors, store, live state."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.history import signed_here
from tapewatch.history.api.alerting import DELIVERIES, Prometheus, Shards, Watch, delivered
from tapewatch.history.api.alerting.watch import still_firing
from tapewatch.history.api.core import Pushed
from tapewatch.history.api.live import About, Alerts, Live
from tapewatch.history.api.otlp import Pushes, Taken, read
from tapewatch.history.api.socket import Hub
from tapewatch.history.bridge import Bridge, Round, targets_of
from tapewatch.history.collecting import Collectors, Host
from tapewatch.history.filling import Filler, Peer
from tapewatch.history.serving.instruments import Audience, Instruments
from tapewatch.history.serving.listening import no_socket
from tapewatch.history.serving.options import THREADS, Options
from tapewatch.history.serving.process import SERVICE
from tapewatch.history.serving.working import Loops, beat
from tapewatch.history.store import Batch, Reader, Store, Written, queries
from tapewatch.history.store.retention import Retention
from tapewatch.schema.types import seconds
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import Event, EventType
from tapewatch_sdk.serving._metrics import CONTENT_TYPES, exposition, wants_openmetrics

__all__ = ["HZ", "Historian"]

HZ = 10
"""Snapshots a second."""

SHOWN = 50
"""Events of before that the page begins with."""

BACKLOG = 120
"""Rounds that may wait for the disk: two minutes of them, some 20 MB on the sample platform."""

LATE = 10.0
"""Seconds without a round after which the bridge counts as stuck, or five beats if that is longer."""

ALERTS_REMEMBERED = 10_000
"""The newest events of alerts that are looked through for those that still fire."""

_log = logging.getLogger("tapewatch.history")

T = TypeVar("T")


class Historian:
    """The historian; what the API stands on in this process. It lives in one event loop.

    Parameters:
        options: how it is started.
        catalogue: what is scraped.

    Raises:
        ProblemsError: the store cannot be opened.
    """

    def __init__(self, options: Options, catalogue: Catalogue) -> None:
        self._options = options
        self.hub = Hub()
        self.live = Live(_abouts(catalogue))
        self.instruments = Instruments(catalogue, str(options.database.absolute().parent.anchor or "/"))
        self.audience = Audience(self.instruments)
        self.collectors = Collectors(host=Host(self._health, self._alerts, options.database.absolute().parent))
        self.bridge = Bridge(targets_of(signed_here(catalogue)), options.interval, registry=self.instruments.registry)
        self._evaluated = seconds(catalogue.defaults.evaluation_interval)
        self._pushes = Pushes()
        self._pushing = asyncio.Lock()
        self._loops = Loops()
        self._threads = ThreadPoolExecutor(THREADS, "history-question")
        # Of one thread: batches would wait for each other at the disk anyhow.
        self._writes = ThreadPoolExecutor(1, "history-write")
        self._told = 0
        self._round_at = 0.0
        self._waiting = 0
        self._beats = 0
        self.store = Store.open(
            options.database,
            batch_size=options.batch_size,
            write_interval=options.write_interval,
            retention=_retention(catalogue),
        )
        try:
            self.store.define([*self.collectors.tables, DELIVERIES])
            self._serve()
            self._reader = self.store.reader()
        except BaseException:
            self.store.close()
            raise
        self.instruments.registry.register_callback(self._look)
        self._filler = Filler(
            [Peer(url, options.api_key_file) for url in options.peers],
            options.interval,
            2 * self._evaluated,
            self._reader,
            self._in_thread,
            self._written,
            lambda: bool(self._round_at),
        )

    def _serve(self) -> None:
        """Let other processes of this user read the store."""
        try:
            self.store.serve()
        except OSError as error:
            raise ProblemsError([no_socket(self.store.path, error)]) from error

    # From the start to the end.

    async def start(self) -> None:
        """Begin to scrape, to store and to show."""
        firing, since, newest = await self._of_before()
        self.hub.remember(newest)
        await self.store_events([Event(EventType.ENGINE_START, source=SERVICE)])
        found = [Prometheus(url, self._options.prometheus_token) for url in self._options.prometheus]
        watch = Watch(
            Shards(found) if len(found) > 1 else next(iter(found), None),
            self._evaluated,
            self.store_events,
            self.live.show_alerts,
        )
        self._loops.start("the bridge", lambda: self.bridge.run(self._take))
        self._loops.start("the beat of the page", lambda: beat(1 / HZ, self._show))
        if self._options.peers:
            self._loops.start("the filling of gaps", self._filler.run)
        if found:
            self._loops.start("the watch of the alerts", lambda: watch.run(firing, since))
        else:
            await watch.run(firing, since)

    async def stop(self) -> None:
        """Let everything that was taken come to the disk, and close the store."""
        await self._loops.stop()
        await self.bridge.close()
        try:
            await self.store_events([Event(EventType.ENGINE_STOP, source=SERVICE)])
        except ProblemsError as error:
            _log.warning("the end could not be written down: %s", error)
        self._writes.shutdown()
        self._threads.shutdown(cancel_futures=True)
        self._reader.close()
        await asyncio.to_thread(self.store.close)

    async def _of_before(self) -> tuple[dict[Any, int], float, list[bytes]]:
        """The alerts that fired at the last look, when that was, and the newest events."""
        kinds = (EventType.ALERT_FIRING, EventType.ALERT_RESOLVED)
        newest = await self._in_thread(lambda: queries.events(self._reader, limit=SHOWN))
        alerts = await self._in_thread(lambda: queries.events(self._reader, types=kinds, limit=ALERTS_REMEMBERED))
        # The newest event tells little: Prometheus may have been silent when it came, or its sender's clock is ahead.
        looked = await self._in_thread(lambda: queries.watched(self._reader))
        known = looked or (newest[0].timestamp if newest else datetime.now(UTC))
        return still_firing(alerts), min(known.timestamp(), time.time()), [_encoded(each) for each in reversed(newest)]

    # What comes in.

    def _take(self, found: Round) -> None:
        """Show a round, and hand it to the store."""
        self._round_at = time.monotonic()
        self.live.take(found.scrapes)
        rows = self.collectors.collect(found)
        for problem in self.collectors.problems[self._told :]:
            _log.warning("%s: %s", problem.code, problem.summary)
        self._told = len(self.collectors.problems)
        if self._waiting >= BACKLOG:
            self.instruments.lost.inc()
            return
        scrapes = [scrape for each in found.scrapes.values() for scrape in each]
        future = self.store.submit(Batch(scrapes, rows, at=found.at))
        self._waiting += 1
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda done: loop.call_soon_threadsafe(self._stored, done))

    def _stored(self, done: Future[Written]) -> None:
        self._waiting -= 1
        error = done.exception()
        if error is None:
            self.instruments.samples.inc(done.result().samples)
            return
        self.instruments.lost.inc()
        if not isinstance(error, ProblemsError):
            _log.error("a round could not be stored", exc_info=error)

    async def store_events(self, events: Sequence[Event]) -> int:
        """Store events; see `Core`."""
        return len(await self._write(Batch(events=events)))

    async def deliver(self, message: Mapping[str, Any]) -> None:
        """Store a message of Alertmanager's; see `Core`."""
        await self._write(delivered(message))

    async def _write(self, batch: Batch) -> Sequence[Event]:
        written = await self._written(batch)
        self.instruments.events.inc(len(written.events))
        self.hub.publish(_encoded(each) for each in written.events)
        return written.events

    async def _written(self, batch: Batch) -> Written:
        """Write at once what somebody waits for."""
        return await asyncio.get_running_loop().run_in_executor(self._writes, self.store.write, batch)

    async def _in_thread(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, question)

    async def push(self, body: bytes, content_type: str) -> Pushed:
        """Store the points of an OTLP request; see `Core`."""

        def take() -> Taken:
            return self._pushes.take(read(body, content_type), time.time())

        async with self._pushing:
            taken = await asyncio.get_running_loop().run_in_executor(self._threads, take)
            if taken.scrapes:
                written = await self._written(Batch(taken.scrapes))
                self.instruments.samples.inc(written.samples)
            self._pushes.keep(taken)
            for scrape in self._pushes.shown(taken):
                self.live.pushed(scrape)
        self.instruments.refused.inc(len(taken.refused))
        return Pushed(len(taken.refused), str(taken.refused))

    # What is told.

    @property
    def reader(self) -> Reader:
        """Reads the store."""
        return self._reader

    @property
    def threads(self) -> Executor:
        """Where questions to the store are waited for."""
        return self._threads

    async def problems(self) -> Sequence[str]:
        """Why it cannot do its work; see `Core`."""
        return self._problems()

    def _problems(self) -> list[str]:
        found = []
        state = self.store.state
        if not state.writing:
            found.append(f"the store is not writing: {state.reason}")
        if not self._round_at:
            found.append("the bridge has not completed a round yet")
        elif (late := time.monotonic() - self._round_at) > max(LATE, 5 * self._options.interval):
            found.append(f"the bridge has not completed a round for {late:.0f} s")
        if self._filler.reason:
            found.append(self._filler.reason)
        if self._waiting >= BACKLOG:
            found.append(f"{self._waiting} rounds wait for the disk")
        return found

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """Its own metrics; see `Core`."""
        newer = wants_openmetrics(accept)
        return exposition(self.instruments.registry, newer), CONTENT_TYPES[newer]

    def measure(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.instruments.measure(method, route, status, seconds)

    def _show(self) -> None:
        """Send a snapshot; without clients only one a second is made, for those who ask for it."""
        self._beats += 1
        if self._beats % HZ == 1:
            self.live.show_store(self.store.state)
        if len(self.hub) or self._beats % HZ == 1:
            snapshot = self.live.snapshot()
            self.hub.show(self.live.version, self.live.series, snapshot)

    def _look(self) -> None:
        """Bring the gauges up to date."""
        state, mine = self.store.state, self.instruments
        if self._options.workers > 1:  # the clients of the hub are the workers
            mine.clients.set(len(self.audience))
        else:
            mine.clients.set(len(self.hub))
            mine.sent.inc(self.hub.sent - mine.sent.get())
            mine.skipped.inc(self.hub.skipped - mine.skipped.get())
        mine.store_bytes.set(state.bytes)
        mine.writing.set(float(state.writing))

    def _health(self) -> str | None:
        return "not ready" if self._problems() else "ready"

    def _alerts(self) -> int | None:
        alerts: Alerts = self.live.alerts
        firing = [each for each in alerts.active if each["state"] == "firing"]
        return len(firing) if alerts.evaluated else None


def _retention(catalogue: Catalogue) -> Retention:
    history = catalogue.stack.history
    return Retention.of_catalogue(history.keep if history else {})


def _abouts(catalogue: Catalogue) -> dict[str, About]:
    return {
        name: About(service.team, service.mode, seconds(service.push.interval))
        for name, service in catalogue.services.items()
    }


def _encoded(event: Event) -> bytes:
    return json.dumps(event.to_dict(), separators=(",", ":")).encode()
