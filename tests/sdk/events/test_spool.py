"""The spool of the audit trail: kept on disk, sent from there, and acknowledged by the receiver."""

from __future__ import annotations

import fcntl
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event as Flag
from time import monotonic

import pytest

from sdk.events.receiver import Receiver
from support.waiting import wait_for
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import (
    AUDIT_TYPES,
    Event,
    EventBus,
    EventSink,
    EventsRefusedError,
    EventType,
    HttpSender,
    SpooledSink,
)

Spool = Callable[..., SpooledSink]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between two tries that a test can wait for."""
    monkeypatch.setattr("tapewatch_sdk.events._backoff.FIRST_PAUSE", 0.005)
    monkeypatch.setattr("tapewatch_sdk.events._backoff.LONGEST_PAUSE", 0.02)


@pytest.fixture
def spool(tmp_path: Path, receiver: Receiver) -> Iterator[Spool]:
    """Opens spools in one folder, which send to the receiver unless told otherwise."""
    opened: list[SpooledSink] = []

    def open_it(send: Callable[[Sequence[Event]], object] | None = None, limit: int = 1 << 20) -> SpooledSink:
        opened.append(SpooledSink(tmp_path / "spool", send or HttpSender(receiver.url).send, limit=limit))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close(timeout=0.0)


def some(count: int = 10, size: int = 0) -> list[Event]:
    return [Event(EventType.ENGINE_START, data={"n": n, "x": "x" * size}) for n in range(count)]


def held(lane: Path) -> bool:
    """Whether anybody holds a lane."""
    with (lane / "lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def ids(events: Sequence[Event]) -> list[str]:
    return [event.id for event in events]


def test_a_spool_is_an_event_sink(spool: Spool) -> None:
    assert isinstance(spool(), EventSink)


def test_events_arrive_whole_and_in_order(spool: Spool, receiver: Receiver) -> None:
    sink = spool()
    events = some(250)

    sink.send(events[:200])
    sink.send(events[200:])

    assert sink.flush(30)
    assert receiver.events == [event.to_dict() for event in events]
    assert (sink.stats().pending, sink.stats().acknowledged, sink.stats().failing) == (0, 250, "")


def test_through_the_bus_the_audit_trail_and_nothing_else_arrives(
    bus: EventBus, spool: Spool, receiver: Receiver
) -> None:
    sink = spool()
    bus.attach(sink, types=AUDIT_TYPES)
    for kind in EventType:
        bus.emit(kind)

    receiver.wait_for_ids(event.id for event in bus.get_recent() if event.event_type in AUDIT_TYPES)
    assert bus.close(timeout=30)
    assert {event["event_type"] for event in receiver.events} == set(AUDIT_TYPES)
    assert len(receiver.events) == len(AUDIT_TYPES)


def test_an_event_of_a_newer_version_goes_through_unchanged(spool: Spool, receiver: Receiver) -> None:
    event = Event("MOON_LANDING", severity="fatal")  # type: ignore[arg-type]
    sink = spool()
    sink.send([event])

    assert sink.flush(30)
    assert receiver.events == [event.to_dict()]


def test_a_receiver_that_is_gone_for_a_while_gets_everything(
    spool: Spool, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 503
    sink = spool()
    events = some(30)
    with caplog.at_level(logging.WARNING, logger="tapewatch_sdk.events"):
        for event in events:
            sink.send([event])
        wait_for("sending has failed some times", lambda: sink.stats().retried > 3)
        assert (sink.stats().pending, sink.stats().acknowledged) == (30, 0)
        assert "503" in sink.stats().failing
        receiver.status = 200
        assert sink.flush(30)

    assert ids(events) == receiver.ids
    assert sink.stats().failing == ""
    assert [record.getMessage().split(" of ")[0] for record in caplog.records] == ["events", "events"]


def test_keeping_does_not_wait_for_a_receiver_that_says_nothing(spool: Spool, receiver: Receiver) -> None:
    receiver.silent.set()
    sink = spool()

    for event in some(20):
        sink.send([event])

    assert sink.stats().pending == 20
    receiver.silent.clear()
    assert sink.flush(30)
    assert len(receiver.ids) == 20


def test_an_answer_that_is_lost_makes_events_arrive_twice_with_the_same_id(spool: Spool, receiver: Receiver) -> None:
    got: list[str] = []

    def send(events: Sequence[Event]) -> None:
        got.extend(event.id for event in events)
        if len(got) < 20:
            raise ConnectionError("the answer was lost")

    sink = spool(send)
    events = some(10)
    sink.send(events)

    assert sink.flush(30)
    assert got == ids(events) * 2


@pytest.mark.parametrize("error", [ValueError("a bug"), SystemExit(), MemoryError()])
def test_a_sender_with_a_bug_loses_nothing(spool: Spool, error: BaseException) -> None:
    errors = iter([error, error])
    got: list[Event] = []

    def send(events: Sequence[Event]) -> None:
        if found := next(errors, None):
            raise found
        got.extend(events)

    sink = spool(send)
    sink.send(some(3))

    assert sink.flush(30)
    assert len(got) == 3


def test_an_event_that_is_refused_is_set_aside_and_holds_up_no_other(
    spool: Spool, receiver: Receiver, tmp_path: Path
) -> None:
    events = some(10)
    receiver.refuses = {events[3].id, events[7].id}
    sink = spool()
    sink.send(events)
    assert sink.flush(30)
    sink.send(some(5))
    assert sink.flush(30)

    assert receiver.ids[:8] == [event.id for event in events if event.id not in receiver.refuses]
    assert (sink.stats().refused, sink.stats().acknowledged) == (2, 13)
    aside = [json.loads(line) for line in (tmp_path / "spool/refused.jsonl").read_text().splitlines()]
    assert [each["event"] for each in aside] == [events[3].to_dict(), events[7].to_dict()]
    assert all("422" in each["reason"] for each in aside)
    assert receiver.batches == [10, *[1] * 10, 5]  # one by one only as long as it must


def test_a_receiver_that_refuses_everything_does_not_fill_the_disk(
    spool: Spool, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.status = 422
    sink = spool(limit=20_000)
    for _ in range(5):
        sink.send(some(10, size=200))
    wait_for("no more is set aside", lambda: "refused.jsonl" in sink.stats().failing)

    assert (tmp_path / "spool/refused.jsonl").stat().st_size <= 20_000
    assert sink.stats().pending + sink.stats().refused == 50


def test_a_full_spool_turns_away_what_is_new_counts_it_and_says_so_once(
    spool: Spool, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 503
    sink = spool(limit=50_000)
    kept: list[Event] = []
    refused = 0
    with caplog.at_level(logging.ERROR, logger="tapewatch_sdk.events"):
        for _ in range(60):
            events = some(10, size=200)
            try:
                sink.send(events)
                kept += events
            except EventsRefusedError:
                refused += 10

    assert refused > 100
    assert (sink.stats().turned_away, sink.stats().pending) == (refused, len(kept))
    assert sink.stats().size <= 50_000
    assert ["has reached its 50000 bytes" in record.getMessage() for record in caplog.records] == [True]

    receiver.status = 200
    assert sink.flush(30)
    assert receiver.ids == ids(kept)
    sink.send(last := some(1))
    assert sink.flush(30)
    assert receiver.ids[-1] == last[0].id


def test_on_a_bus_what_a_full_spool_turns_away_is_counted_there_too(
    bus: EventBus, spool: Spool, receiver: Receiver
) -> None:
    receiver.status = 503
    sink = spool(limit=5_000)
    handle = bus.attach(sink)
    for event in some(100, size=200):
        bus.publish(event)
    assert bus.flush(30)

    assert handle.stats().failed == sink.stats().turned_away > 0
    assert handle.stats().delivered == sink.stats().pending
    assert handle.stats().delivered + handle.stats().failed == 100


def test_an_event_that_is_too_large_loses_its_data_and_nothing_else(spool: Spool, receiver: Receiver) -> None:
    event = Event(EventType.KILL_SWITCH_TRIGGERED, data={"book": "ü" * 100_000}, source="risk-manager")
    sink = spool()
    sink.send([event])

    assert sink.flush(30)
    (arrived,) = receiver.events
    assert {**arrived, "data": None} == {**event.to_dict(), "data": None}
    assert arrived["data"]["bytes"] > 100_000
    assert arrived["data"]["cut"].startswith('{"book":"')


def test_what_was_not_acknowledged_is_sent_by_the_next_process(
    spool: Spool, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.status = 503
    first = spool()
    events = some(20)
    first.send(events)
    assert not first.close(timeout=0.05)
    wait_for("it has let go", lambda: not held(tmp_path / "spool/lane-0"))
    receiver.status = 200

    spool()

    receiver.wait_for_ids(ids(events))
    assert receiver.ids == ids(events)


def test_closing_sends_what_it_can_and_keeps_the_rest(spool: Spool, receiver: Receiver) -> None:
    sink = spool()
    sink.send(some(10))

    assert sink.close(timeout=30)
    assert len(receiver.ids) == 10
    with pytest.raises(EventsRefusedError, match="closed"):
        sink.send(some(1))


def test_closing_waits_no_longer_than_it_is_told(spool: Spool, receiver: Receiver) -> None:
    receiver.silent.set()
    sink = spool()
    sink.send(some(1))
    begin = monotonic()

    assert not sink.close(timeout=0.2)
    assert monotonic() - begin < 4  # the sender itself would wait for five seconds


def test_two_processes_may_share_a_folder(spool: Spool, receiver: Receiver, tmp_path: Path) -> None:
    one, two = spool(), spool()
    one.send(some(5))
    two.send(some(5))

    assert one.flush(30)
    assert two.flush(30)
    assert len(receiver.ids) == 10
    assert sorted(path.name for path in (tmp_path / "spool").iterdir()) == ["lane-0", "lane-1"]


def test_what_an_ended_process_has_left_is_sent_by_another(
    spool: Spool, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tapewatch_sdk.events.spool.LOOK_SECONDS", 0.02)
    stays = spool()
    receiver.status = 503
    ends = spool()
    ends.send(left := some(5))
    ends.close(timeout=0.0)
    wait_for("it has let go", lambda: not held(tmp_path / "spool/lane-1"))
    receiver.status = 200
    stays.send(own := some(5))

    receiver.wait_for_ids(ids(left) + ids(own))
    wait_for("all is acknowledged", lambda: stays.stats().acknowledged == 10)
    assert stays.stats().pending == 0


def test_damaged_lines_are_set_aside_and_the_others_sent(spool: Spool, receiver: Receiver, tmp_path: Path) -> None:
    receiver.status = 503
    sink = spool()
    sink.send(events := some(4))
    sink.close(timeout=0.0)
    wait_for("it has let go", lambda: not held(tmp_path / "spool/lane-0"))
    (file,) = (tmp_path / "spool/lane-0").glob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(events[1].id.encode(), b"?" * 36))
    receiver.status = 200

    sink = spool()

    assert sink.flush(30)
    assert receiver.ids == [events[0].id, events[2].id, events[3].id]
    assert (sink.stats().damaged, sink.stats().acknowledged) == (1, 3)
    aside = json.loads((tmp_path / "spool/refused.jsonl").read_text())
    assert aside["reason"] == "damaged"
    assert "?" * 36 in aside["line"]


@pytest.mark.parametrize("kind", ["a file in the way", "a folder that is a file"])
def test_a_folder_that_cannot_be_used_is_a_problem_at_start(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "spool"
    if kind == "a file in the way":
        folder.write_text("")
    else:
        (tmp_path / "x").write_text("")
        folder = tmp_path / "x" / "spool"

    with pytest.raises(ProblemsError) as caught:
        SpooledSink(folder, lambda events: None)

    (problem,) = caught.value.problems
    assert problem.code == "events/spool"
    assert str(folder) in problem.summary


def test_nothing_is_started_before_there_is_something_to_send(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    started = Flag()
    monkeypatch.setattr("tapewatch_sdk.events.spool.SpooledSink._run", lambda *arguments: started.set())
    sink = spool()
    assert not started.is_set()

    sink.send(some(1))

    assert started.wait(30)
