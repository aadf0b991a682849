"""The spool in a program of its own: a disk that refuses, forks, and a child that outlives its parent."""

from __future__ import annotations

import os
from pathlib import Path

from sdk.events.receiver import Receiver
from sdk.events.script import run
from support.waiting import wait_for
from tapewatch_sdk.events import HttpSender, SpooledSink


def test_while_the_disk_refuses_events_wait_in_the_bus(tmp_path: Path, receiver: Receiver) -> None:
    printed = run(
        """
        import resource

        sink = SpooledSink(sys.argv[1], HttpSender(sys.argv[2]).send)
        bus = EventBus()
        handle = bus.attach(sink)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, resource.RLIM_INFINITY))
        for _ in range(20):
            bus.emit(EventType.ENGINE_STOP)
        while not handle.stats().retried:
            time.sleep(0.01)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(bus.close(30), handle.stats().delivered, handle.stats().dropped, handle.stats().failed)
        """,
        tmp_path / "spool",
        receiver.url,
    )

    assert printed == "True 20 0 0\n"
    assert len(receiver.ids) == 20


def test_a_forked_child_keeps_its_events_apart_and_both_arrive(tmp_path: Path, receiver: Receiver) -> None:
    receiver.status = 503
    printed = run(
        """
        bus = EventBus()
        sink = SpooledSink(sys.argv[1], HttpSender(sys.argv[2]).send)
        bus.attach(sink)
        for n in range(5):
            bus.emit(EventType.ENGINE_START, {"n": n})
        bus.flush(30)
        if not (child := os.fork()):
            for n in range(5, 10):
                bus.emit(EventType.ENGINE_START, {"n": n})
            flushed = bus.flush(30)
            print(flushed, sink.stats().pending, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        bus.emit(EventType.ENGINE_STOP, {"n": 10})
        print(bus.flush(30), sink.stats().pending)
        bus.close(0.1)
        """,
        tmp_path / "spool",
        receiver.url,
    )
    assert printed == "True 5\nTrue 6\n"
    receiver.status = 200

    last = SpooledSink(tmp_path / "spool", HttpSender(receiver.url).send)
    wait_for("every event has arrived", lambda: len(receiver.ids) == 11)
    last.close()
    numbers = [event["data"]["n"] for event in receiver.events]
    assert [n for n in numbers if n not in range(5, 10)] == [0, 1, 2, 3, 4, 10]
    assert [n for n in numbers if n in range(5, 10)] == [5, 6, 7, 8, 9]


def test_a_child_does_not_keep_the_lane_of_a_parent_that_has_ended(tmp_path: Path, receiver: Receiver) -> None:
    code = """
        sink = SpooledSink(sys.argv[1], HttpSender(sys.argv[2]).send)
        if not os.fork():
            os.close(1), os.close(2)
            time.sleep(1000)
        print([pid for pid in os.listdir("/proc") if pid.isdigit() and _parent(pid) == os.getpid()][0])
    """
    header = """
        def _parent(pid):
            try:
                return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
            except OSError:
                return 0
    """
    child = int(run(header + code, tmp_path / "spool", receiver.url))
    try:
        sink = SpooledSink(tmp_path / "spool", HttpSender(receiver.url).send)
        assert (tmp_path / "spool/lane-0").exists()
        assert not (tmp_path / "spool/lane-1").exists()
        sink.close()
    finally:
        os.kill(child, 9)
