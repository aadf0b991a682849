"""Sending events to the project's API over HTTP."""

from __future__ import annotations

import socket
from pathlib import Path
from threading import Thread

import pytest

from sdk.events.receiver import Receiver
from sdk.events.script import run
from support.waiting import wait_for
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import AUDIT_TYPES, Event, EventBus, EventsRefusedError, EventType, HttpSender


def some(count: int = 3) -> list[Event]:
    return [Event(EventType.ENGINE_START, data={"n": n, "price": float("nan")}) for n in range(count)]


def test_events_arrive_as_json_and_are_whole(receiver: Receiver) -> None:
    events = some()

    HttpSender(receiver.url).send(events)

    assert receiver.events == [event.to_dict() for event in events]
    assert receiver.paths == ["/api/events"]
    assert receiver.headers[0]["Content-Type"] == "application/json"
    assert "Authorization" not in receiver.headers[0]


@pytest.mark.parametrize(
    ("end", "path"),
    [("/", "/api/events"), ("/api/events", "/api/events"), ("/api/events/", "/api/events"), ("/x/", "/x/api/events")],
)
def test_the_path_is_appended_unless_it_is_there(receiver: Receiver, end: str, path: str) -> None:
    HttpSender(receiver.url + end).send(some())

    assert receiver.paths == [path]


def test_a_token_is_sent_and_shown_nowhere_else(receiver: Receiver) -> None:
    sender = HttpSender(receiver.url, token="s3cret")
    sender.send(some())

    assert receiver.headers[0]["Authorization"] == "Bearer s3cret"
    assert "s3cret" not in repr(sender)


def test_a_token_in_a_file_may_come_late_and_change(receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "token"
    sender = HttpSender(receiver.url, token=file)

    with pytest.raises(OSError, match="token"):
        sender.send(some())
    for token in ("one", "two"):
        file.write_text(f"{token}\n")
        sender.send(some())

    assert [headers["Authorization"] for headers in receiver.headers] == ["Bearer one", "Bearer two"]


def test_one_connection_serves_many_batches(receiver: Receiver) -> None:
    sender = HttpSender(receiver.url)
    for _ in range(5):
        sender.send(some())

    assert (len(receiver.batches), receiver.connections) == (5, 1)


def test_a_connection_that_the_server_has_closed_meanwhile_is_opened_anew(receiver: Receiver) -> None:
    receiver.close_after_answer = True
    sender = HttpSender(receiver.url)
    for _ in range(3):
        sender.send(some(1))

    assert (len(receiver.events), receiver.connections) == (3, 3)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_events_that_are_wrong_are_refused(receiver: Receiver, status: int) -> None:
    receiver.status = status

    with pytest.raises(EventsRefusedError, match=str(status)):
        HttpSender(receiver.url).send(some())


@pytest.mark.parametrize("status", [302, 401, 403, 404, 429, 500, 503])
def test_any_other_answer_means_try_again(receiver: Receiver, status: int) -> None:
    receiver.status = status

    with pytest.raises(OSError, match=str(status)):
        HttpSender(receiver.url).send(some())


def test_a_server_that_is_not_there_means_try_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(OSError, match="refused"):
        HttpSender(f"http://127.0.0.1:{port}").send(some())


def test_a_server_that_hangs_up_means_try_again(receiver: Receiver) -> None:
    receiver.hang_up = 1

    with pytest.raises(ConnectionError):
        HttpSender(receiver.url).send(some())


def test_a_server_that_says_nothing_is_left_after_the_timeout(receiver: Receiver) -> None:
    receiver.silent.set()

    with pytest.raises(TimeoutError):
        HttpSender(receiver.url, timeout=0.2).send(some())


def test_a_server_that_speaks_no_http_means_try_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(100_000)
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

        answering = Thread(target=answer)
        answering.start()
        with pytest.raises(ConnectionError, match="BadStatusLine"):
            HttpSender(f"http://127.0.0.1:{server.getsockname()[1]}").send(some())
        answering.join()


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000", "ftp://host", "http://", "http://host:port", "http://[::1", "file:///etc/passwd"]
)
def test_a_url_that_is_none_is_a_problem_at_start(url: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        HttpSender(url)

    assert [problem.code for problem in caught.value.problems] == ["events/url"]


def test_a_sender_may_stand_on_the_bus_itself(bus: EventBus, receiver: Receiver) -> None:
    bus.attach(HttpSender(receiver.url), types=AUDIT_TYPES)
    bus.emit_kill_switch("by hand", None, None)

    wait_for("it has arrived", lambda: receiver.events)
    assert receiver.events[0]["data"]["reason"] == "by hand"


def test_a_forked_child_uses_a_connection_of_its_own(receiver: Receiver) -> None:
    printed = run(
        """
        sender = HttpSender(sys.argv[1])
        sender.send([Event(EventType.ERROR)])
        if not (child := os.fork()):
            sender.send([Event(EventType.ERROR)])
            os._exit(0)
        print(os.waitpid(child, 0)[1])
        sender.send([Event(EventType.ERROR)])
        """,
        receiver.url,
    )

    assert printed == "0\n"
    assert (len(receiver.events), receiver.connections) == (3, 2)
