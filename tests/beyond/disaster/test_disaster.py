"""A stack with an hour of data is saved, destroyed, and comes back: what was lost, and what was not.

Everything is real: Prometheus with blocks that promtool filled in and samples of the last seconds, Alertmanager with
silences and who was told, and the history.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from beyond.disaster.standing import PAST, Standing, standing
from docs.pages import page
from docs.test_examples import matches, steps
from tapewatch.running.clients import Prometheus
from tapewatch.saving.comparing import held, lost
from tapewatch.saving.restoring import Backup
from tapewatch.saving.sealing import Key
from tapewatch.saving.targets import Folder
from tapewatch.saving.wire import notified
from tapewatch_sdk.events import Event, EventType, HttpSender

pytestmark = pytest.mark.needs("prometheus", "alertmanager", "promtool")

SCRAPE = 1.0
"""Seconds between two scrapes of this stack."""

LATE = 0.5
"""Seconds that a scrape may begin late on a busy machine."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    with standing(tmp_path_factory.mktemp("standing")) as running:
        yield running


def test_the_drill_restores_beside_the_running_stack_and_tells_what_was_lost(stack: Standing) -> None:
    stack.silence("market-data")
    stack.silence("execution-engine")

    done = stack.tapewatch("drill", "disaster", "--data", stack.data, "--hours", "2", "--format", "json")

    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    found = {each["what"]: each for each in report["findings"]}
    assert found["metrics"]["lost_seconds"] <= SCRAPE + LATE
    assert (found["silences"]["lost_seconds"], found["silences"]["bad"]) == (0.0, False)
    assert found["notification log"]["lost_seconds"] <= 60
    assert found["files"]["words"].startswith("5")
    assert set(report["took_seconds"]) >= {"take a backup", "restore prometheus", "start prometheus"}


def test_the_drill_ends_with_1_when_more_was_lost_than_may_be(stack: Standing, tmp_path: Path) -> None:
    assert stack.backup(tmp_path, "--unencrypted").returncode == 0
    stack.silence("position-tracker")  # later than the backup: it is not missed
    with the_manifest(tmp_path) as manifest:
        manifest["parts"]["alertmanager"]["facts"]["notifications_age_seconds"] = 61.0
    done = stack.tapewatch("drill", "disaster", tmp_path, "--data", stack.data, "--hours", "1")

    assert done.returncode == 1
    assert "LOST  notification log: 61.0 s of at most 60 s lost" in done.stdout
    assert done.stdout.count("LOST") == 1


def test_what_came_to_the_history_after_the_backup_is_not_lost_and_what_was_there_is(
    stack: Standing, tmp_path: Path
) -> None:
    def kept_until_now() -> Event:
        return Event(EventType.TRADE_REJECTED, datetime.now(UTC) - timedelta(minutes=1), source="risk-manager")

    HttpSender(stack.historian.url).send([kept_until_now() for _ in range(2)])
    done = stack.backup(tmp_path, "--unencrypted")
    assert done.returncode == 0, done.stderr
    HttpSender(stack.historian.url).send([kept_until_now() for _ in range(3)])

    def drilled() -> tuple[int, dict[str, Any]]:
        done = stack.tapewatch("drill", "disaster", tmp_path, "--data", stack.data, "--hours", "1", "--format", "json")
        return done.returncode, {each["what"]: each for each in json.loads(done.stdout)["findings"]}

    code, found = drilled()
    assert code == 0, found
    came, there = map(int, re.findall(r"(\d+) of (\d+) rows", found["history events"]["words"])[0])
    assert there == came + 3
    assert found["history events"]["words"].endswith("; 3 came to the store later than the backup")
    with the_manifest(tmp_path) as manifest:
        facts = manifest["parts"]["history"]["facts"]
        assert (facts["events"], facts["samples"] > 0) == (came, True)
        facts["events"] += 2  # as if the export had left two of them out
    code, found = drilled()
    assert code == 1
    assert "; 2 that the store had are missing; 1 came" in found["history events"]["words"]
    assert [name for name, each in found.items() if each["bad"]] == ["history events"]


def test_a_destroyed_stack_comes_back_with_all_but_the_last_scrape(stack: Standing, tmp_path: Path) -> None:
    silences = {stack.silence("signal-bridge"), stack.silence("live-trading")}
    key = tmp_path / "key"
    target = tmp_path / "backups"
    done = stack.backup(target, "--key-file", key, "--make-key")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "loki          not saved" in done.stdout

    backup = Backup(Folder(target), "", Key(key))
    at = backup.manifest.parts["prometheus"].at.timestamp()
    before = held(Prometheus(stack.stack.prometheus.url), at, 2)
    rows = stack.history_rows(at)
    told = len(stack.stack.webhook.accepted)
    entries = notified((stack.data / "alertmanager" / "nflog").read_bytes())
    assert sum(sum(counts.values()) for series, counts in before.counts.items() if PAST in series) == 20 * 720

    destroy(stack)
    shown = restore(stack, target, "--key-file", key)
    assert shown.endswith("nothing was touched; --yes does it\n")
    assert not any((stack.data / "prometheus").glob("*"))
    restore(stack, target, "--key-file", key, "--yes")
    bring_up(stack)

    gone = lost(before, held(Prometheus(stack.stack.prometheus.url), at, 2), SCRAPE)
    assert gone.seconds <= SCRAPE + LATE, gone
    assert set(gone.hours) <= {0}, gone
    there = {each["id"]: each for each in stack.stack.alertmanager.get_json("/api/v2/silences")}
    assert silences <= there.keys()
    assert there[min(silences)]["createdBy"] == "désk"
    assert notified((stack.data / "alertmanager" / "nflog").read_bytes()).keys() >= entries.keys()
    assert stack.history_rows(at) >= rows - 2 * len(before.recent)
    with sqlite3.connect(stack.data / "grafana" / "grafana.db") as database:
        assert database.execute("SELECT count(*) FROM star").fetchall() == [(100,)]
    database.close()
    stack.stack.wait_for_groups()
    assert len(stack.stack.webhook.accepted) == told, "who was told already is told again"
    age = backup.manifest.parts["alertmanager"].facts["notifications_age_seconds"]
    assert age <= 60


def test_the_page_shows_what_the_commands_do(stack: Standing, tmp_path: Path) -> None:
    def here(text: str) -> str:
        return text.replace("/var/lib/tapewatch", str(stack.data)).replace("/srv", str(tmp_path))

    commands = [step for block in page("production/backup.md").blocks for step in steps(block.text)]
    assert len(commands) == 4
    for command, shown in commands:
        done = stack.tapewatch(*shlex.split(here(command))[1:])
        assert done.returncode == 0, done.stdout + done.stderr
        assert matches(done.stdout, here(shown)), f"`{command}` printed\n{done.stdout}\nnot\n{here(shown)}"


def test_what_a_dead_prometheus_left_is_saved_too(stack: Standing, tmp_path: Path) -> None:
    at = time.time()
    before = held(Prometheus(stack.stack.prometheus.url), at, 1)
    stack.stack.prometheus.stop(signal.SIGKILL)
    try:
        done = stack.backup(tmp_path, "--unencrypted")
        assert done.returncode == 0, done.stderr
        assert "note: prometheus did not answer" in done.stdout
        assert "its files were saved as they lie" in done.stdout

        drilled = stack.tapewatch(
            "drill", "disaster", tmp_path, "--data", stack.data, "--hours", "1", "--format", "json",
            "--allow", "30",
        )  # fmt: skip
    finally:
        stack.stack.prometheus.start()

    metrics = json.loads(drilled.stdout)["findings"][0]
    assert "nothing runs to compare with" in metrics["words"]
    series = int(metrics["words"].partition(" ")[0].replace(",", ""))
    assert series >= len(before.counts)


@contextmanager
def the_manifest(backups: Path) -> Iterator[dict[str, Any]]:
    """What the one backup there says of itself, to be changed."""
    (name,) = Folder(backups).names()
    path = backups / name / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    yield manifest
    path.write_text(json.dumps(manifest), encoding="utf-8")


def destroy(stack: Standing) -> None:
    """Everything is killed, and all data is gone."""
    stack.historian.stop(signal.SIGKILL)
    stack.stack.prometheus.stop(signal.SIGKILL)
    stack.stack.alertmanager.stop(signal.SIGKILL)
    for part in ("prometheus", "alertmanager", "grafana"):
        shutil.rmtree(stack.data / part)
    shutil.rmtree(stack.folder / "data")


def restore(stack: Standing, source: Path, *words: str | Path) -> str:
    done = stack.tapewatch("restore", source, "--data", stack.data, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def bring_up(stack: Standing) -> None:
    stack.stack.alertmanager.start()
    stack.stack.prometheus.start()
    stack.historian.start()
