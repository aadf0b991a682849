"""The stack in containers is saved, removed with its volumes, and comes back into new ones."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.cli import run
from support.compose import free_catalogue, write_files
from support.waiting import wait_for
from tapewatch.project import open_project
from tapewatch.running.clients import Alertmanager, Prometheus
from tapewatch.saving.comparing import held, lost
from tapewatch.saving.restoring import Backup
from tapewatch.saving.sealing import Key
from tapewatch.saving.targets import Folder

pytestmark = [pytest.mark.needs("docker", "compose", "images"), pytest.mark.alone]

PARTS = ("alertmanager", "prometheus", "api")

SCRAPE = 15.0
"""Seconds between two scrapes of Prometheus by itself, the slowest in the sample."""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project of its own name and ports, whose stack is removed at the end."""
    (tmp_path / "catalogue.yaml").write_text(free_catalogue("15s"), encoding="utf-8")
    write_files(open_project(tmp_path), tmp_path, f"tapewatch-test-{uuid.uuid4().hex[:8]}", ())
    try:
        yield tmp_path
    finally:
        compose(tmp_path, "down", "--volumes", "--remove-orphans", "--timeout", "1")


def compose(folder: Path, *words: str) -> None:
    done = subprocess.run(["docker", "compose", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def up(folder: Path) -> tuple[Prometheus, Alertmanager]:
    compose(folder, "up", "--detach", "--no-build", "--wait", *PARTS)
    ports = open_project(folder).catalogue.stack.ports
    return Prometheus(f"http://127.0.0.1:{ports.prometheus}"), Alertmanager(f"http://127.0.0.1:{ports.alertmanager}")


def test_volumes_come_back_with_their_owners_and_the_stack_starts_on_them(project: Path) -> None:
    prometheus, alertmanager = up(project)
    wait_for("Prometheus has scraped itself", lambda: prometheus.query('up{job="prometheus"} == 1'))
    now = datetime.now(UTC)
    matcher = {"name": "service", "value": "api", "isRegex": False, "isEqual": True}
    silence = {
        "matchers": [matcher],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "me",
        "comment": "why",
    }
    alertmanager.post("/api/v2/silences", json.dumps(silence).encode(), {"Content-Type": "application/json"})
    done = run("backup", "kept", "--key-file", "key", "--make-key", folder=project)
    assert done.returncode == 0, done.stdout + done.stderr
    backup = Backup(Folder(project / "kept"), "", Key(project / "key"))
    assert {
        "prometheus",
        "alertmanager",
        "history",
        "project",
        "secrets",
        "history-key",
    } <= backup.manifest.parts.keys()
    assert "grafana" in backup.manifest.missing
    at = backup.manifest.parts["prometheus"].at.timestamp()
    before, silences = held(prometheus, at, 1), alertmanager.get_json("/api/v2/silences")

    done = run("restore", "kept", "--key-file", "key", "--yes", folder=project)
    assert done.returncode == 2
    assert "error[backup/running]" in done.stderr

    compose(project, "down", "--volumes", "--timeout", "1")
    shown = run("restore", "kept", "--key-file", "key", folder=project)
    assert "goes into the new volume" in shown.stdout, shown.stdout + shown.stderr
    done = run("restore", "kept", "--key-file", "key", "--yes", folder=project)
    assert done.returncode == 0, done.stdout + done.stderr
    prometheus, alertmanager = up(project)

    gone = lost(before, held(prometheus, at, 1), SCRAPE)
    assert gone.seconds <= SCRAPE, gone
    assert alertmanager.get_json("/api/v2/silences") == silences
