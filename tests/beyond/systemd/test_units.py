"""Native units on the real systemd: checked, scored, and run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from support.machine import Machine
from support.native_host import PROGRAMS, RUN, SECRETS, machine_files, native, spread
from support.rendering import render, varied, write
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.renderers.systemd import SystemdRenderer

pytestmark = pytest.mark.needs("systemd")

EXPOSURE = 25
"""Tenths of systemd's own score, of which 100 is no protection at all."""


@pytest.fixture(scope="module")
def etc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rendered")
    return write(render(SystemdRenderer(), varied(native)), folder) / layout.SYSTEMD / "etc"


@pytest.fixture(scope="module", params=["", "a", "b", "c"])
def host(etc: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """What is below `etc` of the only host, or of each of three, and how many services it has."""
    services = {"": 8, "a": 8, "b": 3, "c": 1}[request.param]
    if not request.param:
        return etc, services
    folder = write(render(SystemdRenderer(), varied(spread)), tmp_path_factory.mktemp("spread"))
    return folder / layout.SYSTEMD / request.param / "etc", services


def units(etc: Path) -> list[Path]:
    return sorted((etc / "systemd/system").glob("tapewatch-*.service"))


def test_systemd_itself_finds_nothing_wrong_in_any_unit(host: tuple[Path, int], tmp_path: Path) -> None:
    etc, services = host
    shutil.copytree(etc, tmp_path / "etc")
    shutil.copytree("/lib/systemd", tmp_path / "lib/systemd", symlinks=True)
    for program in (*PROGRAMS, "grafana", "tapewatch"):
        executable(tmp_path / "usr/local/bin" / program)
    for program in ("usr/bin/timeout", "bin/bash", "bin/sh"):
        executable(tmp_path / program)

    names = [unit.name for unit in units(etc)]
    done = subprocess.run(
        ["systemd-analyze", f"--root={tmp_path}", "--man=no", "verify", *names, "tapewatch.target"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert len(names) == services
    assert (done.returncode, [line for line in done.stderr.splitlines() if "tapewatch" in line]) == (0, [])


def test_each_unit_is_exposed_as_little_as_systemd_can_tell(host: tuple[Path, int]) -> None:
    for unit in units(host[0]):
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(unit)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-300:] + done.stderr


@pytest.fixture(scope="module")
def machine(etc: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if not os.environ.get("TAPEWATCH_NIGHTLY"):
        pytest.skip("boots a systemd of its own, which not every machine lets one; TAPEWATCH_NIGHTLY=1 runs it")
    folder = tmp_path_factory.mktemp("boot")
    secrets = folder / "secrets"
    secrets.mkdir()
    for name, text in SECRETS.items():
        (secrets / name).write_text(text)
    secrets.chmod(0o700)
    files = {etc: "/etc", secrets: "/etc/tapewatch/secrets"} | machine_files(folder)
    with Machine(folder, files) as booted:
        booted.run("systemd-sysusers")
        booted.run("systemd-tmpfiles", "--create", "tapewatch.conf")
        booted.run("systemctl", "start", "--no-block", "tapewatch.target")
        yield booted


@pytest.mark.needs(*PROGRAMS)
@pytest.mark.parametrize("part", RUN)
def test_each_part_becomes_ready_with_all_of_its_protection(machine: Machine, part: str) -> None:
    unit = f"tapewatch-{part}.service"

    def log() -> str:
        return machine.run("journalctl", "--lines=30", "--no-pager", f"--unit={unit}")

    def active() -> bool:
        state = machine.run("systemctl", "is-active", unit, check=False).strip()
        assert state in ("active", "activating", "inactive", "reloading"), f"{state}\n{log()}"
        return state == "active"

    wait_for(f"{unit} is ready", active, 60.0, log)

    shown = machine.run("systemctl", "show", "--value", "--property=MainPID,NRestarts", unit).split()
    pid = max(shown, key=int)
    status = dict(
        line.split(":\t", 1) for line in machine.run("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line
    )
    user = machine.run("id", "-u", f"tapewatch-{part}").strip()
    assert status["Uid"].split() == [user] * 4
    assert (status["Seccomp"], status["NoNewPrivs"], status["CapBnd"]) == ("2", "1", "0" * 16)
    assert status["Cpus_allowed_list"] == "0"
    assert min(shown, key=int) == "0", "it did not come up at the first start"


@pytest.mark.needs(*PROGRAMS)
def test_a_part_reads_its_own_secrets_and_nobody_elses(machine: Machine) -> None:
    where = "/run/credentials/tapewatch-alertmanager.service/heartbeat-url"
    config = yaml.safe_load(machine.run("cat", "/etc/tapewatch/alertmanager/alertmanager.yml"))
    hooks = [hook for each in config["receivers"] for hook in each.get("webhook_configs", ())]

    assert where in [hook.get("url_file") for hook in hooks]
    owner = machine.run("runuser", "-u", "tapewatch-alertmanager", "--", "cat", where)
    other = machine.run("runuser", "-u", "tapewatch-prometheus", "--", "cat", where, check=False)
    assert owner == "http://127.0.0.1:1/beat\n"
    assert "Permission denied" in other


@pytest.mark.needs(*PROGRAMS)
def test_a_part_that_is_killed_comes_back(machine: Machine) -> None:
    unit = "tapewatch-node-exporter.service"
    wait_for("it runs", lambda: machine.run("systemctl", "is-active", unit, check=False).strip() == "active", 60.0)
    before = machine.run("systemctl", "show", "--value", "--property=MainPID", unit)

    machine.run("systemctl", "kill", "--signal=KILL", unit)

    def back() -> bool:
        now = machine.run("systemctl", "show", "--value", "--property=MainPID", unit)
        return now not in (before, "0\n") and machine.run("systemctl", "is-active", unit, check=False) == "active\n"

    wait_for("it runs again", back, 30.0)


def executable(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
