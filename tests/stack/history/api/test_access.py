"""Who is let in: names, origins, the key, the login, and how often."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path

import pytest

from tapewatch.history.api.access import COOKIE, ApiKey, Caller, Gate, Hosts, Rates
from tapewatch.history.api.access import keys as keys_module
from tapewatch_sdk.errors import ProblemsError

KEY = "a key of more than sixteen characters"


@pytest.fixture
def key(tmp_path: Path) -> ApiKey:
    file = tmp_path / "key"
    file.write_text(f"  {KEY}\n")
    return ApiKey(file)


def caller(*headers: tuple[str, str], address: str = "203.0.113.9", host: str = "localhost:8000") -> Caller:
    return Caller.of(address, [("Host", host), *headers])


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "127.0.0.2", "history:8000"]
)
def test_on_loopback_our_own_names_are_known(host: str) -> None:
    assert Hosts(True, ["history"]).knows(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "10.0.0.5", "", "localhost.evil.example:80"]
)
def test_on_loopback_a_foreign_name_is_not(host: str) -> None:
    assert not Hosts(True).knows(host)


def test_elsewhere_an_address_is_known_because_it_cannot_be_rebound_and_a_name_is_not() -> None:
    hosts = Hosts(False, ["api"])

    assert hosts.knows("192.0.2.7:8000")
    assert hosts.knows("[2001:db8::1]:8000")
    assert hosts.knows("api:8000")
    assert not hosts.knows("evil.example")


@pytest.mark.parametrize(
    ("origin", "same"),
    [
        ("http://127.0.0.1:8000", True),
        ("https://127.0.0.1:8000", True),
        ("http://127.0.0.1:9000", False),
        ("http://localhost:8000", False),
        ("http://evil.example", False),
        ("null", False),
        ("file://", False),
        ("", False),
        ("https://behind.example", True),
    ],
)
def test_an_origin_is_ours_when_it_is_the_host_or_a_name_that_was_allowed(origin: str, same: bool) -> None:
    assert Hosts(True, ["behind.example"]).is_same(origin, "127.0.0.1:8000") is same


def test_a_second_host_header_is_refused() -> None:
    refusal = Gate(Hosts(True)).refusal("/api/events", caller(("Host", "evil.example")))

    assert refusal is not None
    assert refusal.status == 421


@pytest.mark.parametrize(
    "header",
    [
        ("Authorization", f"Bearer {KEY}"),
        ("authorization", f"bearer  {KEY} "),
        ("X-API-Key", KEY),
        ("Authorization", "Basic " + base64.b64encode(f"anybody:{KEY}".encode()).decode()),
    ],
)
def test_the_key_is_shown_in_any_of_the_ways(key: ApiKey, header: tuple[str, str]) -> None:
    assert Gate(Hosts(False), key).refusal("/api/events", caller(header)) is None


@pytest.mark.parametrize(
    "header",
    [
        ("Authorization", f"Bearer {KEY[:-1]}"),
        ("Authorization", f"Bearer {KEY}x"),
        ("Authorization", KEY),
        ("Authorization", "Bearer "),
        ("Authorization", "Basic !"),
        ("Authorization", "Basic " + base64.b64encode(KEY.encode()).decode()),
        ("X-API-Key", ""),
        ("Cookie", f"{COOKIE}={KEY}"),
        ("Cookie", f"{COOKIE}=9999999999.0000"),
        ("Cookie", "\x00=;"),
        ("X-Nothing", "at all"),
    ],
)
def test_nothing_else_is_the_key(key: ApiKey, header: tuple[str, str]) -> None:
    refusal = Gate(Hosts(False), key).refusal("/api/events", caller(header))

    assert refusal is not None
    assert (refusal.status, refusal.code) == (401, "unauthorized")


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/health", "/health/live", "/health/ready", "/login"])
def test_probes_and_the_page_need_no_key(key: ApiKey, path: str) -> None:
    assert Gate(Hosts(False), key).refusal(path, caller()) is None


@pytest.mark.parametrize(
    "path", ["/metrics", "/docs", "/openapi.json", "/api/events", "/v1/metrics", "/ws/metrics", "/pages"]
)
def test_everything_else_does(key: ApiKey, path: str) -> None:
    assert Gate(Hosts(False), key).refusal(path, caller()) is not None


def test_a_login_opens_the_door_until_it_has_run_out(key: ApiKey) -> None:
    login = key.session(1_000.0)

    assert key.is_session(login, 1_000.0 + keys_module.SESSION - 1)
    assert not key.is_session(login, 1_000.0 + keys_module.SESSION + 1)


@pytest.mark.parametrize(
    "beside", ['theme={"a": 1}', "path=/x", "a b=c", "caf\xe9=1", 'x="y', "version=1", "=", f"{COOKIE}2=other"]
)
def test_a_login_is_found_beside_cookies_of_whatever_else_runs_on_this_host(key: ApiKey, beside: str) -> None:
    gate, login = Gate(Hosts(False), key), f"{COOKIE}={key.session(time.time())}"

    for cookies in (f"{beside}; {login}", f"{login}; {beside}", f"{beside};{login};{beside}"):
        assert gate.refusal("/api/events", caller(("Cookie", cookies))) is None


@pytest.mark.parametrize(
    "change", [lambda text: f"9{text}", lambda text: text[:-1], lambda text: text + "0", lambda _: ""]
)
def test_a_login_that_was_changed_opens_nothing(key: ApiKey, change: object) -> None:
    assert not key.is_session(change(key.session(1_000.0)), 1_000.0)  # type: ignore[operator]


def test_a_key_that_was_changed_holds_at_once_and_ends_the_logins_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "LOOK_EVERY", 0.0)
    file = tmp_path / "key"
    file.write_text(KEY)
    key = ApiKey(file)
    login = key.session(1_000.0)

    file.write_text("another key that is long enough, too")
    os.utime(file, ns=(1, 1))

    assert key.fits("another key that is long enough, too")
    assert not key.fits(KEY)
    assert not key.is_session(login, 1_000.0)


def test_while_the_file_is_away_the_old_key_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "LOOK_EVERY", 0.0)
    file = tmp_path / "key"
    file.write_text(KEY)
    key = ApiKey(file)
    file.unlink()

    assert key.fits(KEY)


@pytest.mark.parametrize("content", [None, "", "short", b"\xff" * 40])
def test_a_file_without_a_proper_key_is_refused(tmp_path: Path, content: str | bytes | None) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(ProblemsError) as caught:
        ApiKey(file)

    assert caught.value.problems[0].code == "history/api-key"


def test_a_client_may_ask_in_a_burst_and_then_steadily() -> None:
    now = 0.0
    rates = Rates(10.0, 3.0, lambda: now)

    assert [rates.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, pytest.approx(0.1)]
    assert rates.take("b") == 0.0
    now = 0.1
    assert rates.take("a") == 0.0
    assert rates.take("a") > 0


def test_no_rate_is_no_limit() -> None:
    rates = Rates(0.0, 0.0)

    assert not any(rates.take("a") for _ in range(1_000))


def test_a_rate_of_less_than_one_in_a_second_lets_in_now_and_then() -> None:
    now = 0.0
    rates = Rates(0.25, 0.5, lambda: now)

    assert rates.take("a") == 0.0
    assert rates.take("a") == pytest.approx(4.0)
    now = 4.0
    assert rates.take("a") == 0.0


def test_clients_are_forgotten_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch.history.api.access.rates.CLIENTS", 10)
    rates = Rates(1.0, 1.0)
    for number in range(100):
        rates.take(str(number))

    assert len(rates._buckets) == 10


def test_one_that_asks_too_often_is_told_when_to_come_again() -> None:
    gate = Gate(Hosts(False), rate=2.0)
    refusals = [gate.refusal("/health", caller()) for _ in range(6)]

    assert refusals[:4] == [None] * 4
    assert refusals[5] is not None
    assert (refusals[5].status, refusals[5].headers["Retry-After"]) == (429, "1")
    assert gate.refusal("/health", caller(address="203.0.113.10")) is None
    assert not any(gate.refusal("/health", caller(address="127.0.0.1")) for _ in range(80)), "this machine may more"


def test_wrong_keys_cannot_be_tried_by_the_thousand(key: ApiKey) -> None:
    gate = Gate(Hosts(False), key)
    wrong = caller(("Authorization", "Bearer guess"))
    statuses = [refusal.status for _ in range(60) if (refusal := gate.refusal("/api/events", wrong)) is not None]

    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert gate.refusal("/api/events", caller(("Authorization", f"Bearer {KEY}"))) is None
