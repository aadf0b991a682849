"""`tapewatch systemd install` and `remove` on the folder of an image, with systemd's own programs."""

from __future__ import annotations

import os
import re
import shutil
import stat
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from support.cli import run
from support.native_host import generate, spread
from tapewatch.cli import main

pytestmark = pytest.mark.needs("systemd")

LOKI = "etc/systemd/system/tapewatch-loki.service"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("native") / "project")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A system with nothing in it but the programs; of Grafana there is none."""
    root = tmp_path / "image"
    (root / "etc").mkdir(parents=True)
    for name in ("prometheus", "alertmanager", "loki", "jaeger", "node_exporter", "blackbox_exporter", "tapewatch"):
        program = root / "usr/local/bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return root


def systemd(project: Path, image: Path, *words: str) -> tuple[int, str]:
    """Exit code, and all that is said in one line: as a process of its own would, which takes a second to begin."""
    where = ["--project", str(project)] if words[0] == "install" else []
    arguments = ["tapewatch", "systemd", *words, *where, "--root", str(image)]
    said, ended = StringIO(), pytest.raises(SystemExit)
    with patch("sys.argv", arguments), redirect_stdout(said), redirect_stderr(said), ended as exited:
        main()
    return int(exited.value.code or 0), " ".join(said.getvalue().split())


def on_disk(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_it_says_what_it_will_do_and_does_nothing(project: Path, image: Path) -> None:
    before = on_disk(image)

    code, said = systemd(project, image, "install")

    assert code == 1
    for words in (
        "29 alerts",
        "9 units",
        "add user tapewatch-alertmanager, tapewatch-prometheus",
        "make folder /etc/tapewatch, /etc/tapewatch/secrets, /var/lib/tapewatch",
        "enable tapewatch.target",
        "nothing was changed; --apply does it",
        "warning[systemd/missing-program]: /usr/local/bin/grafana is missing",
        "/etc/tapewatch/secrets/history-key is missing, and without it tapewatch-alertmanager.service and",
    ):
        assert words in said
    assert "prometheus is missing" not in said
    assert on_disk(image) == before


def test_an_image_gets_files_users_folders_and_an_enabled_target(project: Path, image: Path) -> None:
    code, _ = systemd(project, image, "install", "--apply")

    made = project / "provisioning/systemd/etc"
    assert code == 0
    assert {f"etc/{path}": text for path, text in on_disk(made).items()}.items() <= on_disk(image).items()
    assert "tapewatch-history:" in (image / "etc/passwd").read_text()
    assert stat.S_IMODE((image / "etc/tapewatch/secrets").stat().st_mode) == 0o700
    assert (image / "etc/systemd/system/multi-user.target.wants/tapewatch.target").is_symlink()
    assert systemd(project, image, "install")[1].startswith("nothing to do")


def test_a_second_time_it_tells_what_changes_for_who_operates_it(project: Path, image: Path, tmp_path: Path) -> None:
    systemd(project, image, "install", "--apply")

    def changed(data: dict[str, Any]) -> None:
        data["stack"]["systemd"] = {"cores": "0-1", "memory": {"loki": "2GB"}}
        data["alerts"] = {"OrderRejectionRateHigh": {"threshold": 0.05}}

    later = generate(tmp_path / "later", changed)
    code, said = systemd(later, image, "install")
    after, _ = systemd(later, image, "install", "--apply")

    assert (code, after) == (1, 0)
    assert "> alert OrderRejectionRateHigh tightened: threshold > 0.1 -> 0.05" in said
    assert "~ unit tapewatch-loki.service changed: " in said
    assert "MemoryMax 1073741824 -> 2147483648" in said
    assert "CPUAffinity 0 -> 0-1" in said
    assert "CPUAffinity=0-1" in (image / LOKI).read_text()


def test_a_file_that_somebody_edited_is_named_and_stays(project: Path, image: Path) -> None:
    systemd(project, image, "install", "--apply")
    mine = (image / LOKI).read_text().replace("TasksMax=512", "TasksMax=64")
    (image / LOKI).write_text(mine)
    (image / "etc/tapewatch/loki/loki.yml").unlink()

    assert "error[systemd/edited-by-hand]: /etc/systemd/system/tapewatch-loki" in systemd(project, image, "install")[1]
    assert systemd(project, image, "install", "--apply")[0] == 2
    assert systemd(project, image, "remove", "--apply")[0] == 2
    assert (image / LOKI).read_text() == mine
    assert not (image / "etc/tapewatch/loki/loki.yml").exists(), "nothing is written when something is refused"
    assert systemd(project, image, "install", "--apply", "--force")[0] == 0
    assert "TasksMax=512" in (image / LOKI).read_text()


def test_units_that_were_copied_become_its_own_and_those_of_others_do_not(project: Path, image: Path) -> None:
    shutil.copytree(project / "provisioning/systemd/etc", image / "etc", dirs_exist_ok=True)
    assert systemd(project, image, "install", "--apply")[0] == 0

    (image / "etc/tapewatch/manifest.json").unlink()
    (image / LOKI).write_text("[Service]\nExecStart=/bin/true\n")
    code, said = systemd(project, image, "install", "--apply")

    assert code == 2
    assert re.search(r"error\[systemd/foreign-file\]: /etc/systemd/system/tapewatch-loki.service exists", said)


def test_what_has_left_the_stack_leaves_the_image(project: Path, image: Path, tmp_path: Path) -> None:
    systemd(project, image, "install", "--apply")
    later = generate(tmp_path / "later", lambda data: data["stack"].pop("heartbeat"), without_history)

    assert "- unit tapewatch-history.service lost" in systemd(later, image, "install")[1]
    systemd(later, image, "install", "--apply")
    assert not (image / "etc/systemd/system/tapewatch-history.service").exists()
    assert not (image / "etc/tapewatch/history").exists()


def without_history(data: dict[str, Any]) -> None:
    data["stack"].pop("history")


def test_removing_leaves_data_secrets_and_what_is_not_ours(project: Path, image: Path) -> None:
    systemd(project, image, "install", "--apply")
    kept = ("etc/tapewatch/secrets/history-key", "var/lib/tapewatch/prometheus/wal/0", f"{LOKI}.d/mine.conf")
    for path in kept:
        (image / path).parent.mkdir(parents=True, exist_ok=True)
        (image / path).write_text("kept\n")

    code, said = systemd(project, image, "remove")
    done, _ = systemd(project, image, "remove", "--apply")

    assert (code, done) == (1, 0)
    for words in (
        "stays /var/lib/tapewatch: data",
        "stays /etc/tapewatch/secrets: secrets",
        "stays /etc/systemd/system/tapewatch-loki.service.d: settings of your own",
    ):
        assert words in said
    left = {path for path in on_disk(image) if "tapewatch" in path and not path.startswith("usr/")}
    assert left == set(kept)
    assert not list((image / "etc").rglob("*.wants/tapewatch*"))
    assert not (image / "etc/.tapewatch").exists()

    code, said = systemd(project, image, "remove", "--with-data")
    assert (code, "delete /var/lib/tapewatch/prometheus: metrics, and the state of alerts" in said) == (1, True)
    assert systemd(project, image, "remove", "--with-data", "--apply")[0] == 0
    assert not list((image / "var/lib/tapewatch").iterdir())


def test_a_run_that_was_killed_is_completed_by_the_next_one(project: Path, image: Path) -> None:
    """What the writer leaves when it is killed is tried in tests/stack/test_writing.py; here is what comes after."""
    systemd(project, image, "install", "--apply")
    whole = on_disk(image)
    (image / "etc/systemd/system/multi-user.target.wants/tapewatch.target").unlink()
    (image / "etc/tapewatch/secrets").rmdir()
    lines = (image / "etc/passwd").read_text().splitlines(keepends=True)
    (image / "etc/passwd").write_text("".join(line for line in lines if "loki" not in line))

    said = systemd(project, image, "install", "--apply")[1]

    assert "added user tapewatch-loki made folder /etc/tapewatch/secrets enabled tapewatch.target" in said
    assert on_disk(image).keys() >= whole.keys()
    assert "tapewatch-loki:" in (image / "etc/passwd").read_text()


def test_what_was_not_generated_is_not_installed(project: Path, image: Path, tmp_path: Path) -> None:
    edited = tmp_path / "edited"
    shutil.copytree(project, edited)
    with (edited / "provisioning/systemd" / LOKI).open("a") as file:
        file.write("# mine\n")

    code, said = systemd(edited, image, "install")

    assert (code, "error[writing/not-generated]: provisioning/systemd/etc/systemd/system" in said) == (2, True)


def test_of_several_hosts_each_gets_its_own(project: Path, image: Path, tmp_path: Path) -> None:
    hosts = generate(tmp_path / "hosts", spread)

    assert (
        "error[systemd/which-host]: the stack is spread over several hosts: a, b, c"
        in systemd(hosts, image, "install")[1]
    )
    assert "the stack has no host `d`" in systemd(hosts, image, "install", "--host", "d")[1]
    assert "it runs on one alone" in systemd(project, image, "install", "--host", "a")[1]
    assert systemd(hosts, image, "install", "--host", "c", "--apply")[0] == 0
    assert [each.name for each in (image / "etc/systemd/system").glob("*.service")] == [
        "tapewatch-alertmanager.service"
    ]


def test_without_units_without_an_image_and_without_an_installation_it_says_so(image: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert "error[systemd/no-units]" in systemd(tmp_path / "empty", image, "install")[1]
    assert "error[systemd/no-image]" in systemd(tmp_path / "empty", tmp_path / "empty", "install")[1]
    assert "error[systemd/not-installed]" in systemd(tmp_path / "empty", image, "remove")[1]


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="this machine runs systemd, and would be asked")
def test_a_machine_without_systemd_is_left_alone(project: Path) -> None:
    assert os.geteuid() == 0
    done = run("systemd", "install", "--apply", folder=project)

    assert (done.returncode, "error[systemd/not-booted]" in done.stderr) == (2, True)
