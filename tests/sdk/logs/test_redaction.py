"""Secrets: what is recognised, what is left alone, and that no text takes long."""

from __future__ import annotations

import logging
import random
import string
from collections.abc import Callable
from typing import Any

import pytest

from tapewatch_sdk import logs
from tapewatch_sdk.logs.redaction import is_secret, redacted, redacted_text

Lines = Callable[[], list[dict[str, Any]]]

R = "[redacted]"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "name",
    [
        "password", "PASSWORD", "db_password", "passwd", "user.passphrase", "pwd", "token", "accessToken",
        "access-token", "api_key", "apiKey", "X-API-Key", "api key", "Authorization", "proxy-authorization", "secret",
        "client_secret",
        "aws_secret_access_key", "AccessKeyId", "private_key", "credentials", "Set-Cookie", "session_id", "auth", "jwt",
        "pin", "pass",
    ],
)  # fmt: skip
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "user",
        "symbol",
        "key",
        "author",
        "passed",
        "keyboard",
        "spin",
        "session",
        "order_id",
        "primary_key",
        "monkey",
        "",
    ],
)
def test_other_names_are_not(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abc.def-ghi", f"Authorization: {R}"),
        ("sent Bearer xyz, got 401", f"sent Bearer {R}, got 401"),
        ("bearer xyz", f"bearer {R}"),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: {R}"),
        ("header Basic dXNlcjpwYXNz was sent", f"header Basic {R} was sent"),
        ("postgres://risk:hunter2@db:5432/limits", f"postgres://risk:{R}@db:5432/limits"),
        ("redis://:hunter2@cache", f"redis://:{R}@cache"),
        ("http://u:p@ss:w@rd@host/x", f"http://u:{R}@host/x"),
        ("postgres://u:pa/ss@host/db", f"postgres://u:{R}@host/db"),
        ("as alice:hunter2@db.local", f"as alice:{R}@db.local"),
        ("password=hunter2", f"password={R}"),
        ("password = hunter2 given", f"password = {R} given"),
        ("db_password='hunter 2' user=alice", f"db_password={R} user=alice"),
        ("password: hunter2", f"password: {R}"),
        ('{"password": "hun\\"ter2", "user": "alice"}', f'{{"password": {R}, "user": "alice"}}'),
        ("{'api_key': 'abc', 'n': 1}", f"{{'api_key': {R}, 'n': 1}}"),
        ('{\\"token\\": \\"abc\\", \\"n\\": 1}', f'{{\\"token\\": {R}, \\"n\\": 1}}'),
        ("https://x/y?api_key=abc&symbol=BTC", f"https://x/y?api_key={R}&symbol=BTC"),
        ("https://x/y?a=b&access_token=abc", f"https://x/y?a=b&access_token={R}"),
        ("X-Api-Key: abc", f"X-Api-Key: {R}"),
        ("secret=>abc", f"secret=>{R}"),
        ("token=abc;path=/", f"token={R};path=/"),
        ("Config(user='a', token='b')", f"Config(user='a', token={R})"),
        ("run --api-key abc --symbol BTC", f"run --api-key {R} --symbol BTC"),
        ("run --password=abc", f"run --password={R}"),
        ("GRAFANA_API_KEY=1234:glc_abcdefghij", f"GRAFANA_API_KEY={R}"),
        ("key glc_eyJvIjoiMTIzNDU2 given", f"key {R} given"),
        (f"got {JWT} back", f"got {R} back"),
        ('password="never closed', f"password={R}"),
        ("password=", "password="),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----\nrest", f"{R}\nrest"),
    ],
)
def test_secrets_in_a_text_are_taken_out(text: str, shown: str) -> None:
    assert redacted_text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "order o-17 for BTC-USD is filled at 64000.5",
        "http://127.0.0.1:9090/api?email=a@b.c",
        "GET http://db:5432/x@y",
        "mail to alice@example.com",
        "basic information about the market",
        "the password was changed",
        "12:30:05 session opened",
        "spinning up: 3 of 5",
        "{'symbol': 'BTC-USD', 'primary_key': 7}",
    ],
)
def test_texts_without_secrets_stay_as_they_are(text: str) -> None:
    assert redacted_text(text) == text


def test_a_secret_where_a_long_text_is_cut_is_taken_out() -> None:
    text = "x" * 8_180 + " a://b:hunter2@c" + "x" * 5_000

    assert "hun" not in redacted_text(text)


def test_secrets_are_taken_out_of_what_is_nested() -> None:
    value = {
        "user": "alice",
        "auth": {"user": "alice"},
        "headers": [{"Authorization": "Bearer x"}, ("Cookie: a=b",)],
        "deep": {"er": {"url": "amqp://a:b@c", "tokens": [1, 2]}},
        "password": None,
    }

    assert redacted("request", value) == {
        "user": "alice",
        "auth": R,
        "headers": [{"Authorization": R}, [f"Cookie: {R}"]],
        "deep": {"er": {"url": f"amqp://a:{R}@c", "tokens": R}},
        "password": None,
    }


def test_no_way_of_logging_lets_a_secret_through(lines: Lines) -> None:
    log = logs.get_logger("a")
    secret = "hunter2"
    log.info("password=%s", secret)
    log.info("user %(user)s, token %(token)r", {"user": "alice", "token": f"token={secret}"})
    log.info({"password": secret})
    log.info("x", extra={"password": secret, "nested": [{"api_key": secret}], "url": f"http://a:{secret}@b"})
    log.info("x", extra={"reply": logging.makeLogRecord({"msg": f"Bearer {secret}"}).getMessage()})
    try:
        raise ValueError(f"bad token={secret}")
    except ValueError:
        log.exception("x", stack_info=True)

    assert "hunter2" not in str([line | {"exception": line.get("exception", {}).get("message")} for line in lines()])


HOSTILE = [
    "password", "token=", "://a:b", "a:b@", "-", "--token ", "Bearer ", "Basic ", "\"", "\\", "'", "@", ":", "a.", "=",
    "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", " ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_makes_the_search_run_away(piece: str) -> None:
    # A search that is not linear takes minutes here, and pytest's own limit of the run ends it.
    redacted_text("token=" + piece * (9_000 // len(piece)))


def test_no_mixture_does_either() -> None:
    draw = random.Random(17)
    alphabet = [*HOSTILE, *string.ascii_letters]

    for _ in range(50):
        redacted_text("".join(draw.choices(alphabet, k=9_000))[:9_000])
