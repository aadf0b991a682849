"""The suite of event sinks: a right one passes, and for each test a wrong one fails in this test alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sdk.testing.conformance import failed, made, names_of_tests, outcomes
from tapewatch_sdk.events import Event, EventType, SpooledSink
from tapewatch_sdk.plugins import API_VERSION
from tapewatch_sdk.testing import EventSinkSuite

PLACE = "SUITE_JOURNAL"


def path() -> Path:
    return Path(os.environ[PLACE])


def write(events: Sequence[Event]) -> None:
    """In one piece: all or none."""
    text = "".join(f"{json.dumps(event.to_dict())}\n" for event in events)
    with path().open("a", encoding="utf-8") as file:
        file.write(text)


def sink(send: Callable[[Any, Sequence[Event]], None] = lambda self, events: write(events), **more: Any) -> type[Any]:
    return made(**{"send": send, **more})


class Suite(EventSinkSuite):
    def received(self) -> Sequence[Event]:
        lines = path().read_text(encoding="utf-8").splitlines() if path().is_file() else []
        return [Event.from_dict(json.loads(line)) for line in lines]

    @contextmanager
    def outage(self) -> Iterator[None]:
        away = path().parent.rename(path().parent.with_name("away"))
        yield
        away.rename(path().parent)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "place").mkdir()
    monkeypatch.setenv(PLACE, str(tmp_path / "place/journal.jsonl"))
    monkeypatch.setattr("tapewatch_sdk.events._backoff.FIRST_PAUSE", 0.01)
    monkeypatch.setattr("tapewatch_sdk.events._backoff.LONGEST_PAUSE", 0.05)
    monkeypatch.setattr("tapewatch_sdk.testing.event_sink.ARRIVAL", 1.5)


def newest_first(self: Any, events: Sequence[Event]) -> None:
    write(list(reversed(events)))


def trades_alone(self: Any, events: Sequence[Event]) -> None:
    write([event for event in events if event.event_type is not EventType.QUOTE_STALE])


def plain_json(self: Any, events: Sequence[Event]) -> None:
    for event in events:
        json.dumps(dict(event.data))
    write(events)


def whole_seconds(self: Any, events: Sequence[Event]) -> None:
    write(
        [Event.from_dict({**e.to_dict(), "timestamp": e.timestamp.replace(microsecond=0).isoformat()}) for e in events]
    )


def marks_what_it_took(self: Any, events: Sequence[Event]) -> None:
    write(events)
    for event in events:
        data: Any = event.data
        data["taken"] = True


def looks_at_the_first(self: Any, events: Sequence[Event]) -> None:
    assert events[0].id
    write(events)


def swallows(self: Any, events: Sequence[Event]) -> None:
    try:
        write(events)
    except OSError:
        return


def raises_its_own_error(self: Any, events: Sequence[Event]) -> None:
    try:
        write(events)
    except OSError as error:
        raise ValueError("the journal is away") from error


def throws_away(self: Any) -> None:
    path().write_text("")


def needs_its_file(self: Any) -> None:
    self.file.close()


def opens_late(self: Any, events: Sequence[Event]) -> None:
    write(events)
    self.file = path().open()
    self.file.close()


class Eager:
    """Looks around when it is made."""

    name = "eager"
    api_version = API_VERSION

    def __init__(self) -> None:
        self.lines = list(os.scandir("."))

    def send(self, events: Sequence[Event]) -> None:
        write(events)


WRONG = {
    "test_it_keeps_the_contract_of_its_kind": sink(api_version=2),
    "test_its_docstring_says_what_it_adds": sink(__doc__=""),
    "test_events_arrive_in_order": sink(newest_first),
    "test_every_kind_of_event_arrives": sink(trades_alone),
    "test_whatever_an_event_holds_arrives": sink(plain_json),
    "test_what_arrives_is_what_was_sent": sink(whole_seconds),
    "test_it_leaves_the_events_as_they_are": sink(marks_what_it_took),
    "test_a_batch_of_no_events_is_no_error": sink(looks_at_the_first),
    "test_nothing_is_lost_or_doubled_by_an_outage": sink(swallows),
    "test_what_has_arrived_is_there_when_it_is_closed": sink(close=throws_away),
    "test_closing_it_unused_is_no_error": sink(opens_late, close=needs_its_file),
}


def test_every_test_of_the_suite_has_a_sink_that_fails_in_it() -> None:
    others = {"test_it_is_installed_under_its_own_name", "test_making_it_touches_nothing"}

    assert {*WRONG, *others} == names_of_tests(EventSinkSuite)


def test_a_right_sink_passes() -> None:
    found = outcomes(Suite, sink(close=lambda self: None))

    assert failed(found) == {}
    assert len([text for text in found.values() if text == "passed"]) == len(WRONG)


@pytest.mark.parametrize("test", WRONG)
def test_a_wrong_sink_fails_in_one_test_alone(test: str) -> None:
    found = failed(outcomes(Suite, WRONG[test]))

    assert list(found) == [test]
    assert "must hold: " in found[test]
    assert "fix: " in found[test]


def test_an_outage_that_is_told_as_something_else_is_found() -> None:
    test = "test_nothing_is_lost_or_doubled_by_an_outage"

    assert "an OSError" in failed(outcomes(Suite, sink(raises_its_own_error), test))[test]


def test_a_batch_that_is_half_written_is_found() -> None:
    def one_by_one(self: Any, events: Sequence[Event]) -> None:
        for number, event in enumerate(events):
            if number == 1 and not getattr(self, "failed", False):
                self.failed = True
                raise OSError("the disk is full")
            write([event])

    assert "came twice" in failed(outcomes(Suite, sink(one_by_one)))["test_events_arrive_in_order"]


def test_without_an_outage_that_test_is_skipped_and_says_so() -> None:
    class Bare(EventSinkSuite):
        received = Suite.received

    found = outcomes(Bare, sink())

    assert "override `outage`" in found["test_nothing_is_lost_or_doubled_by_an_outage"]


def test_a_sink_that_nobody_installed_is_found() -> None:
    found = failed(outcomes(Suite, sink(), installed=True))

    assert list(found) == ["test_it_is_installed_under_its_own_name"]


def test_one_that_looks_around_when_it_is_made_is_found() -> None:
    test = "test_making_it_touches_nothing"

    assert list(failed(outcomes(Suite, Eager, test, installed=True))) == [test]


class TestSpooledSink(EventSinkSuite):
    """The sink that comes with the SDK, with a receiver that can be away."""

    plugin = SpooledSink
    installed = False

    @pytest.fixture(autouse=True)
    def spool(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        self.folder = tmp_path / "spool"
        self.taken: list[Event] = []
        self.away = False
        self.sinks: list[SpooledSink] = []
        yield
        for each in self.sinks:
            each.close(0.1)

    def make(self) -> SpooledSink:
        self.sinks.append(SpooledSink(self.folder, self.take))
        return self.sinks[-1]

    def take(self, events: Sequence[Event]) -> None:
        if self.away:
            raise ConnectionError("the receiver is away")
        self.taken += events

    def received(self) -> Sequence[Event]:
        return list(dict.fromkeys(self.taken))  # delivered at least once: who receives tells by the id

    @contextmanager
    def outage(self) -> Iterator[None]:
        self.away = True
        yield
        self.away = False
