"""What backends answer, and what becomes of a push then; OTLP and remote write alike."""

from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from sdk.exporters.backend import Backend, points, series
from sdk.exporters.conftest import Start
from support.servers import free_port
from support.waiting import wait_for
from tapewatch_sdk.exporters import Counts, Pushing
from tapewatch_sdk.exporters._http import _after
from tapewatch_sdk.instruments import MetricsRegistry

WAYS = ("otlp", "write")


def counts(pushing: Pushing) -> Counts:
    (found,) = pushing.counts.values()
    return found


def failure(pushing: Pushing) -> str:
    (found,) = pushing.failures.values()
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [200, 202, 204])
def test_every_answer_of_success_means_taken(backend: Backend, start: Start, way: str, status: int) -> None:
    backend.status = status

    assert start(getattr(backend, way)).close()
    assert set(backend.statuses) == {status}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_some_answers_mean_later(backend: Backend, start: Start, way: str, status: int) -> None:
    backend.status = status
    pushing = start(getattr(backend, way))
    wait_for("it was tried again", lambda: len(backend.statuses) >= 2)
    assert failure(pushing) == str(status)
    backend.status = 200

    assert pushing.flush()
    assert (counts(pushing).refused, counts(pushing).sent) == (0, 2)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415])
def test_other_answers_mean_never(backend: Backend, start: Start, way: str, status: int) -> None:
    backend.status, backend.answer = status, b"out of\n order"
    pushing = start(getattr(backend, way))

    assert not pushing.flush()
    assert (counts(pushing).refused, counts(pushing).sent) == (2, 0)
    assert failure(pushing) == f"{status} out of order"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(backend: Backend, start: Start, way: str, status: int) -> None:
    with Backend() as elsewhere:
        backend.status, backend.answer_headers = status, {"Location": elsewhere.otlp}
        pushing = start(getattr(backend, way), api_key="1:secret")

        assert not pushing.flush()
        assert elsewhere.statuses == []
    assert failure(pushing) == f"{status}: it is somewhere else; redirects are not followed"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "raw", [b"garbage\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00\xff" * 100, b"SSH-2.0-OpenSSH_9.2\r\n"]
)
def test_what_is_no_http_costs_a_counter(backend: Backend, start: Start, way: str, raw: bytes) -> None:
    backend.raw = raw
    pushing = start(getattr(backend, way))

    wait_for("it failed", lambda: counts(pushing).failures >= 1)
    assert counts(pushing).sent == 0
    backend.raw = b""
    assert pushing.flush()


@pytest.mark.parametrize("way", WAYS)
def test_nobody_at_the_other_end_costs_a_counter_and_holds_no_end_up(start: Start, way: str) -> None:
    path = {"otlp": "v1/metrics", "write": "api/v1/write"}[way]
    pushing = start(f"http://127.0.0.1:{free_port()}/{path}")
    wait_for("it failed", lambda: counts(pushing).failures >= 1)

    before = time.monotonic()
    assert not pushing.close(30)
    assert time.monotonic() - before < 20, "it was waited for though nobody is there"
    assert counts(pushing).dropped == 2
    assert "refused" in failure(pushing)


def test_a_host_that_is_not_found_costs_a_counter(start: Start) -> None:
    pushing = start("http://nowhere.invalid/v1/metrics")

    wait_for("it failed", lambda: counts(pushing).failures >= 1)


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_never_comes_is_given_up(
    start: Start, way: str, monkeypatch: pytest.MonkeyPatch, registry: MetricsRegistry
) -> None:
    monkeypatch.setattr("tapewatch_sdk.exporters._http.TIMEOUT", 0.2)
    path = {"otlp": "v1/metrics", "write": "api/v1/write"}[way]
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        pushing = start(f"http://127.0.0.1:{deaf.getsockname()[1]}/{path}")
        wait_for("it was given up twice", lambda: counts(pushing).failures >= 2)
        registry.counter("orders").inc()  # nobody waits


def test_an_answer_without_an_end_is_given_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes byte by byte, each in time."""
    monkeypatch.setattr("tapewatch_sdk.exporters._http.TIMEOUT", 1.0)
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        client, _ = server.accept()
        with client:
            client.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")
            while not over.wait(0.05):
                try:
                    client.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        pushing = start(f"http://127.0.0.1:{server.getsockname()[1]}/v1/metrics")
        try:
            wait_for("it was refused", lambda: counts(pushing).refused == 1)
        finally:
            over.set()
            thread.join(10)


def test_a_slow_backend_gets_everything_in_its_order(backend: Backend, start: Start, registry: MetricsRegistry) -> None:
    backend.delay = 0.3
    level = registry.gauge("level")
    level.set(0)
    pushing = start(backend.write, interval=0.1)
    wait_for("some waited", lambda: counts(pushing).waiting >= 3)

    assert pushing.close(30)
    times = [series(body)["level"][0][2] for body in backend.bodies]
    assert times == sorted(set(times))
    assert counts(pushing).dropped == 0


@pytest.mark.parametrize("way", WAYS)
def test_retry_after_is_respected(backend: Backend, start: Start, way: str) -> None:
    backend.status, backend.answer_headers = 429, {"Retry-After": "2"}
    start(getattr(backend, way))

    wait_for("it was tried again", lambda: len(backend.times) >= 2)
    assert backend.times[1] - backend.times[0] >= 2


def test_retry_after_may_be_a_date_or_nonsense() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    assert 55 < _after(in_a_minute) <= 60
    assert _after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert (_after("17"), _after("-5"), _after("soon"), _after("")) == (17, 0, 0, 0)


def test_points_that_otlp_did_not_take_are_counted(backend: Backend, start: Start) -> None:
    answer = ExportMetricsServiceResponse()
    answer.partial_success.rejected_data_points = 3
    answer.partial_success.error_message = "too old"
    backend.answer = answer.SerializeToString()
    pushing = start(backend.otlp)

    assert not pushing.flush()
    assert failure(pushing) == "3 points of it: too old"
    assert counts(pushing).refused == 2


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (b"{}", ""),
        (b'{"partialSuccess": {}}', ""),
        (b'{"partialSuccess": {"rejectedDataPoints": "2", "errorMessage": "no"}}', "2 points of it: no"),
        (b"<html>please log in</html>", "this is no answer of an OTLP receiver: b'<html>please log in</html>'"),
        (b"{", "this is no answer of an OTLP receiver: b'{'"),
    ],
)
def test_an_answer_in_json_is_understood_and_one_in_nothing_is_none(
    backend: Backend, start: Start, answer: bytes, refused: str
) -> None:
    backend.answer = answer
    pushing = start(backend.otlp)

    assert pushing.flush() == (not refused)
    assert failure(pushing) == refused


def test_a_backend_that_was_down_for_a_while_gets_all_that_the_buffer_held(
    backend: Backend, start: Start, registry: MetricsRegistry
) -> None:
    orders = registry.counter("orders")
    pushing = start(backend.write, interval=0.1)
    wait_for("it works", lambda: backend.bodies)
    backend.stop()
    for _ in range(10):
        orders.inc()
        _wait_until_read(pushing)
    backend.start()

    assert pushing.flush(30)
    pushing.close(30)
    values = [(value, at) for body in backend.bodies for _, value, at in series(body)["orders_total"]]
    assert values == sorted(values, key=lambda each: each[1])
    assert {float(number) for number in range(1, 11)} <= {value for value, _ in values}, "some are missing"
    assert counts(pushing).dropped == 0


def _wait_until_read(pushing: Pushing) -> None:
    """Two batches: the first one may hold what was read a moment before."""
    enough = counts(pushing).waiting + 2
    wait_for("the value is read", lambda: counts(pushing).waiting >= enough)


def test_two_backends_do_not_disturb_each_other(backend: Backend, start: Start, registry: MetricsRegistry) -> None:
    registry.gauge("level").set(3)
    dead = f"http://127.0.0.1:{free_port()}/v1/metrics"
    pushing = start([backend.otlp, dead, backend.write])

    assert not pushing.flush(5)
    assert pushing.counts[backend.otlp].sent == pushing.counts[backend.write].sent == 2
    assert pushing.counts[dead].sent == 0
    assert sorted("resourceMetrics" in _shape(body) for body in backend.bodies) == [False, False, True, True]


def _shape(body: bytes) -> str:
    """Which of the two a body is."""
    try:
        return "resourceMetrics" if points(body)["level"] else ""
    except (DecodeError, KeyError, IndexError):
        return str(series(body)["level"])
