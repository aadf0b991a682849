"""Events: what they hold, and that they can be sent whatever a service puts into them."""

from __future__ import annotations

import copy
import json
import os
import pickle
import random
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import FrozenInstanceError, dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest

from tapewatch_sdk.events import AUDIT_TYPES, TRADE_TYPES, Event, EventSeverity, EventType

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def data_of(value: object) -> Any:
    """What becomes of a value in an event that goes through JSON."""
    return json.loads(json.dumps(Event(EventType.ERROR, data={"v": value}).to_dict(), allow_nan=False))["data"]["v"]


def test_the_types_are_those_of_the_specification() -> None:
    assert {str(each) for each in EventType} == {
        "CYCLE_START", "CYCLE_END", "TRADE_SUBMITTED", "TRADE_FILLED", "TRADE_REJECTED", "DECISION_MADE",
        "KILL_SWITCH_TRIGGERED", "DAILY_LOSS_WARNING", "DRAWDOWN_WARNING", "POSITION_LIMIT_WARNING", "ENGINE_START",
        "ENGINE_STOP", "ERROR", "CONNECTION_LOST", "CONNECTION_RESTORED", "QUOTE_STALE", "DATA_ERROR", "ALERT_FIRING",
        "ALERT_RESOLVED",
    }  # fmt: skip


def test_the_audit_trail_has_what_the_specification_names() -> None:
    assert {str(each) for each in AUDIT_TYPES} == {
        "KILL_SWITCH_TRIGGERED", "TRADE_REJECTED", "ENGINE_START", "ENGINE_STOP", "ALERT_FIRING", "ALERT_RESOLVED",
    }  # fmt: skip
    assert EventType.TRADE_FILLED in TRADE_TYPES


def test_an_event_takes_its_fields_in_the_order_of_the_specification() -> None:
    event = Event(EventType.TRADE_FILLED, NOON, {"symbol": "BTC-USD"}, "execution-engine", EventSeverity.WARNING)

    assert event.to_dict() == {
        "id": event.id,
        "event_type": "TRADE_FILLED",
        "timestamp": "2025-03-01T12:00:00.000000+00:00",
        "severity": "warning",
        "source": "execution-engine",
        "data": {"symbol": "BTC-USD"},
    }


def test_an_event_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Event(EventType.ERROR).source = "other"  # type: ignore[misc]


def test_an_event_does_not_change_with_the_data_that_it_was_made_of() -> None:
    data = {"a": 1}
    event = Event(EventType.ERROR, data=data)
    data["a"] = 2

    assert event.data == {"a": 1}


def test_an_event_comes_back_from_its_json_as_it_was() -> None:
    event = Event(EventType.ALERT_FIRING, NOON, {"n": [1, 2.5, None, {"x": "ü"}]}, "api", EventSeverity.CRITICAL)

    assert Event.from_dict(json.loads(json.dumps(event.to_dict()))) == event


def test_an_event_without_a_time_has_the_present_one() -> None:
    before = datetime.now(UTC)

    assert before <= Event(EventType.ERROR).timestamp <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (datetime(2025, 3, 1, 12), NOON),
        (datetime(2025, 3, 1, 13, tzinfo=timezone(timedelta(hours=1))), NOON),
        (NOON, NOON),
    ],
)
def test_a_time_is_kept_in_utc(given: datetime, kept: datetime) -> None:
    event = Event(EventType.ERROR, given)

    assert (event.timestamp, event.timestamp.tzinfo) == (kept, UTC)


class Rude:
    """Raises whatever it is asked."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__

    def __len__(self) -> int:
        raise RuntimeError("no")


class RudeMapping(Mapping[str, int]):
    def __getitem__(self, key: str) -> int:
        raise RuntimeError("no")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no")

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    "wrong",
    [None, 5, "x", [], {}, object(), Rude(), RudeMapping(), float("nan"), b"\xff"],
    ids=lambda value: type(value).__name__,
)
def test_no_argument_makes_an_event_raise(wrong: Any) -> None:
    event = Event(wrong, wrong, wrong, wrong, wrong, wrong)

    found = json.loads(json.dumps(event.to_dict()))
    assert isinstance(found["data"], dict)
    assert datetime.fromisoformat(found["timestamp"]).tzinfo is not None


def test_types_and_severities_may_be_given_as_text() -> None:
    event = Event("ERROR", severity="critical")  # type: ignore[arg-type]

    assert (event.event_type, event.severity) == (EventType.ERROR, EventSeverity.CRITICAL)


def test_an_unknown_type_stays_what_it_is() -> None:
    assert Event("MOON_LANDING").to_dict()["event_type"] == "MOON_LANDING"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"event_type": "ERROR"},
        {"event_type": "MOON_LANDING", "timestamp": "2025-03-01T12:00:00Z"},
        {"event_type": "ERROR", "timestamp": "noon"},
        {"event_type": "ERROR", "timestamp": 5},
        {"event_type": "ERROR", "timestamp": "2025-03-01T12:00:00Z", "severity": "bad"},
        {"event_type": "ERROR", "timestamp": "2025-03-01T12:00:00Z", "data": [1]},
        {"event_type": "ERROR", "timestamp": "2025-03-01T12:00:00Z", "source": 5},
        {"event_type": "ERROR", "timestamp": "2025-03-01T12:00:00Z", "id": 5},
        [],
    ],
)
def test_what_is_no_event_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- the message is another for each
        Event.from_dict(wrong)


def test_an_event_can_be_pickled_copied_and_replaced() -> None:
    event = Event(EventType.ALERT_FIRING, NOON, {"n": [1]}, "api", EventSeverity.CRITICAL)

    assert pickle.loads(pickle.dumps(event)) == copy.deepcopy(event) == event
    assert replace(event, source="x").to_dict() == {**event.to_dict(), "source": "x"}
    assert len({event, copy.copy(event)}) == 1


@pytest.mark.parametrize("missing", [None, ""])
def test_an_event_without_an_id_gets_one(missing: Any) -> None:
    assert UUID(Event(EventType.ERROR, id=missing).id).version == 7


def test_ids_are_uuids_of_version_7_that_sort_by_time() -> None:
    event = Event(EventType.ERROR)
    made = UUID(event.id)

    assert (made.version, made.variant, str(made)) == (7, "specified in RFC 4122", event.id)
    assert abs((made.int >> 80) / 1000 - event.timestamp.timestamp()) < 60


def test_ids_of_many_threads_are_all_different() -> None:
    made: list[list[str]] = []
    threads = [Thread(target=lambda: made.append([Event(EventType.ERROR).id for _ in range(5_000)])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({each for ids in made for each in ids}) == 40_000


def test_ids_of_a_forked_child_are_its_own() -> None:
    Event(EventType.ERROR)
    read, write = os.pipe()
    if not (child := os.fork()):
        os.write(write, "".join(Event(EventType.ERROR).id[-16:] for _ in range(50)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as pipe:
        random_parts = pipe.read()

    assert len(random_parts) == 800
    assert not {random_parts[i : i + 16] for i in range(0, 800, 16)} & {
        Event(EventType.ERROR).id[-16:] for _ in range(50)
    }


class Side(Enum):
    BUY = "buy"


class Level(IntEnum):
    HIGH = 3


@dataclass
class Order:
    symbol: str
    price: Decimal


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (2**64, "18446744073709551616"),
        (-(2**63), -(2**63)),
        (0.1, 0.1),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (Decimal("50123.45"), 50123.45),
        (Decimal("1.234567890123456789"), "1.234567890123456789"),
        (Decimal("1E+400"), "1E+400"),
        (Decimal("NaN"), "NaN"),
        (Decimal("-Infinity"), "-Infinity"),
        (Fraction(1, 4), 0.25),
        ("ü\x00", "ü\x00"),
        ("\udcff", "\\udcff"),
        (b"ab\xff", "ab\\xff"),
        (Side.BUY, "buy"),
        (Level.HIGH, 3),
        (NOON, "2025-03-01T12:00:00+00:00"),
        (date(2025, 3, 1), "2025-03-01"),
        (timedelta(milliseconds=1500), 1.5),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (Path("/tmp/x"), "/tmp/x"),
        (ValueError("too much"), "ValueError: too much"),
        (Order("BTC-USD", Decimal("1.5")), {"symbol": "BTC-USD", "price": 1.5}),
        ((1, [2]), [1, [2]]),
        ({3, 1, 2}, [1, 2, 3]),
        (OrderedDict([(Side.BUY, 1), (None, 2)]), {"buy": 1, "None": 2}),
        (Rude(), "<Rude>"),
        (RudeMapping(), "<RudeMapping>"),
        (Order, str(Order)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_becomes_one_that_json_has(value: object, kept: object) -> None:
    assert data_of(value) == kept


def test_data_that_holds_itself_ends_somewhere() -> None:
    loop: dict[str, Any] = {}
    loop["a"] = loop["b"] = [loop, loop, loop]

    text = json.dumps(data_of(loop))

    assert "..." in text
    assert len(text) < 1_000_000


def test_data_without_end_is_cut() -> None:
    kept = data_of({"many": range(3), "all": list(range(1_000_000))})

    assert kept["many"] == "range(0, 3)"
    assert kept["all"][:3] == [0, 1, 2]
    assert kept["all"][-1] == "..."
    assert len(kept["all"]) < 10_001


def test_random_data_survives_json_and_is_the_same_when_it_goes_through_again() -> None:
    chance = random.Random(7)
    leaves = [None, True, 3, 2**70, 0.5, float("inf"), Decimal("0.10"), "x", "\ud800", b"\x80", NOON, Side.BUY, Rude()]

    def grow(depth: int) -> Any:
        kind = chance.randrange(5 if depth else 1)
        if kind == 1:
            return [grow(depth - 1) for _ in range(chance.randrange(4))]
        if kind == 2:
            return {chance.choice(["a", 1, None, NOON]): grow(depth - 1) for _ in range(chance.randrange(4))}
        if kind == 3:
            return {chance.choice(["s", 5, None]) for _ in range(chance.randrange(4))}
        return chance.choice(leaves)

    for _ in range(500):
        once = data_of(grow(4))
        assert data_of(once) == once


def test_a_limit_on_the_digits_of_integers_harms_nothing() -> None:
    assert sys.get_int_max_str_digits() < 5000
    assert data_of(10**5000) == "<integer of 16610 bits>"
    assert Event(EventType.ERROR, source=10**5000).source == "<int>"  # type: ignore[arg-type]
