"""Three hosts, each a booted systemd, of one highly available stack."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support.machine import Machine
from support.native_host import PROGRAMS, SECRETS, generate, machine_files, spread
from support.network import Network
from support.waiting import wait_for

pytestmark = [
    pytest.mark.needs("systemd", *PROGRAMS),
    pytest.mark.skipif(
        not os.environ.get("TAPEWATCH_NIGHTLY"),
        reason="boots three systemd of its own, which not every machine lets one; TAPEWATCH_NIGHTLY=1 runs it",
    ),
]

HOSTS = {"a": "10.0.7.11", "b": "10.0.7.12", "c": "10.0.7.13"}

SINGLE = {"loki", "jaeger", "node-exporter", "blackbox-exporter"}

RUNNING = {
    "a": {"prometheus", "alertmanager", "history", *SINGLE},
    "b": {"prometheus", "alertmanager", "history"},
    "c": {"alertmanager"},
}


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[dict[str, Machine]]:
    project = generate(tmp_path / "project", spread)
    with ExitStack() as stack:
        network = stack.enter_context(Network())
        machines = {}
        for letter, address in HOSTS.items():
            folder = tmp_path / letter
            folder.mkdir()
            files = machine_files(folder) | {project / "provisioning": "/srv/provisioning"}
            machines[letter] = stack.enter_context(Machine(folder, files))
            network.join(machines[letter], f"{address}/24")
        yield machines


def install(machine: Machine, letter: str) -> str:
    machine.run("install", "--directory", "--mode=0700", "/etc/tapewatch/secrets")
    for name, text in SECRETS.items():
        machine.run("sh", "-c", f"printf %s '{text}' > /etc/tapewatch/secrets/{name}")
    command = f"cd /srv; tapewatch systemd install --host {letter} --apply"
    return machine.run("sh", "-c", command, check=False, timeout=300.0)


def asked(machine: Machine, url: str) -> Any:
    """What another host answers, asked from this one."""
    read = f"import urllib.request as r; print(r.urlopen('{url}', timeout=5).read().decode())"
    return json.loads(machine.run("python3", "-c", read))


def active(machine: Machine) -> set[str]:
    listed = machine.run("systemctl", "list-units", "--plain", "--no-legend", "--state=active", "tapewatch-*.service")
    return {line.split()[0].removeprefix("tapewatch-").removesuffix(".service") for line in listed.splitlines()}


def peers(machine: Machine, letter: str) -> int:
    return len(asked(machine, f"http://{HOSTS[letter]}:19093/api/v2/status")["cluster"]["peers"])


def newest(machine: Machine, letter: str) -> datetime:
    alerts = asked(machine, f"http://{HOSTS[letter]}:19093/api/v2/alerts")
    return max((datetime.fromisoformat(each["updatedAt"]) for each in alerts), default=datetime.min.replace(tzinfo=UTC))


def healthy(machine: Machine, letter: str, job: str) -> set[str]:
    found = asked(machine, f"http://{HOSTS[letter]}:9090/api/v1/targets?state=active")["data"]["activeTargets"]
    return {each["labels"]["instance"] for each in found if each["labels"]["job"] == job and each["health"] == "up"}


def has_its_parts(machine: Machine, letter: str, log: str) -> None:
    wait_for(f"{letter} runs its parts and no others", lambda: active(machine) == RUNNING[letter], 60.0, lambda: log)


def scrapes_both(machine: Machine, letter: str) -> None:
    both = {f"{HOSTS[each]}:9090" for each in "ab"}
    wait_for(f"Prometheus {letter} scrapes both", lambda: healthy(machine, letter, "prometheus") == both, 60.0)


def test_hosts_find_each_other_and_go_on_without_the_first(hosts: dict[str, Machine]) -> None:
    said = {letter: install(machine, letter) for letter, machine in hosts.items()}
    third = hosts["c"]

    for letter, machine in hosts.items():
        has_its_parts(machine, letter, said[letter])
    wait_for("the Alertmanagers know each other", lambda: peers(third, "c") == 3, 60.0)
    for letter in "ab":
        scrapes_both(third, letter)
        told = asked(third, f"http://{HOSTS[letter]}:9090/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
        assert len(told) == 3
        assert f"TAPEWATCH_REPLICA={letter}" in hosts[letter].run("systemctl", "cat", "tapewatch-prometheus")
    assert asked(hosts["b"], f"http://{HOSTS['a']}:3100/loki/api/v1/status/buildinfo")["version"]

    died = datetime.now(UTC)
    hosts["a"].stop()

    wait_for("alerts go on to reach the third one", lambda: newest(third, "c") > died, 120.0)
    assert active(hosts["b"]) == RUNNING["b"]
    assert asked(third, f"http://{HOSTS['b']}:8000/health/live")
