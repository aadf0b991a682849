"""The audit trail of the platform: what happens is told to the API once, also when it or a service was away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.servers import Server
from support.simulated import NOWHERE, SCRAPED, Sample
from support.waiting import wait_for
from tapewatch.simulating.control import running as platforms
from tapewatch.simulating.market import Market
from tapewatch.simulating.meters import Meters
from tapewatch.simulating.scene import Scene
from tapewatch.simulating.services.webhook import EVENTS, SHOWN, Webhook
from tapewatch.simulating.wire import HttpWire
from tapewatch_sdk.events import Event, EventSeverity, EventType

Simulate = Callable[..., Server]

ALL = {*SCRAPED, "capture-pipeline"}


def fault(sample: Sample, *words: str) -> None:
    """The command `tapewatch fault`."""
    command = [sys.executable, "-m", "tapewatch.cli", "fault", f"--project={sample.folder}", *words]
    subprocess.run(command, env={**os.environ, **sample.environ}, check=True, capture_output=True, timeout=60)


def taken(server: Server, kind: EventType, source: str = "") -> list[str]:
    """The ids of the events of a type that the API took, in their order, from its log."""
    lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    return [
        line["id"]
        for line in lines
        if line["message"] == "audit" and line["event"] == kind and source in ("", line["source"])
    ]


def listener(port: int) -> int:
    """The id of the process that listens on a port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (inode,) = (each[9] for each in lines if each[1].endswith(f":{port:04X}") and each[3] == "0A")
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) == f"socket:[{inode}]":
                return int(link.parts[2])
        except OSError:
            continue
    raise LookupError(port)


def once(ids: list[str]) -> bool:
    """Whether none came twice."""
    return len(ids) == len(set(ids))


def test_what_happens_is_told_to_the_api_once_from_the_start_of_a_service_to_its_end(
    sample: Sample, simulate: Simulate
) -> None:
    server = simulate(f"--push-url={NOWHERE}", "--fault=kill-switch", "--fault=breaker")
    trips = wait_for(
        "kill switch and breaker are told",
        lambda: ids if len(ids := taken(server, EventType.KILL_SWITCH_TRIGGERED)) == 2 else None, 30, server.log_tail,
    )  # fmt: skip
    wait_for("every service has told its start", lambda: len(taken(server, EventType.ENGINE_START)) == len(ALL), 30)
    shown = server.get_json(EVENTS)["events"]
    (control,) = platforms(sample.folder)
    spool = control.with_suffix(".spool")
    assert {each.name for each in spool.iterdir()} == ALL
    assert spool.stat().st_mode & 0o077 == 0
    server.stop()

    assert {each["source"] for each in shown if each["event_type"] == "ENGINE_START"} == ALL
    assert set(trips) <= {each["id"] for each in shown}
    for name in ALL:
        assert len(taken(server, EventType.ENGINE_START, name)) == 1
        assert len(taken(server, EventType.ENGINE_STOP, name)) == 1
    assert not spool.exists(), "all was told, and nothing is left on the disk"
    assert "cannot be sent now" not in server.log(), "that all begin together is no news"


def test_an_order_that_the_exchange_rejects_is_told(simulate: Simulate) -> None:
    server = simulate(f"--push-url={NOWHERE}", "--fault=rejections", "--rate=10")

    wait_for(
        "an order was rejected",
        lambda: taken(server, EventType.TRADE_REJECTED, "execution-engine"), 60, server.log_tail,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="a service's process is found in /proc")
def test_what_happens_while_the_api_is_away_is_told_afterwards_once(sample: Sample, simulate: Simulate) -> None:
    server = simulate(f"--push-url={NOWHERE}")
    wait_for("every service has told its start", lambda: len(taken(server, EventType.ENGINE_START)) == len(ALL), 30)
    # One after the other: an API that goes listens on for a moment, and would be told of the switch.
    fault(sample, "service-down=api")
    wait_for("the API is away", lambda: "api: is down, as the fault wants it" in server.log(), 30, server.log_tail)
    fault(sample, "kill-switch")
    wait_for("the switch is pulled", lambda: '"message":"kill switch"' in server.log(), 30, server.log_tail)
    # The service that is to tell it dies as well; what it has on the disk is sent by the one that follows.
    wait_for("the event is on the disk", lambda: "KILL_SWITCH" in spooled(sample, "risk-manager"), 30, server.log_tail)
    os.kill(listener(sample.ports["risk-manager"]), signal.SIGKILL)
    wait_for("another one is there", lambda: "risk-manager: is back" in server.log(), 30, server.log_tail)
    assert taken(server, EventType.KILL_SWITCH_TRIGGERED) == []

    fault(sample, "--off", "service-down")

    # The new one finds the fault on and pulls the switch again: two events, and each once.
    told = wait_for(
        "both are told",
        lambda: ids if len(ids := taken(server, EventType.KILL_SWITCH_TRIGGERED)) == 2 else None, 60, server.log_tail,
    )  # fmt: skip
    assert once(told)
    assert once(taken(server, EventType.ENGINE_START))
    assert len(taken(server, EventType.ENGINE_START, "api")) == 2
    assert "Traceback" not in server.log()


def spooled(sample: Sample, service: str) -> str:
    """What a service has on the disk."""
    (control,) = platforms(sample.folder)
    return "".join(each.read_text() for each in control.with_suffix(".spool").glob(f"{service}/lane-*/*.jsonl"))


def test_a_spool_of_ones_own_is_kept_and_its_rest_is_sent_by_the_next_platform(sample: Sample, tmp_path: Path) -> None:
    sample.environ = {**sample.environ, "TAPEWATCH_SPOOL": str(tmp_path / "spool")}
    with sample.server(f"--push-url={NOWHERE}", "--fault=service-down=api", service="risk-manager").start() as server:
        fault(sample, "kill-switch")
        wait_for(
            "the event is on the disk",
            lambda: "KILL" in "".join(each.read_text() for each in (tmp_path / "spool").glob("risk-manager/*/*.jsonl")),
            30, server.log_tail,
        )  # fmt: skip
        server.stop()
        first = server.log()

    with sample.server(f"--push-url={NOWHERE}").start() as server:
        wait_for("it is told", lambda: taken(server, EventType.KILL_SWITCH_TRIGGERED), 60, server.log_tail)
        assert len(taken(server, EventType.ENGINE_STOP, "risk-manager")) == 1
    assert (tmp_path / "spool" / "risk-manager").is_dir()
    assert '"message":"audit"' not in first


def test_without_a_place_for_a_spool_the_platform_says_so_and_runs(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    sample.environ = {**sample.environ, "TAPEWATCH_SPOOL": str(tmp_path / "file")}
    with sample.server(f"--push-url={NOWHERE}").start() as server:
        assert server.get("/ready")
        assert f"risk-manager: events cannot be kept in {tmp_path / 'file' / 'risk-manager'}" in server.log()
    assert "Traceback" not in server.log()


def test_without_an_api_among_the_services_nothing_is_spooled(sample: Sample) -> None:
    with sample.server("--service=market-data", service="market-data").start():
        (control,) = platforms(sample.folder)
        assert not control.with_suffix(".spool").exists()


@pytest.fixture
def history() -> Webhook:
    """The stand-in for the history, with nobody around it."""
    return Webhook(Scene("api", Meters(()), Market(), HttpWire({})))


def store(history: Webhook, *events: dict[str, Any]) -> int:
    stored: int = history.routes()["POST", EVENTS]({"events": list(events)}, {})["stored"]
    return stored


def shown(history: Webhook) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = history.routes()["GET", EVENTS]({}, {})["events"]
    return events


def event(**data: Any) -> dict[str, Any]:
    return Event(EventType.ENGINE_START, None, data, "risk-manager", EventSeverity.INFO).to_dict()


def test_an_event_that_comes_twice_is_stored_once(history: Webhook) -> None:
    first, second = event(number=1), event(number=2)

    assert store(history, first, first) == 1
    assert store(history, first, second) == 1
    assert shown(history) == [first, second]


@pytest.mark.parametrize("wrong", [{}, {"event_type": "NOTHING"}, {"id": str(uuid.uuid4())}])
def test_of_a_batch_with_something_that_is_no_event_nothing_is_stored(history: Webhook, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no event|valid EventType"):
        store(history, event(), wrong)
    assert shown(history) == []


def test_of_many_events_the_newest_are_kept_and_the_oldest_ids_forgotten(
    history: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tapewatch.simulating.services.webhook.KNOWN", SHOWN + 50)
    many = [event(number=number) for number in range(SHOWN + 100)]
    for each in many:
        assert store(history, each) == 1

    assert shown(history) == many[-SHOWN:]
    assert store(history, *many[-SHOWN:]) == 0
    assert store(history, many[0]) == 1
