"""The skin of the API: limits, errors in one shape, headers, the key and the login. What it stands on is in memory."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from collections.abc import Iterator
from http import client as http_client
from pathlib import Path

import psutil
import pytest

from support.history_api import Api, Reply, Standing, serving
from support.waiting import wait_for
from tapewatch.history.api import shield
from tapewatch.history.api.access import COOKIE, ApiKey, Gate, Hosts
from tapewatch.history.api.access.gate import OPEN
from tapewatch.history.serving import http
from tapewatch.history.store import StoreFullError, StoreGoneError
from tapewatch_sdk.events import Event, EventType
from tapewatch_sdk.problems import Problem

KEY = "a key of more than sixteen characters"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving(Standing(), Gate(Hosts(loopback=True))) as found:
        yield found


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Api]:
    (tmp_path / "key").write_text(KEY)
    with serving(Standing(), Gate(Hosts(loopback=False), ApiKey(tmp_path / "key"))) as found:
        yield found


def event(number: int = 0, **more: object) -> dict[str, object]:
    made = Event(EventType.TRADE_REJECTED, data={"n": number}, source="risk", id=f"id-{number}").to_dict()
    return {**made, **more}


def in_one_shape(reply: Reply) -> bool:
    error = reply.json["error"]
    assert set(reply.json) == {"error"}
    assert set(error) == {"code", "message", "details"}
    assert reply.headers["content-type"] == "application/json"
    return True


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/nowhere", None, {}, 404),
        ("PUT", "/api/events", b"", {}, 405),
        ("POST", "/api/events", b"{", JSON, 400),
        ("POST", "/api/events", b"[" * 10_000, JSON, 400),
        ("POST", "/api/events", b"\xff\xfe", JSON, 400),
        ("POST", "/api/events", b"{}", JSON, 422),
        ("POST", "/api/events", b"{}", {"Content-Type": "text/plain"}, 422),
        ("POST", "/api/events", json.dumps({"events": [event(timestamp="yesterday")]}).encode(), JSON, 422),
        ("POST", "/api/events", json.dumps({"events": [event(event_type="LUNCH")]}).encode(), JSON, 422),
        ("POST", "/api/events", json.dumps({"events": [event()] * 1_001}).encode(), JSON, 422),
        ("POST", "/api/events", b" " * (9 << 20), JSON, 413),
        ("POST", "/api/metrics/history", b" " * (65 << 10), JSON, 413),
        ("GET", "/api/events?limit=0", None, {}, 422),
        ("GET", "/api/events?type=LUNCH", None, {}, 422),
        ("GET", "/api/events?start=2026-01-01", None, {}, 422),
        ("GET", "/" + "a" * 9_000, None, {}, 431),
        ("GET", "/health", None, {"X-Long": "a" * 17_000}, 431),
        ("GET", "/health", None, {"Host": "evil.example"}, 421),
        ("GET", "/health", None, {"Origin": "http://evil.example"}, 403),
        ("POST", "/v1/metrics", b"{}", {"Content-Type": "text/plain"}, 415),
        ("POST", "/v1/metrics", b"{}", {**JSON, "Content-Encoding": "br"}, 415),
        ("POST", "/v1/metrics", b"no gzip", {**JSON, "Content-Encoding": "gzip"}, 400),
        ("POST", "/v1/metrics", gzip.compress(b"{}")[:-4], {**JSON, "Content-Encoding": "gzip"}, 400),
        ("POST", "/v1/metrics", gzip.compress(b" " * (17 << 20)), {**JSON, "Content-Encoding": "gzip"}, 413),
        ("POST", "/api/alerts/webhook", b'{"receiver": "a"}', JSON, 422),
        ("GET", "/ws/metrics", None, {}, 426),
    ],
    # A name must be the same in every process that collects it, and bodies hold times.
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 else "-",
)
def test_every_error_has_the_one_shape(
    api: Api, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int
) -> None:
    reply = api.ask(method, path, body, headers)

    assert (reply.status, in_one_shape(reply)) == (status, True)


def test_a_method_that_is_not_there_is_told_the_ones_that_are(api: Api) -> None:
    assert set(api.ask("DELETE", "/api/events").headers["allow"].split(", ")) == {"GET", "POST"}


@pytest.mark.parametrize("path", ["/health", "/", "/docs", "/openapi.json", "/nowhere", "/metrics"])
def test_every_answer_has_the_headers_of_safety(api: Api, path: str) -> None:
    headers = {name.lower(): value for name, value in api.ask("GET", path).headers.items()}

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers


def test_a_bug_tells_nothing_of_how_we_are_built(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    api.core.failing = RuntimeError("SELECT secret FROM /etc/passwd")
    try:
        reply = api.ask("POST", "/api/events", {"events": [event()]})
    finally:
        api.core.failing = None

    assert (reply.status, reply.code, in_one_shape(reply)) == (500, "internal", True)
    assert b"SELECT" not in reply.body
    assert b"Traceback" not in reply.body


@pytest.mark.parametrize("error", [StoreFullError, StoreGoneError])
def test_while_the_store_cannot_write_it_says_when_to_come_again(
    api: Api, error: type[StoreFullError | StoreGoneError]
) -> None:
    api.core.failing = error([Problem("store/full", "no space left on /secret/disk")])
    try:
        reply = api.ask("POST", "/api/events", {"events": [event()]})
    finally:
        api.core.failing = None

    assert (reply.status, in_one_shape(reply)) == (503, True)
    assert int(reply.headers["retry-after"]) > 0
    assert b"secret" not in reply.body


def test_an_event_is_stored_once_however_often_it_is_sent(api: Api) -> None:
    api.core.events.clear()
    one = event(1)
    first = api.ask("POST", "/api/events", {"events": [one, event(2)]})
    again = api.ask("POST", "/api/events", {"events": [event(2), event(3)]})

    assert first.json == {"stored": 2, "known": 0}
    assert again.json == {"stored": 1, "known": 1}
    assert api.core.events["id-1"].to_dict() == one


UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
KEYED = UPGRADE + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


@pytest.mark.parametrize(
    ("request_line", "headers", "status", "code"),
    [
        ("NONSENSE / HTTP/1.1", "", 400, "bad_request"),
        ("\x16\x03\x01", "", 400, "bad_request"),
        ("GET /health HTTP/1.1", "X: a\x00b\r\n", 400, "bad_request"),
        ("POST /api/events HTTP/1.1", "Content-Length: -1\r\n", 400, "bad_request"),
        ("POST /api/events HTTP/1.1", "Content-Length: 1\r\nContent-Length: 2\r\n", 400, "bad_request"),
        ("GET /health HTTP/1.1", f"X-Long: {'a' * 60_000}\r\n", 431, "too_long"),
        (f"GET /{'a' * 60_000} HTTP/1.1", "", 431, "too_long"),
        ("GET /ws/metrics HTTP/1.1", UPGRADE, 400, "bad_request"),
        ("POST /ws/metrics HTTP/1.1", KEYED, 405, "method_not_allowed"),
        ("GET /ws/metrics HTTP/1.1", KEYED.replace("13", "12"), 400, "bad_request"),
        (f"GET /ws/metrics?{'a' * 9_000} HTTP/1.1", KEYED, 431, "too_long"),
        ("GET /ws/metrics HTTP/1.1", f"X-Long: {'a' * 9_000}\r\n{KEYED}", 431, "too_long"),
        ("GET /ws/metrics HTTP/1.1", "X: y\r\n" * 200 + KEYED, 431, "too_long"),
        ("GET /ws/nowhere HTTP/1.1", KEYED, 404, "not_found"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_never_reaches_a_call_is_refused_in_the_one_shape_too(
    api: Api, request_line: str, headers: str, status: int, code: str
) -> None:
    reply = raw(api, f"{request_line}\r\nHost: localhost:{api.port}\r\n{headers}\r\n")

    assert (reply.status, reply.code, in_one_shape(reply)) == (status, code, True)


def test_a_connection_too_many_is_told_when_to_come_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CONNECTIONS", 1)
    with socket.create_connection(("127.0.0.1", api.port), 10):
        reply = raw(api, f"GET /health HTTP/1.1\r\nHost: localhost:{api.port}\r\n\r\n")

    assert (reply.status, reply.code, in_one_shape(reply)) == (503, "too_many_connections", True)
    assert int(reply.headers["retry-after"]) > 0


def raw(api: Api, request: str) -> Reply:
    """What is answered to bytes that need be no HTTP."""
    with socket.create_connection(("127.0.0.1", api.port), 10) as connection:
        connection.sendall(request.encode("latin-1"))
        return answer(connection)


def answer(connection: socket.socket) -> Reply:
    """The next answer, whole."""
    found = http_client.HTTPResponse(connection)
    found.begin()
    return Reply(found.status, {name.lower(): value for name, value in found.headers.items()}, found.read())


@pytest.mark.parametrize("more", [b'{"\\ud800": 1}', b"[" * 500 + b"]" * 500, b"NaN", b"1" + b"0" * 400])
def test_what_a_delivery_says_beyond_what_we_know_does_no_harm(api: Api, more: bytes) -> None:
    alert = b'{"status": "firing", "labels": {}, "startsAt": "2026-11-29T10:00:00Z", "more": %s}' % more
    body = b'{"receiver": "desk", "status": "firing", "alerts": [%s], "more": %s}' % (alert, more)

    assert api.ask("POST", "/api/alerts/webhook", body, JSON).status == 200
    assert "more" not in api.core.messages[-1]


def test_a_body_that_has_no_length_is_cut_off_at_the_limit(api: Api) -> None:
    with socket.create_connection(("127.0.0.1", api.port), 10) as connection:
        head = f"POST /api/metrics/history HTTP/1.1\r\nHost: localhost:{api.port}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(5):
            connection.sendall(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
        assert connection.recv(4_096).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_never_ends_is_not_waited_for(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shield, "BODY_TIMEOUT", 0.2)
    with socket.create_connection(("127.0.0.1", api.port), 10) as connection:
        head = f"POST /api/events HTTP/1.1\r\nHost: localhost:{api.port}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())

        assert connection.recv(4_096).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_has_not_come_when_the_server_ends_may_be_sent_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(http, "GRACE", 0.2)
    with (
        serving(Standing(), Gate(Hosts(loopback=True))) as api,
        socket.create_connection(("127.0.0.1", api.port), 10) as connection,
    ):
        head = f"POST /api/events HTTP/1.1\r\nHost: localhost:{api.port}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        wait_for("the call waits for it", lambda: len(asyncio.all_tasks(api.loop)) > 1)
        api.end()
        reply = answer(connection)

    assert (reply.status, reply.code, in_one_shape(reply)) == (503, "ending", True)
    assert "Traceback" not in caplog.text


def test_a_head_that_never_ends_is_not_waited_for(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "HEAD_TIMEOUT", 0.2)
    with socket.create_connection(("127.0.0.1", api.port), 10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n")

        assert _rest(connection) == b""


@pytest.mark.parametrize(
    "said",
    [b"\r\n", b"POST /api/events HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 9\r\n\r\n."],
    ids=["an empty line", "a body that is refused"],
)
def test_who_says_something_that_begins_no_request_is_not_waited_for(
    api: Api, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(http, "HEAD_TIMEOUT", 0.2)
    monkeypatch.setattr(shield, "PAUSE", 0.1)
    with socket.create_connection(("127.0.0.1", api.port), 10) as connection:
        connection.sendall(f"GET /health HTTP/1.1\r\nHost: localhost:{api.port}\r\n\r\n".encode())
        assert answer(connection).status == 200
        connection.sendall(said)
        if len(said) > 2:
            assert answer(connection).status == 421
            connection.sendall(b".")  # of a body that nobody wants, and that takes its time

        assert _rest(connection) == b""


def test_an_answer_that_nobody_reads_is_not_kept_for_ever(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "UNREAD", 0.3)
    api.show(
        {"at": 1.0, "simulated": False, "services": {}, "values": [1.5] * 50_000},
        99,
        [["n" * 200, {}, "gauge"]] * 50_000,
    )
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", api.port))
        connection.sendall(f"GET /api/metrics/current HTTP/1.1\r\nHost: localhost:{api.port}\r\n\r\n".encode())
        address = connection.getsockname()

        wait_for("the connection is ended", lambda: address in _seen(), 10)
        wait_for("the connection is ended", lambda: address not in _seen(), 10)


def _seen() -> set[tuple[str, int]]:
    """The clients of connections of this process."""
    return {each.raddr for each in psutil.Process().net_connections("tcp") if each.status == psutil.CONN_ESTABLISHED}


def test_a_head_without_an_end_does_not_fill_the_memory(api: Api) -> None:
    with socket.create_connection(("127.0.0.1", api.port), 10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nX-Endless: ")
        try:
            for _ in range(200):
                connection.sendall(b"a" * 10_000)
                time.sleep(0.001)
        except OSError:
            return
        assert _rest(connection) == b"" or _rest(connection).startswith(b"HTTP/1.1 431 ")


def _rest(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4_096)
    except ConnectionError:
        return b""


def test_requests_are_counted_by_route_and_not_by_whatever_was_asked(api: Api) -> None:
    api.core.measured.clear()
    api.ask("GET", "/health")
    api.ask("GET", "/a/b/c")

    told = [("GET", "/health", 200), ("GET", "other", 404)]
    wait_for("both are counted, after they were answered", lambda: api.core.measured == told)


def test_the_page_is_served_and_is_asked_for_again_only_when_it_has_changed(api: Api) -> None:
    page = api.ask("GET", "/")
    etag = page.headers["etag"]

    assert page.headers["content-type"].startswith("text/html")
    assert b"<title>tapewatch</title>" in page.body
    assert api.ask("GET", "/", headers={"If-None-Match": etag}).status == 304
    assert api.ask("GET", "/page/main.js").headers["content-type"].startswith("text/javascript")
    assert api.ask("GET", "/page/../app.py").status == 404


def test_the_openapi_page_shows_every_call_and_loads_nothing(api: Api) -> None:
    text = api.ask("GET", "/docs").body.decode()

    assert all(path in text for path in api.ask("GET", "/openapi.json").json["paths"])
    assert "<script" not in text
    assert "src=" not in text


def test_every_call_declares_its_errors_in_the_one_shape(api: Api) -> None:
    paths = api.ask("GET", "/openapi.json").json["paths"]
    calls = {f"{method} {path}": call for path, found in paths.items() for method, call in found.items()}

    assert len(calls) >= 14
    for name, call in calls.items():
        statuses = {status for status in call["responses"] if status >= "400"}
        assert {"401", "403", "405", "413", "421", "429", "431", "500", "503"} <= statuses, name
        for status in statuses:
            schema = call["responses"][status]["content"]["application/json"]["schema"]["$ref"]
            assert schema.endswith(("/ErrorBody", "/Readiness")), (name, status)


def test_every_call_tells_how_the_key_is_shown_and_which_headers_come_with_an_error(api: Api) -> None:
    told = api.ask("GET", "/openapi.json").json

    assert set(told["components"]["securitySchemes"]) == {"bearer", "header", "basic", "cookie"}
    for path, calls in told["paths"].items():
        for call in calls.values():
            assert bool(call["security"]) == (path not in OPEN), path
            found = {status: set(answer.get("headers", {})) for status, answer in call["responses"].items()}
            assert found["401"] == {"WWW-Authenticate"}
            assert found["405"] == {"Allow"}
            assert found["429"] == {"Retry-After"}
            assert path == "/health/ready" or found["503"] == {"Retry-After"}, path


def test_readiness_tells_the_reasons(api: Api) -> None:
    assert api.ask("GET", "/health/ready").json == {"status": "ready", "reasons": []}
    api.core.reasons = ["the store is not writing: the disk is full"]
    try:
        reply = api.ask("GET", "/health/ready")
    finally:
        api.core.reasons = []

    assert reply.status == 503
    assert reply.json == {"status": "not ready", "reasons": ["the store is not writing: the disk is full"]}
    assert api.ask("GET", "/health/live").status == 200


def test_a_stranger_is_told_less_of_the_health(locked: Api) -> None:
    locked.core.reasons = ["the disk is full"]

    assert locked.ask("GET", "/health").json["version"] is None
    assert locked.ask("GET", "/health/ready").json == {"status": "not ready", "reasons": []}
    known = {"X-API-Key": KEY}
    assert locked.ask("GET", "/health/ready", headers=known).json["reasons"] == ["the disk is full"]


def test_without_the_key_nothing_is_told_and_nothing_is_taken(locked: Api) -> None:
    refused = locked.ask("POST", "/api/events", {"events": [event()]})

    assert (refused.status, in_one_shape(refused)) == (401, True)
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert locked.core.events == {}
    assert locked.ask("POST", "/api/events", {"events": [event()]}, {"Authorization": f"Bearer {KEY}"}).status == 200


def test_a_login_makes_a_cookie_that_no_script_reads_and_no_other_page_sends(locked: Api) -> None:
    assert locked.ask("POST", "/login", {"key": "wrong"}).status == 401
    answer = locked.ask("POST", "/login", {"key": KEY})
    cookie = answer.headers["set-cookie"]

    assert answer.status == 204
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie, "this is plain HTTP"
    assert KEY not in cookie
    kept = cookie.partition(";")[0]
    assert locked.ask("GET", "/metrics", headers={"Cookie": kept}).status == 200
    assert locked.ask("GET", "/metrics", headers={"Cookie": f"{COOKIE}=9{kept.partition('=')[2]}"}).status == 401


def test_a_logout_takes_the_cookie_back(locked: Api) -> None:
    assert "Max-Age=0" in locked.ask("POST", "/logout").headers["set-cookie"]


def test_what_is_live_can_be_asked_for_too(api: Api) -> None:
    api.core.hub.snapshot = b""
    assert api.ask("GET", "/api/metrics/current").status == 503
    services = {
        "risk": {"up": True, "error": "", "age": 0.5, "duration_ms": 1.5, "team": "risk", "mode": "scrape"},
    }
    api.show(
        {"at": 1.0, "simulated": False, "services": services, "values": [1.5, "NaN", None, 2]},
        1,
        [
            ["price", {"service": "market", "symbol": "BTC"}, "gauge"],
            ["price", {"service": "market", "symbol": "ETH"}, "gauge"],
            ["gone", {"service": "risk"}, "gauge"],
            ["volume", {"service": "risk"}, "counter"],
        ],
    )
    everything = api.ask("GET", "/api/metrics/current").json
    assert everything["services"] == services
    assert [(each["name"], each["value"]) for each in everything["metrics"]] == [
        ("price", 1.5), ("price", "NaN"), ("volume", 2),
    ]  # fmt: skip
    found = api.ask("GET", "/api/metrics/current?name=pri&symbol=ETH").json["metrics"]
    assert found == [
        {"name": "price", "labels": {"service": "market", "symbol": "ETH"}, "type": "gauge", "value": "NaN"}
    ]
