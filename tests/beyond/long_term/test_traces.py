"""Traces in a real Cassandra: several Jaegers share them, and outlive any one of themselves."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.cassandra import PASSWORD, USER, Cassandra
from support.rendering import render, varied, write
from support.servers import Server, free_port, start_jaeger
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.renderers.jaeger import JaegerRenderer
from tapewatch.renderers.where import native

pytestmark = [
    pytest.mark.needs("jaeger", "cassandra"),
    pytest.mark.skipif(not os.environ.get("TAPEWATCH_NIGHTLY"), reason="takes a minute; TAPEWATCH_NIGHTLY=1 runs it"),
]

PORTS = (
    "jaeger", "jaeger_grpc", "jaeger_health", "jaeger_metrics", "jaeger_sampling", "otlp_grpc", "otlp_http",
    "span_metrics",
)  # fmt: skip


@pytest.fixture(scope="module")
def cassandra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cassandra]:
    with Cassandra(tmp_path_factory.mktemp("cassandra")) as server:
        yield server


def test_one_writes_and_dies_and_the_other_reads(cassandra: Cassandra, tmp_path: Path) -> None:
    first, otlp = _jaeger(cassandra, tmp_path / "first")
    second, _ = _jaeger(cassandra, tmp_path / "second")
    with first, second:
        acknowledged = [_written(otlp, number) for number in range(50)]
        first.stop(signal.SIGKILL)

        for trace in acknowledged:
            assert "check limit" in wait_for("the other one has it", partial(second.get, f"/api/v3/traces/{trace}"))
        assert "risk-manager" in second.get("/api/v3/services")

        first.start()
        assert "check limit" in first.get(f"/api/v3/traces/{acknowledged[0]}")


def test_a_wrong_password_is_told_at_once(cassandra: Cassandra, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="password are incorrect"):
        _jaeger(cassandra, tmp_path, "wrong")


def _jaeger(cassandra: Cassandra, folder: Path, password: str = PASSWORD) -> tuple[Server, Server]:
    """A Jaeger, and the port at which it takes spans."""
    folder.mkdir(exist_ok=True)
    (folder / "password").write_text(password, encoding="utf-8")
    store = {
        "engine": "cassandra", "servers": [cassandra.address], "datacenter": cassandra.datacenter, "replication": 1,
        "username": USER, "password_file": str(folder / "password"),
    }  # fmt: skip
    ports = {name: free_port() for name in PORTS}
    catalogue = varied(lambda data: data["stack"].update(ports=ports, traces=store))
    locate = partial(native, data=str(folder / "data"), config=str(folder / layout.PROVISIONING))
    write(render(JaegerRenderer(locate), catalogue), folder)
    started = start_jaeger(folder / layout.JAEGER / "jaeger.yml", folder)
    return started, Server("jaeger", [], ports["otlp_http"], "/", folder)


def _written(otlp: Server, number: int) -> str:
    """A trace of one span, which Jaeger has acknowledged."""
    now, trace = time.time_ns(), f"{number + 1:032x}"
    one: dict[str, Any] = {
        "traceId": trace,
        "spanId": f"{number + 1:016x}",
        "name": "check limit",
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 1_000_000),
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "risk-manager"}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [one]}]}]}
    wait_for("the span is taken", lambda: otlp.post("/v1/traces", body))  # the port for spans is the last one to open
    return trace
