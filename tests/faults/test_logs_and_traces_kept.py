"""Loki and Jaeger crash while they take lines and spans: whatever they acknowledged is there afterwards."""

from __future__ import annotations

import json
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread, current_thread
from typing import Any
from urllib.parse import urlencode

import pytest

from support.rendering import render, varied, write
from support.servers import Server, free_port, start_jaeger, start_loki
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.stack import Ports
from tapewatch.renderers.jaeger import JaegerRenderer
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.where import Where, native
from tapewatch_sdk.plugins import Renderer

SENDERS = 4
"""Threads that send at the same time."""

BATCH = 5
"""Spans or lines in a request."""

BEFORE, AFTER = 200, 100
"""Requests that are acknowledged before the crash, and after it."""

SERVICE = "risk-manager"

Request = dict[str, Any]


class Load:
    """Senders that go on whatever happens, and remember what was acknowledged.

    Parameters:
        server: is sent to.
        path: where it takes requests.
        make: a request with these ids.
    """

    def __init__(self, server: Server, path: str, make: Callable[[list[str]], Request]) -> None:
        self.acknowledged: set[str] = set()
        self._server, self._path, self._make = server, path, make
        self._lock, self._over = Lock(), Event()
        self._threads = [Thread(target=self._send, name=str(number)) for number in range(SENDERS)]

    def _send(self) -> None:
        while not self._over.is_set():
            ids = [uuid.uuid4().hex for _ in range(BATCH)]
            try:
                self._server.post(self._path, self._make(ids), timeout=5.0)
            except OSError:
                time.sleep(0.05)
                continue
            with self._lock:
                self.acknowledged.update(ids)

    def wait(self, requests: int) -> None:
        """Wait until so many more requests are acknowledged."""
        enough = len(self.acknowledged) + requests * BATCH
        wait_for(f"{enough} are acknowledged", lambda: len(self.acknowledged) >= enough, 60, self._server.log_tail)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Send meanwhile."""
        for each in self._threads:
            each.start()
        try:
            yield
        finally:
            self._over.set()
            for each in self._threads:
                each.join()


def crash_under(load: Load, server: Server) -> None:
    """Kill a server while it is sent to, start it anew, and let it take some more."""
    with load.going_on():
        load.wait(BEFORE)
        server.stop(signal.SIGKILL)
        server.start()
        load.wait(AFTER)


def made(kind: Callable[[Callable[..., Where]], Renderer], folder: Path) -> tuple[Catalogue, Path]:
    """A catalogue with ports of this machine, and the folder with a renderer's files for it."""
    catalogue = varied(lambda data: data["stack"].update(ports={name: free_port() for name in Ports.model_fields}))
    locate = partial(native, data=str(folder / "data"), config=str(folder / layout.PROVISIONING))
    return catalogue, write(render(kind(locate), catalogue), folder)


def resource(service: str) -> dict[str, Any]:
    return {"attributes": [{"key": key, "value": {"stringValue": service}} for key in ("service", "service.name")]}


def spans(ids: list[str]) -> Request:
    now = time.time_ns()
    times = {"startTimeUnixNano": str(now), "endTimeUnixNano": str(now + 1_000_000)}
    each = [{"traceId": name, "spanId": name[:16], "name": "check limit", **times} for name in ids]
    return {"resourceSpans": [{"resource": resource(SERVICE), "scopeSpans": [{"spans": each}]}]}


def lines(ids: list[str]) -> Request:
    """Each sender is a service of its own, so that no two of them write to one stream at the same moment.

    Loki 3.7 counts the lines of a stream, and reading its log of writes back it leaves out what has a lower count than
    it has seen: two requests to one stream may be written down in the other order, and then a crash loses the second.
    """
    now = str(time.time_ns())
    each = [{"timeUnixNano": now, "severityText": "INFO", "body": {"stringValue": name}} for name in ids]
    return {
        "resourceLogs": [
            {"resource": resource(f"{SERVICE}-{current_thread().name}"), "scopeLogs": [{"logRecords": each}]}
        ]
    }


@pytest.mark.needs("jaeger")
def test_a_span_that_jaeger_acknowledged_outlives_its_crash(tmp_path: Path) -> None:
    catalogue, folder = made(JaegerRenderer, tmp_path)
    (tmp_path / "data" / "jaeger").mkdir(parents=True)
    with start_jaeger(folder / layout.JAEGER / "jaeger.yml", tmp_path) as jaeger:
        otlp = Server("jaeger", [], catalogue.stack.ports.otlp_http, "/", tmp_path / "jaeger")
        load = Load(otlp, "/v1/traces", spans)
        crash_under(load, jaeger)

        assert [trace for trace in sorted(load.acknowledged) if not has_trace(jaeger, trace)] == []


def has_trace(jaeger: Server, trace: str) -> bool:
    try:
        return trace in jaeger.get(f"/api/traces/{trace}")
    except OSError:
        return False


@pytest.mark.needs("loki")
def test_a_line_that_loki_acknowledged_outlives_its_crash(tmp_path: Path) -> None:
    _, folder = made(LokiRenderer, tmp_path)
    with start_loki(folder / layout.LOKI / "loki.yml", tmp_path) as loki:
        load = Load(loki, "/otlp/v1/logs", lines)
        start = time.time_ns()
        crash_under(load, loki)

        assert load.acknowledged - told(loki, start) == set()


def told(loki: Server, start: int) -> set[str]:
    """All lines since then; Loki gives 5000 at once, the newest first."""
    found: set[str] = set()
    end = time.time_ns()
    while True:
        query = {"query": '{service=~"risk-manager-.+"}', "start": start, "end": end, "limit": 5000}
        answer = json.loads(loki.get(f"/loki/api/v1/query_range?{urlencode(query)}"))["data"]["result"]
        values = [value for stream in answer for value in stream["values"]]
        if not {text for _, text, *_ in values} - found:
            return found
        found |= {text for _, text, *_ in values}
        end = min(int(at) for at, *_ in values) + 1
