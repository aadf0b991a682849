"""The WebSocket on real connections, with a client that is not ours."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from support.history_api import Api, Standing, serving
from support.waiting import wait_for
from tapewatch.history.api.access import COOKIE, ApiKey, Gate, Hosts
from tapewatch.history.api.socket import connection as connection_module

KEY = "a key of more than sixteen characters"


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Standing(), Gate(Hosts(loopback=True))) as found:
        yield found


def opened(api: Api, **options: Any) -> ClientConnection:
    return connect(  # type: ignore[no-any-return]
        f"ws://127.0.0.1:{api.port}/ws/metrics", proxy=None, open_timeout=10, **options
    )


def message(client: ClientConnection) -> Any:
    return json.loads(client.recv(10))


def show(api: Api, number: int, version: int = 1) -> None:
    api.show({"n": number}, version)


def test_a_client_is_told_events_series_and_snapshots_in_this_order(api: Api) -> None:
    with opened(api) as client:
        found = [message(client)]
        for number in range(3):
            show(api, number)
        show(api, 3, version=2)
        found += [message(client) for _ in range(6)]

    assert [(each["type"], each.get("version"), each.get("n")) for each in found] == [
        ("events", None, None),
        ("series", 1, None),
        ("snapshot", 1, 0),
        ("snapshot", 1, 1),
        ("snapshot", 1, 2),
        ("series", 2, None),
        ("snapshot", 2, 3),
    ]


def test_it_answers_ping_with_pong_and_nothing_else_with_anything(api: Api) -> None:
    with opened(api) as client:
        message(client)
        for text in ("hello", "ping", "{}", "ping"):
            client.send(text)
        assert [client.recv(10) for _ in range(2)] == ["pong", "pong"]
        assert client.ping().wait(10)


def test_events_reach_every_client_as_they_come(api: Api) -> None:
    with opened(api) as one, opened(api) as other:
        message(one)
        message(other)
        api.within(lambda: api.core.hub.publish([b'{"id":"1"}', b'{"id":"2"}']))

        assert message(one) == {"type": "events", "events": [{"id": "1"}, {"id": "2"}]} == message(other)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Host": "evil.example"}, 421)],
)
def test_a_foreign_page_is_refused(api: Api, headers: dict[str, str], status: int) -> None:
    if "Host" in headers:
        reply = _handshake(api.port, headers["Host"])
        assert reply.startswith(f"HTTP/1.1 {status} ".encode())
        assert b'"foreign_host"' in reply
        return
    with pytest.raises(InvalidStatus) as caught, opened(api, origin=headers["Origin"]):
        pass
    assert caught.value.response.status_code == status


def _handshake(port: int, host: str, path: str = "/ws/metrics") -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        return client.recv(4_096)


def test_our_own_page_is_let_in(api: Api) -> None:
    with opened(api, origin=f"http://127.0.0.1:{api.port}") as client:
        message(client)


def test_elsewhere_there_is_no_websocket(api: Api) -> None:
    assert _handshake(api.port, "localhost", "/health").startswith(b"HTTP/1.1 404 ")


def test_where_a_key_is_needed_the_login_opens_the_socket_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    with serving(Standing(), Gate(Hosts(loopback=False), ApiKey(tmp_path / "key"))) as api:
        with pytest.raises(InvalidStatus) as caught, opened(api):
            pass
        assert caught.value.response.status_code == 401
        login = api.ask("POST", "/login", {"key": KEY})
        cookie = login.headers["set-cookie"].partition(";")[0]
        assert cookie.startswith(COOKIE)
        with opened(api, additional_headers={"Cookie": cookie}) as client:
            message(client)


def test_one_client_too_many_is_told_so(api: Api) -> None:
    api.core.hub.limit = 1
    with opened(api), pytest.raises(InvalidStatus) as caught, opened(api):
        pass

    assert caught.value.response.status_code == 503
    assert caught.value.response.headers["Retry-After"]


@pytest.mark.parametrize(
    ("sent", "code"), [("x" * (connection_module.LARGEST + 1), 1009), (b"binary", 1003)], ids=["too long", "binary"]
)
def test_what_is_no_message_of_ours_ends_the_connection(api: Api, sent: str | bytes, code: int) -> None:
    with opened(api) as client:
        client.send(sent)
        _until_it_ends(client)

    assert _code(client) == code


def test_a_client_that_floods_us_is_ended(api: Api) -> None:
    with opened(api, max_queue=None) as client, suppress(ConnectionClosed):
        for _ in range(100_000):
            client.send("ping")

    assert _code(client) == 1008


def test_a_slow_client_costs_no_memory_and_gets_the_newest_when_it_reads_again(api: Api) -> None:
    filler = "x" * 100_000
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        slow.connect(("127.0.0.1", api.port))
        slow.sendall(
            b"GET /ws/metrics HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        wait_for("the client is there", lambda: len(api.core.hub) == 1)
        for number in range(200):
            api.show({"n": number, "filler": filler})
        (client,) = api.core.hub._clients
        assert api.core.hub.skipped > 150
        assert client.waiting() < 300_000

        read: list[bytes] = []
        slow.settimeout(0.3)

        def newest() -> bool:
            api.show({"n": 200, "filler": filler})
            try:
                read.append(slow.recv(1 << 20))
            except TimeoutError:
                return False
            return b'"n": 200' in b"".join(read)

        wait_for("the newest snapshot arrives", newest)
    sent = b"".join(read)
    assert sent.count(b'"type": "snapshot"') < 20


def test_a_client_that_leaves_is_forgotten(api: Api) -> None:
    with opened(api) as client:
        message(client)
        assert len(api.core.hub) == 1
    wait_for("the hub has forgotten it", lambda: len(api.core.hub) == 0)


def test_when_the_server_ends_a_client_is_told_goodbye() -> None:
    with serving(Standing(), Gate(Hosts(loopback=True))) as api, opened(api) as client:
        message(client)
        api.loop.call_soon_threadsafe(api.end)
        _until_it_ends(client)

    assert _code(client) == 1012


def _code(client: ClientConnection) -> int | None:
    return client.protocol.close_code


def _until_it_ends(client: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        for _ in client:
            pass
