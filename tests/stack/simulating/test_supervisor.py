"""The processes of the platform: started anew when they die, ended together, and what a person can do to them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.servers import Server
from support.simulated import NOWHERE, SCRAPED, Sample
from support.waiting import wait_for

Simulate = Callable[..., Server]

TOKEN = "open sesame"


def command(sample: Sample, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command of tapewatch for the sample."""
    return subprocess.run(
        [sys.executable, "-m", "tapewatch.cli", *words, f"--project={sample.folder}"],
        env={**os.environ, **sample.environ, "COLUMNS": "160", **environ}, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip


def children(server: Server) -> set[int]:
    """The processes of the services."""
    assert server._process is not None
    parent = server._process.pid
    return {int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()}


def gone(pids: set[int]) -> bool:
    """Whether none of these processes is left."""
    return not any(Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)


def up(sample: Sample, *services: str) -> bool:
    """Whether all of these services can work."""
    for name in services or SCRAPED:
        with urllib.request.urlopen(sample.url(name, "/ready"), timeout=5):
            pass
    return True


def metric(sample: Sample, service: str, name: str) -> float:
    """A value without labels, or the sum over its labels."""
    with urllib.request.urlopen(sample.url(service, "/metrics"), timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


@pytest.fixture
def running(sample: Sample, simulate: Simulate) -> Server:
    """All services, ready."""
    server = simulate(f"--push-url={NOWHERE}")
    wait_for("all services are ready", lambda: up(sample), 60, server.log_tail)
    return server


def test_each_service_is_a_process_and_none_is_left_at_the_end(running: Server) -> None:
    pids = children(running)
    assert len(pids) == len(SCRAPED) + 1

    running.stop()

    assert gone(pids)
    assert "Traceback" not in running.log()


def test_services_end_when_their_supervisor_is_killed(running: Server) -> None:
    pids = children(running)

    running.stop(signal.SIGKILL)

    wait_for("they are gone", lambda: gone(pids), 20)


def test_a_service_that_is_killed_is_named_and_started_anew(sample: Sample, running: Server) -> None:
    before = children(running)
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    wait_for("others are there", lambda: len(children(running) - before) == len(before), 30, running.log_tail)
    wait_for("all services are ready", lambda: up(sample), 60, running.log_tail)
    assert running.log().count("was ended by signal 9; it is started anew") == len(before)
    wait_for("each is said to be back", lambda: running.log().count("is back") == len(before), 30, running.log_tail)


def test_a_service_that_hangs_is_killed_at_the_end(running: Server) -> None:
    pids = children(running)
    os.kill(min(pids), signal.SIGSTOP)

    running.stop()

    assert gone(pids)
    assert "does not end, and is killed" in running.log()


def test_a_fault_that_wants_a_service_down_keeps_it_down(sample: Sample, running: Server) -> None:
    assert command(sample, "fault", "service-down=market-data").stdout == "on: service-down=market-data\n"

    def refused() -> bool:
        try:
            return not up(sample, "market-data")
        except urllib.error.URLError as error:
            return isinstance(error.reason, ConnectionRefusedError)

    wait_for("market-data is down", refused, 20, running.log_tail)
    wait_for("that is told", lambda: "market-data: is down, as the fault wants it" in running.log(), 20)
    assert up(sample, *(name for name in SCRAPED if name != "market-data"))
    assert command(sample, "fault", "--off").stdout == "on: none\n"
    wait_for("market-data is back", lambda: up(sample, "market-data"), 30, running.log_tail)


def test_faults_are_listed_with_those_that_are_on(sample: Sample, running: Server) -> None:
    assert command(sample, "fault", "backlog", "stale-symbol=ETH-USD").returncode == 0

    listed = [line for line in command(sample, "fault").stdout.splitlines() if " on " in line]

    assert [line.split()[0] for line in listed] == ["stale-symbol[=ETH-USD]", "backlog"]
    wait_for("it shows", lambda: metric(sample, "market-data", "market_data_message_queue_size") > 1_000, 10)


def test_a_fault_of_the_start_is_on_from_the_start(sample: Sample, simulate: Simulate) -> None:
    server = simulate(f"--push-url={NOWHERE}", "--fault=breaker", "--fault=service-down=live-trading")
    wait_for("the breaker is open", lambda: metric(sample, "risk-manager", "risk_circuit_breaker_status"), 20)

    assert command(sample, "fault", "--off", "breaker").stdout == "on: service-down=live-trading\n"
    wait_for("it is closed", lambda: not metric(sample, "risk-manager", "risk_circuit_breaker_status"), 20)
    with pytest.raises(OSError, match="refused"):
        up(sample, "live-trading")
    assert "live-trading: http" not in server.log()


def test_without_a_platform_a_fault_has_nobody_to_go_to(sample: Sample) -> None:
    done = command(sample, "fault", "backlog")

    assert done.returncode == 1
    assert "no sample platform of this project runs here" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fault", "back-log"), "no fault is called back-log; there are feed-disconnected"),
        (("fault", "backlog=7"), "backlog takes no value"),
        (("simulate", "--fault=backlog=7"), "backlog takes no value"),
        (("simulate", "--fault=service-down=nobody"), "no service is called nobody"),
        (("simulate", "--speed=0"), "0.0 is not in the range"),
    ],
)
def test_what_is_no_fault_is_told(sample: Sample, words: tuple[str, ...], told: str) -> None:
    done = command(sample, *words)

    assert done.returncode == 2
    assert told in done.stderr


def test_the_control_socket_is_the_users_alone(sample: Sample, running: Server) -> None:
    from tapewatch.simulating.control import running as platforms

    (path,) = platforms(sample.folder)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    running.stop()
    assert platforms(sample.folder) == []


def test_the_kill_switch_stops_orders_by_its_command(sample: Sample) -> None:
    sample.environ = {**sample.environ, "TAPEWATCH_KILL_SWITCH_TOKEN": TOKEN}
    with sample.server(f"--push-url={NOWHERE}", "--rate=5").start() as server:
        wait_for("all services are ready", lambda: up(sample), 60, server.log_tail)

        def orders() -> float:
            return metric(sample, "execution-engine", "orders_submitted_total")

        wait_for("orders are placed", orders, 30, server.log_tail)
        state = command(sample, "kill-switch", "status", "--env").stdout
        wrong = command(sample, "kill-switch", "on", "--env", TAPEWATCH_KILL_SWITCH_TOKEN="wrong")
        done = command(sample, "kill-switch", "on", "--env", "--reason=runaway")
        placed = orders()
        checks = metric(sample, "risk-manager", "risk_position_checks_total")
        wait_for(
            "further orders were refused",
            lambda: metric(sample, "risk-manager", "risk_position_checks_total") > checks + 5, 30, server.log_tail,
        )  # fmt: skip
        stopped = orders()
        off = command(sample, "kill-switch", "off", "--env", "--reason=mended")
        wait_for("orders are placed again", lambda: orders() > placed, 30, server.log_tail)
        told = [json.loads(line) for line in server.log().splitlines() if "KILL_SWITCH_TRIGGERED" in line]
        events = [line for line in told if line["service"] == "risk-manager"]

    assert state == "the kill switch is off\n"
    assert wrong.returncode == 2
    assert "error[kill-switch/refused]" in wrong.stderr
    assert "401" not in done.stdout
    assert done.stdout == "the kill switch is on: runaway\n"
    assert stopped == placed
    assert off.stdout == "the kill switch is off\n"
    reasons: list[Any] = [event["data"]["reason"] for event in events]
    assert reasons == ["runaway", "mended"]
    assert TOKEN not in server.log()


def test_the_token_may_stand_in_a_file(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    sample.environ = {**sample.environ, "TAPEWATCH_KILL_SWITCH_TOKEN_FILE": str(tmp_path / "token")}
    with sample.server(f"--push-url={NOWHERE}", service="risk-manager").start():
        assert command(sample, "kill-switch", "on", "--env").stdout == "the kill switch is on: by hand\n"


def test_a_kill_switch_without_a_token_or_a_risk_manager_is_told(sample: Sample, running: Server) -> None:
    none = command(sample, "kill-switch", "on", "--env")
    silent = command(sample, "kill-switch", "on", "--url=http://127.0.0.1:1")

    assert (none.returncode, silent.returncode) == (2, 2)
    assert "no token is configured" in none.stderr
    assert "error[kill-switch/silent]" in silent.stderr
