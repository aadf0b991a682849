"""The members in containers, by the commands that a user types: brought up, looked at, reloaded, drilled."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.cli import run
from support.compose import free_catalogue, write_files
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.project import open_project
from tapewatch.renderers.members import members
from tapewatch.running.clients import Prometheus

pytestmark = [pytest.mark.needs("docker", "compose", "images"), pytest.mark.alone]

PAIR = ("prometheus", "prometheus-b")
CLUSTER = ("alertmanager", "alertmanager-b", "alertmanager-c")

STEP = 1000
"""Between the members' ports: the sample's own are not in the way of those that are free."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The pair and the cluster, up and whole; removed at the end."""
    folder = tmp_path_factory.mktemp("members")
    text = free_catalogue("15s").replace("stack:\n", f"stack:\n  high_availability: {{port_step: {STEP}}}\n", 1)
    (folder / "catalogue.yaml").write_text(text, encoding="utf-8")
    write_files(open_project(folder), folder, f"tapewatch-test-{uuid.uuid4().hex[:8]}", ())
    try:
        compose(folder, "up", "--detach", "--no-build", "--wait", *PAIR, *CLUSTER)
        yield folder
    finally:
        compose(folder, "down", "--volumes", "--remove-orphans", "--timeout", "1")


def compose(folder: Path, *words: str) -> None:
    done = subprocess.run(
        ["docker", "compose", "--profile", "ha", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def prometheus(folder: Path) -> list[Prometheus]:
    stack = open_project(folder).catalogue.stack
    ports = [each.published(stack.ports.prometheus) for each in members(stack, "prometheus")]
    return [Prometheus(f"http://127.0.0.1:{port}") for port in ports]


def status(folder: Path) -> dict[str, str]:
    """The state of each member, by its name in compose."""
    said: dict[str, Any] = json.loads(run("status", "--format", "json", folder=folder).stdout)
    return {each["name"]: each["state"] for each in said["services"] if each["name"] in (*PAIR, *CLUSTER)}


def ill(folder: Path) -> set[str]:
    return {name for name, state in status(folder).items() if state != "healthy"}


def test_status_shows_every_member_and_who_is_dead(project: Path) -> None:
    assert status(project) == dict.fromkeys((*PAIR, *CLUSTER), "healthy")

    compose(project, "kill", "--signal", signal.SIGKILL.name, "alertmanager-b")
    try:
        wait_for("it is seen", lambda: ill(project) == {"alertmanager-b"})
        assert run("status", folder=project).returncode == 1
    finally:
        compose(project, "up", "--detach", "--no-build", "--wait", "alertmanager-b")


def test_reload_lets_each_member_read_the_new_files(project: Path) -> None:
    path = project / layout.RULES / "risk.yml"
    right = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^  - alert: KillSwitchActivated$", "  - alert: KillSwitchOn", right), encoding="utf-8")
    try:
        done = run("reload", folder=project)

        assert done.returncode == 0, done.stdout + done.stderr
        assert [line.split()[:2] for line in done.stdout.splitlines()] == [
            [name, "reloaded:"] for name in (*CLUSTER, *PAIR)
        ]
        assert all("KillSwitchOn" in {rule["name"] for rule in each.rules()} for each in prometheus(project))
    finally:
        path.write_text(right, encoding="utf-8")
        assert run("reload", folder=project).returncode == 0


@pytest.mark.skipif(not os.environ.get("TAPEWATCH_NIGHTLY"), reason="takes two minutes; TAPEWATCH_NIGHTLY=1 runs it")
def test_a_drill_is_delivered_although_the_first_of_each_is_dead(project: Path) -> None:
    compose(project, "kill", "prometheus", "alertmanager")
    try:
        done = run("drill", "KillSwitchActivated", folder=project, timeout=300)

        assert done.returncode == 0, done.stdout + done.stderr
        assert "KillSwitchActivated" in done.stdout
    finally:
        compose(project, "up", "--detach", "--no-build", "--wait", "prometheus", "alertmanager")
