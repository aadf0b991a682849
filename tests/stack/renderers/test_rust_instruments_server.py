"""The server of the generated Rust module, with good clients and bad ones."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path

import pytest

from sdk.typed.rust import ask, running, sample_program
from support.waiting import wait_for

pytestmark = pytest.mark.needs("rust")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_program(tmp_path_factory.mktemp("sample"))


def test_it_answers_probes_and_refuses_the_rest(sample: Path) -> None:
    with running(sample, "host") as program:
        assert ask(program, "/health") == (200, '{"status": "ok"}')
        assert ask(program, "/ready") == (200, '{"status": "ok"}')
        assert ask(program, "/metrics?name[]=x")[0] == 200
        assert ask(program, "/metrics", "HEAD") == (200, "")
        assert ask(program, "/nothing")[0] == 404
        assert ask(program, "/metrics", "POST")[0] == 405
        program.request("GET", "/metrics")
        answer = program.getresponse()
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert int(answer.headers["Content-Length"]) == len(answer.read())


def test_a_service_that_is_not_ready_says_so(sample: Path) -> None:
    with running(sample, "host", "not ready") as program:
        assert ask(program, "/ready") == (503, '{"status": "failed"}')
        assert ask(program, "/health") == (503, '{"status": "failed"}')
        assert ask(program)[0] == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x00\xff\xfe\r\n\r\n", b"400"),
        (b"GET /metrics\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/2.0\r\n\r\n", b"400"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 20_000, b"431"),
        (b"DELETE /metrics HTTP/1.1\r\n\r\n", b"405"),
    ],
)
def test_what_is_no_request_gets_an_answer_all_the_same(sent: bytes, status: bytes, sample: Path) -> None:
    with running(sample, "host") as program, socket.create_connection((program.host, program.port), 30) as client:
        client.sendall(sent)
        assert client.recv(100).startswith(b"HTTP/1.1 " + status)


def test_clients_that_are_slow_or_break_off_hold_nobody_up(sample: Path) -> None:
    with running(sample) as program:
        address = (program.host, program.port)
        clients = [socket.create_connection(address, 30) for _ in range(40)]
        for number, client in enumerate(clients):
            if number % 4 == 1:
                client.sendall(b"GET /metr")
            elif number % 4 == 2:
                client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")  # and the answer is never read
            elif number % 4 == 3:
                client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
        answers = [ask(program)[0] for _ in range(5)]
        for client in clients:
            client.close()

    assert answers == [200] * 5


def test_a_request_that_never_ends_is_ended(sample: Path) -> None:
    with running(sample, "host") as program, socket.create_connection((program.host, program.port), 30) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 408")


def test_one_connection_too_many_is_closed_and_the_next_is_served(sample: Path) -> None:
    with running(sample, "host") as program:
        clients = [socket.create_connection((program.host, program.port), 30) for _ in range(80)]
        ends: list[bytes] = []
        threads = [threading.Thread(target=lambda one=client: ends.append(first(one))) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert ends.count(b"") == 16, "those beyond 64 are closed without a word"
        assert ends.count(b"HTTP/1.1 408") == 64
        wait_for("it answers again", lambda: ask(program)[0] == 200)


def first(client: socket.socket) -> bytes:
    """The beginning of what a client receives; nothing when the connection is closed."""
    try:
        return client.recv(12)
    except ConnectionResetError:
        return b""
    finally:
        client.close()


def test_many_scrapes_at_once_are_all_whole(sample: Path) -> None:
    with running(sample) as program:
        bodies: list[str] = []

        def scrape() -> None:
            connection = HTTPConnection(program.host, program.port, timeout=30)
            bodies.extend(ask(connection)[1] for _ in range(10))
            connection.close()

        threads: Sequence[threading.Thread] = [threading.Thread(target=scrape) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(bodies) == 80
    assert len(set(bodies)) == 1
