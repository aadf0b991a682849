"""`tapewatch dashboards`, as one types it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from stack.uploading.target import Target
from support.cli import run
from support.grafana_stand_in import PASSWORD
from support.samples import ROOT
from support.servers import free_port
from tapewatch.project import open_project
from tapewatch.uploading.access import TOKEN

UIDS = sorted(dashboard.uid for dashboard in open_project(ROOT).dashboards)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "catalogue.yaml", folder)
    return folder


def dashboards(
    project: Path, target: Target, *words: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    verb, *more = words
    given = {TOKEN: target.token("Admin")} if env is None else env
    return run("dashboards", verb, f"--url={target.url}", *more, folder=project, env=given)


def test_all_dashboards_of_the_sample_are_planned_pushed_and_then_unchanged(project: Path, target: Target) -> None:
    planned = dashboards(project, target, "push")
    assert planned.returncode == 1, planned.stdout + planned.stderr
    assert "nothing was changed; --apply does it" in planned.stdout
    assert "upload/missing-datasource" in planned.stdout
    assert target.everything() == "[]"

    pushed = dashboards(project, target, "push", "--apply")
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    assert [line.split()[1] for line in pushed.stdout.splitlines() if line.startswith("created")] == sorted(
        UIDS, key=pushed.stdout.find
    )
    assert all(target.has(uid) for uid in UIDS)

    again = dashboards(project, target, "push", "--dry-run")
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"unchanged      {len(UIDS)} dashboards" in again.stdout


def test_what_is_left_alone_is_told_and_is_a_finding(project: Path, target: Target) -> None:
    target.save({"uid": "risk", "title": "My risk", "panels": []})

    done = dashboards(project, target, "push", "risk", "execution", "--apply", "--format=json")

    assert done.returncode == 1
    told = json.loads(done.stdout)["problems"]
    assert [each["code"] for each in told if each["severity"] == "error"] == ["upload/not-ours"]
    assert "created        execution" in done.stderr
    assert (target.has("risk") or {})["title"] == "My risk"


def test_one_is_shared_and_shared_no_more(project: Path, target: Target) -> None:
    asked = dashboards(project, target, "share", "trading-overview")
    assert asked.returncode == 1, asked.stdout + asked.stderr
    assert "would be shared" in asked.stdout
    assert target.everything() == "[]"

    done = dashboards(project, target, "share", "trading-overview", "--apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"is shared at {target.url}/public-dashboards/" in done.stdout
    assert dashboards(project, target, "share", "trading-overview").returncode == 0

    stopped = dashboards(project, target, "share", "trading-overview", "--stop", "--apply")
    assert (stopped.returncode, "is not shared any more" in stopped.stdout) == (0, True)
    assert target.everything() == "[]"


def test_a_password_file_lets_a_user_in(project: Path, target: Target, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)

    done = dashboards(project, target, "push", "risk", f"--password-file={tmp_path / 'password'}", "--apply", env={})

    assert done.returncode == 0, done.stdout + done.stderr
    assert target.has("risk")


def test_what_cannot_run_ends_with_2(project: Path, target: Target) -> None:
    wrong = dashboards(project, target, "push", env={TOKEN: "glsa_nobody"})
    assert (wrong.returncode, "upload/not-signed-in" in wrong.stderr) == (2, True)

    both = dashboards(project, target, "push", "--apply", "--dry-run")
    assert (both.returncode, "exclude each other" in both.stderr) == (2, True)

    gone = Target(f"http://127.0.0.1:{free_port()}", target.person)
    silent = dashboards(project, gone, "push", env={TOKEN: "t"})
    assert (silent.returncode, "upload/silent" in silent.stderr) == (2, True)
