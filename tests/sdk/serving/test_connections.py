"""Connections: how they are kept, what ends them, and that no client holds up another or survives a fork."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from sdk.serving.http_client import connect, get, read_all, talk
from support.servers import free_port
from support.waiting import wait_for
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.instruments import MetricsRegistry
from tapewatch_sdk.serving import Server, serve

Serving = Callable[..., Server]

ASK = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_a_connection_stays_open_for_the_next_scrape(serving: Serving) -> None:
    with connect(serving()) as connection:
        for _ in range(3):
            connection.sendall(ASK)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_requests_that_are_sent_ahead_are_answered_in_order(serving: Serving) -> None:
    said = talk(serving(), ASK + b"GET /nothing HTTP/1.1\r\n\r\n" + LAST)

    assert [line for line in said.splitlines() if line.startswith("HTTP/1.1")] == [
        "HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found", "HTTP/1.1 200 OK",
    ]  # fmt: skip


def test_a_request_may_come_in_pieces(serving: Serving) -> None:
    with connect(serving()) as connection:
        for byte in LAST:
            connection.sendall(bytes([byte]))
        assert b"200 OK" in read_all(connection)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /health HTTP/1.0\r\n\r\n", "200 OK"),
        (LAST, "200 OK"),
        (b"nonsense\r\n\r\n", "400 Bad Request"),
        (b"\r\n\r\n", "400 Bad Request"),
        (b"GET http://other/ HTTP/1.1\r\n\r\n", "400 Bad Request"),
        (b"GET /health HTTP/1.1\r\nno colon\r\n\r\n", "400 Bad Request"),
        (b"GET /health HTTP/1.1\r\n folded: x\r\n\r\n", "400 Bad Request"),
        (b"\x16\x03\x01\x02\x00\x01\xfc\x03\x03\r\n\r\n", "400 Bad Request"),
        (b"PRI * HTTP/2.0\r\n\r\n", "400 Bad Request"),
        (b"GET / HTTP/2.0\r\n\r\n", "505 HTTP Version Not Supported"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", "431 Request Header Fields Too Large"),
        (b"GET /" + b"x" * 100_000, "431 Request Header Fields Too Large"),
        (b"POST /ready HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" + ASK, "405 Method Not Allowed"),
        (b"GET /health HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + ASK, "200 OK"),
    ],
)
def test_one_answer_and_the_end(sent: bytes, status: str, serving: Serving) -> None:
    server = serving()
    with connect(server) as connection:
        try:
            connection.sendall(sent)
            said = read_all(connection).decode()
        except ConnectionResetError:  # it was closed with something of ours still unread
            said = ""

    assert said.count("HTTP/1.1 ") <= 1
    assert not said or said.startswith(f"HTTP/1.1 {status}\r\n")
    assert "Traceback" not in said
    assert said or len(sent) > 16_384
    assert get(server, "/health").status == 200


def test_a_client_that_is_gone_before_its_answer_harms_nothing(serving: Serving) -> None:
    server = serving(health={"slow": threading.Event().wait}, check_timeout=0.1)
    for _ in range(10):
        connection = connect(server)
        connection.sendall(ASK)
        # Ends with a reset, and not in good order.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.close()

    assert get(server, "/ready").status == 200
    wait_for("all are closed", lambda: not server._tasks)


def test_a_slow_client_holds_up_nobody_and_is_cut_off(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch_sdk.serving._server.HEAD_TIMEOUT", 0.2)
    server = serving()
    with connect(server) as slow:
        slow.sendall(b"GET /health HT")
        assert get(server, "/health").status == 200
        assert read_all(slow) == b""


def test_a_client_that_never_asks_is_cut_off(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch_sdk.serving._server.IDLE_TIMEOUT", 0.2)
    with connect(serving()) as idle:
        assert read_all(idle) == b""


def test_a_client_that_never_reads_is_cut_off(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch_sdk.serving._server.SEND_TIMEOUT", 0.2)
    registry = MetricsRegistry(series_budget=100_000)
    orders = registry.counter("orders_total", "Orders sent.", ["symbol"])
    for number in range(50_000):
        orders.labels(symbol=f"a long name of a symbol, so that no buffer holds all of them, {number}").inc()
    server = serving(registry=registry)

    with connect(server) as deaf:
        deaf.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert get(server, "/health").status == 200
        wait_for("it is cut off", lambda: not server._tasks)


def test_idle_connections_make_room_for_new_ones(serving: Serving) -> None:
    server = serving()
    idle = [connect(server) for _ in range(100)]
    try:
        for connection in idle[-10:]:
            connection.sendall(LAST)
            assert b"200 OK" in read_all(connection)
        assert read_all(idle[0]) == b""
        assert len(server._tasks) <= 64
    finally:
        for connection in idle:
            connection.close()


def test_by_default_other_machines_do_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAPEWATCH_LISTEN_ADDRESS", raising=False)
    with serve(0) as server:
        assert server.address == "127.0.0.1"
        assert server.url == f"http://127.0.0.1:{server.port}"


def test_the_environment_says_where_to_listen_unless_the_program_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEWATCH_LISTEN_ADDRESS", "0.0.0.0")
    with serve(0) as everywhere, serve(0, "127.0.0.1") as here:
        assert (everywhere.address, here.address) == ("0.0.0.0", "127.0.0.1")
        assert everywhere.url == f"http://127.0.0.1:{everywhere.port}"
        assert get(everywhere, "/health").status == 200


def test_it_listens_on_ip_version_6_too() -> None:
    try:
        server = serve(0, "::1")
    except ProblemsError as error:
        pytest.skip(f"this machine has no ::1: {error}")
    with server, socket.create_connection(("::1", server.port), 30) as connection:
        connection.sendall(LAST)
        assert b"200 OK" in read_all(connection)
        assert server.url == f"http://[::1]:{server.port}"


def test_a_port_that_is_taken_is_an_error_at_the_start(serving: Serving) -> None:
    port = serving().port

    with pytest.raises(ProblemsError) as caught:
        serve(port)

    (problem,) = caught.value.problems
    assert (problem.code, problem.summary) == ("serving/port-taken", f"port {port} of 127.0.0.1 is taken")


@pytest.mark.parametrize(
    ("port", "address"),
    [(80_000, "127.0.0.1"), (-1, "127.0.0.1"), (0, "192.0.2.1"), (0, "no.such.host.invalid"), (0, "a" * 300)],
)
def test_an_address_that_cannot_be_had_is_an_error_at_the_start(port: int, address: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        serve(port, address)

    assert [problem.code for problem in caught.value.problems] == ["serving/cannot-listen"]


def test_closing_frees_the_port_and_ends_connections() -> None:
    port = free_port()
    for _ in range(3):
        server = serve(port)
        with connect(server) as idle:
            assert get(server, "/health").status == 200
            server.close()
            assert read_all(idle) == b""
        server.close()
        with pytest.raises(ConnectionRefusedError):
            connect(server)
    assert not [thread for thread in threading.enumerate() if thread.name == "tapewatch-serving" and not thread.daemon]


def test_closing_waits_for_no_client_and_no_check(serving: Serving) -> None:
    release = threading.Event()
    server = serving(health={"hangs": release.wait}, check_timeout=600)
    with connect(server) as connection:
        connection.sendall(ASK)
        wait_for("it is asked", lambda: server._tasks and not server._idle)
        server.close(600)
        assert read_all(connection) == b""
    release.set()


def test_a_child_does_not_serve_and_holds_nothing_open(serving: Serving) -> None:
    server = serving()
    reading, writing = os.pipe()
    with connect(server) as connection:
        connection.sendall(ASK)
        assert connection.recv(65_536)
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)  # lives until its parent has looked
            os._exit(0)
        try:
            connection.sendall(ASK)
            assert connection.recv(65_536)
            server.close()
            assert read_all(connection) == b""
            with pytest.raises(ConnectionRefusedError):
                connect(server)
            serve(server.port).close()
        finally:
            os.close(writing)
            os.close(reading)
            os.waitpid(child, 0)


def test_a_child_may_serve_on_a_port_of_its_own(serving: Serving) -> None:
    serving()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        with serve(0, "127.0.0.1") as own:
            status = get(own, "/health").status
        os.write(writing, str(status).encode())
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 16) == b"200"
    os.waitpid(child, 0)
    os.close(reading)


def test_a_program_that_serves_ends_when_its_work_does() -> None:
    code = (
        "from tapewatch_sdk.serving import serve\n"
        "import threading\n"
        "server = serve(0, health={'hangs': threading.Event().wait})\n"
        "import urllib.request\n"
        "try:\n"
        "    urllib.request.urlopen(server.url + '/health', timeout=0.2)\n"
        "except OSError:\n"
        "    print('done')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert (done.stdout, done.stderr) == ("done\n", "")
