"""What goes wrong with a backup is told in words, and leaves neither half a backup nor half a stack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faults.kernel import mounted_volume
from support.cli import run
from support.rendering import varied_text
from support.servers import free_port
from support.waiting import wait_for
from tapewatch.saving.restoring import Backup
from tapewatch.saving.targets import Folder

BLOCK = "01M8JSH29RGR2VPYSHAG965DQ4"

MANY = 120_000_000
"""Bytes of a log that takes a moment to save."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folders of a stack that does not run."""
    ports = {name: free_port() for name in ("prometheus", "alertmanager")}
    text = varied_text(lambda data: data["stack"].update(ports=ports))
    (tmp_path / "catalogue.yaml").write_text(text, encoding="utf-8")
    prometheus = tmp_path / "parts" / "prometheus"
    for folder in ("wal/checkpoint.00000002", BLOCK, f"{BLOCK}X.tmp-for-creation", "chunks_head"):
        (prometheus / folder).mkdir(parents=True)
        (prometheus / folder / "meta.json").write_text("{}", encoding="utf-8")
    (prometheus / "wal" / "00000003").write_bytes(os.urandom(100_000))
    (prometheus / "wal" / "00000004").write_bytes(os.urandom(100_000))
    (prometheus / "lock").touch()
    (tmp_path / "parts" / "alertmanager").mkdir()
    return tmp_path


def backup(project: Path, target: str | Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return run("backup", str(target), "--data", "parts", *map(str, words or ("--unencrypted",)), folder=project)


def restore(project: Path, source: str | Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return run("restore", str(source), "--data", "empty", *map(str, words), folder=project)


def refused(done: subprocess.CompletedProcess[str], code: str) -> str:
    """What it said; without the line breaks."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"error[{code}]" in done.stderr
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def the_one(target: Path) -> Path:
    (name,) = Folder(target).names()
    return target / name


def damage(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_what_is_no_data_of_prometheus_is_left_out_and_its_folder_stays_as_it_was(project: Path) -> None:
    before = sorted(project.rglob("parts/**/*"))
    assert backup(project, "kept").returncode == 0

    manifest = Backup(Folder(project / "kept"), "", None).manifest
    names = {saved.name for saved in manifest.parts["prometheus"].files}
    assert names == {f"{BLOCK}/meta.json", "wal/00000003", "wal/00000004", "wal/checkpoint.00000002/meta.json"}
    assert sorted(path for path in project.rglob("parts/**/*") if path.name != "snapshots") == before
    assert {"loki", "jaeger", "grafana", "history", "secret-files"} == set(manifest.missing)


def test_a_full_disk_leaves_no_backup_and_no_older_one_is_touched(project: Path) -> None:
    (project / "parts" / "prometheus" / "wal" / "00000004").write_bytes(os.urandom(2_000_000))
    with mounted_volume(project / "small", 1_000_000) as small:
        for words in (("--unencrypted",), ("--key-file", "key", "--make-key")):
            said = refused(backup(project, small, *words), "backup/full")
            assert "has no room for the backup: No space left on device" in said
            assert list(small.iterdir()) == []


def test_a_backup_that_is_killed_is_none_and_the_next_one_clears_it_away(project: Path) -> None:
    (project / "parts" / "prometheus" / "wal" / "00000003").write_bytes(bytes(MANY))
    kept = project / "kept"
    command = [sys.executable, "-m", "tapewatch.cli", "backup", "kept", "--data", "parts", "--unencrypted"]
    process = subprocess.Popen(command, cwd=project, stderr=subprocess.DEVNULL)
    wait_for("it writes", lambda: any(each.stat().st_size > 100_000 for each in kept.glob(".*/prometheus.tar")))
    process.send_signal(signal.SIGKILL)
    process.wait()

    assert Folder(kept).names() == []
    assert len(list(kept.iterdir())) == 1
    refused(restore(project, "kept"), "backup/none")
    held = project / "parts" / "prometheus" / "snapshots"
    wait_for("what it held is let go", lambda: not list(held.iterdir()))

    (project / "parts" / "prometheus" / "wal" / "00000003").write_bytes(b"x")
    assert backup(project, "kept").returncode == 0
    assert list(kept.iterdir()) == [the_one(kept)]


def test_an_interrupted_backup_removes_what_it_wrote(project: Path) -> None:
    (project / "parts" / "prometheus" / "wal" / "00000003").write_bytes(bytes(MANY))
    kept = project / "kept"
    command = [sys.executable, "-m", "tapewatch.cli", "backup", "kept", "--data", "parts", "--unencrypted"]
    process = subprocess.Popen(command, cwd=project, stderr=subprocess.DEVNULL)
    wait_for("it writes", lambda: any(each.stat().st_size > 100_000 for each in kept.glob(".*/prometheus.tar")))
    process.send_signal(signal.SIGTERM)

    assert process.wait() == 128 + signal.SIGTERM
    assert list(kept.iterdir()) == []


@pytest.mark.parametrize("words", [("--unencrypted",), ("--key-file", "key", "--make-key")], ids=["plain", "encrypted"])
def test_a_changed_and_a_truncated_archive_are_refused_before_anything_is_touched(
    project: Path, words: tuple[str, ...]
) -> None:
    assert backup(project, "kept", *words).returncode == 0
    key = () if words[0] == "--unencrypted" else words[:2]
    (archive,) = the_one(project / "kept").glob("prometheus.tar*")
    whole = archive.read_bytes()

    damage(archive)
    assert "was changed in the backup" in refused(restore(project, "kept", "--yes", *key), "backup/changed")
    archive.write_bytes(whole[:-10])
    assert f"has {len(whole) - 10} bytes instead of {len(whole)}" in refused(
        restore(project, "kept", "--yes", *key), "backup/changed"
    )
    archive.unlink()
    assert f"{archive.name} is missing" in refused(restore(project, "kept", "--yes", *key), "backup/changed")
    assert not (project / "empty").exists()

    archive.write_bytes(whole)
    done = restore(project, "kept", "--yes", *key)
    assert done.returncode == 0, done.stderr
    assert (project / "empty" / "prometheus" / "wal" / "00000004").read_bytes() == (
        project / "parts" / "prometheus" / "wal" / "00000004"
    ).read_bytes()


def test_a_file_that_differs_from_its_checksum_is_named(project: Path) -> None:
    assert backup(project, "kept").returncode == 0
    manifest = the_one(project / "kept") / "manifest.json"
    data = json.loads(manifest.read_text(encoding="utf-8"))
    data["parts"]["prometheus"]["files"][0]["sha256"] = "0" * 64
    manifest.write_text(json.dumps(data), encoding="utf-8")

    said = refused(restore(project, "kept", "--yes"), "backup/changed")

    assert "in prometheus.tar was changed" in said
    assert not (project / "empty").exists()


def test_another_key_opens_nothing_and_no_key_neither(project: Path) -> None:
    assert backup(project, "kept", "--key-file", "key", "--make-key").returncode == 0
    assert (project / "key").stat().st_mode & 0o077 == 0
    assert b"wal/0000" not in b"".join(path.read_bytes() for path in the_one(project / "kept").iterdir())
    assert backup(project, "other", "--key-file", "another", "--make-key").returncode == 0

    assert "the key in another does not open the backup" in refused(
        restore(project, "kept", "--key-file", "another", "--yes"), "backup/wrong-key"
    )
    assert "is encrypted" in refused(restore(project, "kept", "--yes"), "backup/no-key")
    assert "holds no key" in refused(restore(project, "kept", "--key-file", "catalogue.yaml"), "backup/no-key")
    damage(the_one(project / "kept") / "manifest.json.age")
    assert "manifest.json.age is truncated or was changed" in refused(
        restore(project, "kept", "--key-file", "key"), "backup/changed"
    )
    assert not (project / "empty").exists()


def test_what_is_there_is_not_written_over_unless_it_is_said(project: Path) -> None:
    assert backup(project, "kept").returncode == 0
    wal = project / "empty" / "prometheus" / "wal"
    wal.mkdir(parents=True)
    (wal / "00000009").write_text("other", encoding="utf-8")

    assert "NOT EMPTY, needs --replace" in restore(project, "kept").stdout
    assert "has data of prometheus already" in refused(restore(project, "kept", "--yes"), "backup/not-empty")
    assert [each.name for each in wal.iterdir()] == ["00000009"]
    assert restore(project, "kept", "--yes", "--replace").returncode == 0
    assert {each.name for each in wal.iterdir()} == {"00000003", "00000004", "checkpoint.00000002"}


def test_a_disk_that_is_full_while_restoring_leaves_the_old_data(project: Path) -> None:
    (project / "parts" / "prometheus" / "wal" / "00000004").write_bytes(os.urandom(2_000_000))
    assert backup(project, "kept").returncode == 0
    with mounted_volume(project / "empty", 1_000_000) as small:
        (small / "prometheus" / "wal").mkdir(parents=True)
        (small / "prometheus" / "wal" / "00000009").write_text("old", encoding="utf-8")

        said = refused(restore(project, "kept", "--yes", "--replace"), "backup/part")

        assert "the data of prometheus" in said
        assert [path.name for path in (small / "prometheus").rglob("*")] == ["wal", "00000009"]


def test_there_must_be_a_key_or_the_wish_to_have_none_and_data(project: Path) -> None:
    done = run("backup", "kept", "--data", "parts", folder=project)
    assert "neither --key-file nor --unencrypted" in refused(done, "backup/no-key")
    done = run("backup", "kept", "--data", "elsewhere", "--unencrypted", folder=project)
    assert "elsewhere holds no data of the stack" in refused(done, "backup/no-data")
    assert not (project / "kept").exists()
