"""Processes that are killed with SIGKILL at any moment, again and again: nothing that was kept is lost or spoilt."""

from __future__ import annotations

import random
import signal
from collections import defaultdict
from pathlib import Path
from subprocess import Popen
from threading import Timer

from sdk.events.receiver import Receiver
from sdk.events.script import start
from support.waiting import wait_for
from tapewatch_sdk.events import HttpSender, SpooledSink

KILLS = 14

SERVICE = """
    import random
    folder, url, number = sys.argv[1:]
    chance = random.Random(number)
    sink = SpooledSink(folder, HttpSender(url).send, limit=1 << 30)
    n = 0
    while True:
        events = []
        for _ in range(chance.randrange(1, 40)):
            data = {"run": int(number), "n": n, "x": "x" * chance.choice([0, 10, 100, 2000])}
            events.append(Event(EventType.ENGINE_START, data=data))
            n += 1
        sink.send(events)
        os.write(1, "".join(f"{event.id}\\n" for event in events).encode())
"""
"""Keeps events, and says which ones once they are kept."""


def kept_until_killed(process: Popen[str], seconds: float) -> list[str]:
    """The ids that a service said are kept, until it was killed `seconds` after its first word."""
    assert process.stdout is not None
    assert process.stderr is not None
    first = process.stdout.readline()
    assert first, process.stderr.read()
    killing = Timer(seconds, process.send_signal, [signal.SIGKILL])
    killing.start()
    said = first + process.stdout.read()
    killing.join()
    assert process.wait(timeout=30) == -signal.SIGKILL, process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    return [line for line in said.split("\n")[:-1] if line]  # the last one may be half a line


def test_a_service_that_is_killed_again_and_again_loses_nothing_that_was_kept(
    tmp_path: Path, receiver: Receiver
) -> None:
    chance = random.Random(5)
    folder, kept = tmp_path / "spool", []
    for number in range(KILLS):
        receiver.status = 503 if number % 3 == 1 else 200
        kept += kept_until_killed(start(SERVICE, folder, receiver.url, number), chance.uniform(0.0, 0.2))
    receiver.status = 200

    last = SpooledSink(folder, HttpSender(receiver.url).send)
    wait_for("everything is sent", lambda: not last.stats().pending, timeout=60)
    last.close()

    assert len(kept) > 20 * KILLS
    assert set(kept) <= set(receiver.ids)
    assert (last.stats().damaged, last.stats().refused) == (0, 0)
    first_arrivals: dict[str, dict[str, int]] = {}
    for event in receiver.events:
        first_arrivals.setdefault(event["id"], event["data"])
    numbers: defaultdict[int, list[int]] = defaultdict(list)
    for data in first_arrivals.values():
        numbers[data["run"]].append(data["n"])
    # Some of a batch that was being written when the kill came may be there as well, although nobody was told.
    assert numbers == {number: list(range(len(numbers[number]))) for number in range(KILLS)}


def test_several_services_that_are_killed_at_once_lose_nothing_either(tmp_path: Path, receiver: Receiver) -> None:
    folder, kept = tmp_path / "spool", set[str]()
    receiver.status = 503
    for number in range(3):
        processes = [start(SERVICE, folder, receiver.url, 10 * number + each) for each in range(3)]
        for process in processes:
            kept.update(kept_until_killed(process, 0.05))
    receiver.status = 200

    last = SpooledSink(folder, HttpSender(receiver.url).send)
    receiver.wait_for_ids(kept, timeout=60)
    wait_for("all is acknowledged", lambda: not last.stats().pending)
    last.close()

    assert len(list(folder.glob("lane-*"))) >= 3
    assert last.stats().damaged == 0
