"""Backups in an object store: a real MinIO."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import run
from support.rendering import varied_text
from support.servers import Server, free_port
from tapewatch.saving.targets import Bucket, S3Options
from tapewatch.servers import find

pytestmark = pytest.mark.needs("minio")

USER, PASSWORD = "backups", "not-the-default"


@pytest.fixture(scope="module")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A store with the bucket `kept`."""
    folder = tmp_path_factory.mktemp("minio")
    (folder / "data" / "kept").mkdir(parents=True)
    port = free_port()
    program: str | Path = find("minio").path
    command = [program, "server", "data", "--address", f"127.0.0.1:{port}", "--console-address", "127.0.0.1:0"]
    environment = {"MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": PASSWORD}
    with Server("minio", command, port, "/minio/health/ready", folder, environment).start() as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folders of a stack that does not run, the key of the store, and the key of the backup."""
    ports = {name: free_port() for name in ("prometheus", "alertmanager")}
    text = varied_text(lambda data: data["stack"].update(ports=ports))
    (tmp_path / "catalogue.yaml").write_text(text, encoding="utf-8")
    for number in (3, 4):
        path = tmp_path / "parts" / "prometheus" / "wal" / f"{number:08}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(6_000_000))
    (tmp_path / "s3.key").write_text(
        f"[default]\naws_access_key_id = {USER}\naws_secret_access_key = {PASSWORD}\n", encoding="utf-8"
    )
    return tmp_path


def ask(
    project: Path, minio: Server, command: str, prefix: str, *words: str, credentials: str = "s3.key"
) -> subprocess.CompletedProcess[str]:
    return run(
        command, f"s3://kept/{prefix}", "--endpoint", minio.url, "--credentials-file", credentials, *words,
        folder=project,
    )  # fmt: skip


def bucket(project: Path, minio: Server, prefix: str) -> Bucket:
    return Bucket(f"s3://kept/{prefix}", S3Options(minio.url, credentials=project / "s3.key"))


def test_a_backup_goes_to_the_store_and_comes_back(minio: Server, project: Path) -> None:
    done = ask(project, minio, "backup", "desk", "--data", "parts", "--key-file", "key", "--make-key")
    assert done.returncode == 0, done.stderr
    assert len(bucket(project, minio, "desk").names()) == 1

    done = ask(project, minio, "restore", "desk", "--data", "empty", "--key-file", "key", "--yes")

    assert done.returncode == 0, done.stderr
    for path in (project / "parts" / "prometheus" / "wal").iterdir():
        assert (project / "empty" / "prometheus" / "wal" / path.name).read_bytes() == path.read_bytes()


def test_what_has_no_manifest_is_no_backup(minio: Server, project: Path) -> None:
    done = ask(project, minio, "backup", "half", "--data", "parts", "--unencrypted")
    assert done.returncode == 0, done.stderr
    kept = bucket(project, minio, "half")
    (name,) = kept.names()
    kept._client.delete_object(Bucket="kept", Key=f"half/{name}/manifest.json")

    done = ask(project, minio, "restore", "half", "--data", "empty", "--yes")

    assert done.returncode == 2
    assert "error[backup/none]" in done.stderr


def test_a_wrong_key_a_missing_bucket_and_a_store_that_is_down_are_told(minio: Server, project: Path) -> None:
    (project / "wrong.key").write_text(
        "[default]\naws_access_key_id = backups\naws_secret_access_key = wrong\n", encoding="utf-8"
    )
    done = ask(project, minio, "backup", "x", "--data", "parts", "--unencrypted", credentials="wrong.key")
    assert done.returncode == 2
    assert "error[backup/store]" in done.stderr
    assert "SignatureDoesNotMatch" in done.stderr

    done = ask(project, minio, "backup", "x", "--data", "parts", "--unencrypted", credentials="absent.key")
    assert "there is no file absent.key" in " ".join(done.stderr.split())

    for url, place, said in (
        (minio.url, "s3://absent/x", "NoSuchBucket"),
        (f"http://127.0.0.1:{free_port()}", "s3://kept/x", "Could not connect"),
    ):
        done = run(
            "backup", place, "--endpoint", url, "--credentials-file", "s3.key", "--data", "parts", "--unencrypted",
            folder=project,
        )  # fmt: skip
        assert done.returncode == 2
        assert said in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
