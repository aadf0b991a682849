"""The JSON lines: what stands in them, and that nothing that is logged can break them or the caller."""

from __future__ import annotations

import enum
import logging
import math
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tapewatch_sdk import logs, tracing

Lines = Callable[[], list[dict[str, Any]]]

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

log = logs.get_logger("desk.orders")


def test_a_line_says_when_who_what_and_in_which_trace(lines: Lines) -> None:
    with tracing.continued({"traceparent": PARENT, "baggage": "correlation_id=c-1"}):
        log.warning("order %s of %.1f is late", "o-17", 2.5, extra={"symbol": "BTC-USD", "seconds": 3})

    (line,) = lines()
    timestamp = line.pop("timestamp")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", timestamp)
    assert abs(datetime.fromisoformat(timestamp).timestamp() - time.time()) < 3600
    assert line == {
        "level": "warning",
        "service": "risk-manager",
        "environment": "test",
        "correlation_id": "c-1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "logger": "desk.orders",
        "message": "order o-17 of 2.5 is late",
        "symbol": "BTC-USD",
        "seconds": 3,
    }
    assert list(line)[:2] == ["level", "service"]


def test_a_line_outside_of_traces_has_no_empty_ids(lines: Lines) -> None:
    log.info("started")

    assert set(lines()[0]) == {"timestamp", "level", "service", "environment", "logger", "message"}


def test_the_milliseconds_are_those_of_the_record(lines: Lines) -> None:
    for seconds in (1_700_000_000.0, 1_700_000_000.0625, 1_700_000_000.999):
        record = logging.makeLogRecord({"name": "a", "levelno": logging.INFO, "msg": "", "created": seconds})
        log.handle(record)

    assert [line["timestamp"][17:] for line in lines()] == ["20.000Z", "20.062Z", "20.999Z"]


def test_a_trace_that_is_not_kept_has_ids_too(lines: Lines) -> None:
    tracing.configure("risk-manager", endpoint="http://127.0.0.1:1/v1/traces", sampling=0.0)
    with tracing.span("a"):
        log.info("one")
        with tracing.span("b"):
            log.info("two")
    tracing.configure("risk-manager", endpoint="")

    one, two = lines()
    assert one["trace_id"] == two["trace_id"]
    assert len(one["trace_id"]) == 32
    assert len(one["span_id"]) == 16


@pytest.mark.parametrize(
    ("number", "name"),
    [(5, "debug"), (10, "debug"), (20, "info"), (25, "info"), (30, "warning"), (40, "error"), (99, "critical")],
)
def test_every_level_has_a_name(number: int, name: str, lines: Lines, root: logging.Logger) -> None:
    root.setLevel(1)
    log.log(number, "a")

    assert lines()[0]["level"] == name


def test_an_exception_stands_in_its_line_without_secrets(lines: Lines) -> None:
    try:
        raise ConnectionError("postgres://risk:hunter2@db/limits is gone")
    except ConnectionError:
        log.exception("cannot read limits")

    exception = lines()[0]["exception"]
    assert exception["type"] == "ConnectionError"
    assert exception["message"] == "postgres://risk:[redacted]@db/limits is gone"
    assert exception["traceback"].startswith("Traceback (most recent call last):\n")
    assert exception["traceback"].endswith("ConnectionError: postgres://risk:[redacted]@db/limits is gone\n")


def test_an_endless_traceback_is_cut(lines: Lines) -> None:
    def fall() -> None:
        fall()

    try:
        fall()
    except RecursionError:
        log.exception("fell")

    assert lines()[0]["exception"]["traceback"].count("in fall") <= 30


def test_a_stack_that_was_asked_for_is_there(lines: Lines) -> None:
    log.info("here", stack_info=True)

    assert "test_a_stack_that_was_asked_for" in lines()[0]["exception"]["stack"]


def test_fields_whose_names_are_taken_get_a_mark(lines: Lines) -> None:
    log.info("one", extra={"level": 3, "service": "other", "trace_id": "mine"})

    line = lines()[0]
    assert (line["level"], line["service"]) == ("info", "risk-manager")
    assert (line["level_"], line["service_"], line["trace_id_"]) == (3, "other", "mine")


class Side(enum.Enum):
    BUY = "buy"


@dataclass
class Login:
    user: str
    password: str


class Raises:
    def __str__(self) -> str:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("no")


class Text(str):
    def __str__(self) -> str:
        raise RuntimeError("no")


LOOP: list[object] = []
LOOP.append(LOOP)

ODD: dict[str, tuple[object, object]] = {
    "nothing": (None, None),
    "truth": (True, True),
    "nan": (math.nan, "nan"),
    "infinite": (-math.inf, "-inf"),
    "huge": (10**30, str(10**30)),
    "endless": (10**5000, "(int that cannot be shown: ValueError)"),
    "decimal": (Decimal("1.10"), "1.10"),
    "day": (date(2024, 1, 2), "2024-01-02"),
    "moment": (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "2024-01-02T03:04:05+00:00"),
    "id": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "path": (Path("/a"), "/a"),
    "side": (Side.BUY, "buy"),
    "raw": (b"\xff\x00", "b'\\xff\\x00'"),
    "login": (Login("alice", "hunter2"), "Login(user='alice', password=[redacted])"),
    "raises": (Raises(), "(Raises that cannot be shown: RuntimeError)"),
    "text": (Text("a"), "(Text that cannot be shown: RuntimeError)"),
    "set": ({1}, [1]),
    "pair": ((1, Raises()), [1, "(Raises that cannot be shown: RuntimeError)"]),
    "keys": ({1: 2, None: 3, ("a",): 4}, {"1": 2, "None": 3, "('a',)": 4}),
    "loop": (LOOP, [[[[[["(nested too deeply)"]]]]]]),
    "long": ("x" * 20_000, "x" * 8_192 + "... (20000 characters)"),
    "many": (list(range(1000)), list(range(64))),
    "surrogate": ("a\ud800b", "a?b"),
    "lines": ("a\nb\u2028", "a\nb\u2028"),
}


@pytest.mark.parametrize("name", ODD)
def test_any_value_can_be_logged(name: str, lines: Lines) -> None:
    value, shown = ODD[name]

    log.info("one", extra={name: value})
    log.info("two")

    assert [line.get(name) for line in lines()] == [shown, None]


@pytest.mark.parametrize(
    ("message", "arguments", "shown"),
    [
        ("%d orders", ("three",), "%d orders ['three']"),
        ("no place", (1, "password=x"), "no place [1, 'password=[redacted]']"),
        ("%s", (Raises(),), "%s ['(Raises that cannot be shown: RuntimeError)']"),
        ("%(a)s", ({"a": 1},), "1"),
        (b"raw", (), "b'raw'"),
        (3, (), "3"),
        ({"password": "x"}, (), "{'password': [redacted]}"),
    ],
)
def test_a_message_that_does_not_fit_is_logged_as_it_is(
    message: Any, arguments: tuple[object, ...], shown: str, apart: logging.Logger, lines: Lines
) -> None:
    apart.info(message, *arguments)

    assert lines()[0]["message"] == shown


def test_a_message_that_cannot_be_shown_at_all_says_so_and_harms_nothing(
    apart: logging.Logger, lines: Lines, capfd: pytest.CaptureFixture[str]
) -> None:
    apart.info(Raises())
    apart.info("two")

    assert [line["message"] for line in lines()] == ["(Raises that cannot be shown: RuntimeError) []", "two"]
    assert capfd.readouterr() == ("", "")


def test_what_is_logged_does_not_change_while_it_waits(lines: Lines) -> None:
    book = {"bids": [1, 2]}
    log.info("book %s", book, extra={"book": book})
    book["bids"].append(3)
    book.clear()

    line = lines()[0]
    assert line["book"] == {"bids": [1, 2]}
    assert line["message"] == "book {'bids': [1, 2]}"
