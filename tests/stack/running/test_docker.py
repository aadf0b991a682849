"""Finding docker, and saying why it cannot be used."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stack.running.small_stack import Stack, flat
from support.cli import run
from tapewatch.running.docker import Docker, failure, last_words
from tapewatch.running.project import ComposeProject
from tapewatch_sdk.errors import ToolError

needs_compose = pytest.mark.needs("docker", "compose")


def codes(error: pytest.ExceptionInfo[ToolError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_a_machine_without_docker_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolError) as error:
        Docker.find()

    assert codes(error) == ["compose/no-docker"]


@needs_compose
def test_a_docker_without_compose_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = shutil.which("docker")
    program(tmp_path, "docker", f'[ "$1" = compose ] && exit 1\nexec {real} "$@"')
    program(tmp_path, "docker-compose", 'echo "1.29.2"')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(ToolError) as error:
        Docker.find()

    assert codes(error) == ["compose/missing"]


@needs_compose
def test_compose_as_a_program_of_its_own_does_as_well(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = shutil.which("docker")
    program(tmp_path, "docker", f'[ "$1" = compose ] && exit 1\nexec {real} "$@"')
    program(tmp_path, "docker-compose", f'exec {real} compose "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    stack = Stack(tmp_path / "demo")
    stack.write_services()

    project = ComposeProject(stack.folder, Docker.find(), stack.name)

    assert project.docker.compose == ("docker-compose",)
    assert (project.name, set(project.services)) == (stack.name, {"prometheus", "alertmanager"})


@needs_compose
def test_a_daemon_that_does_not_run_is_told_so_by_every_command(tmp_path: Path) -> None:
    for command in ("up", "down", "status", "logs", "reload"):
        done = run(command, folder=tmp_path, env={"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"})

        assert done.returncode == 2
        assert "error[compose/daemon]" in done.stderr
        assert "systemctl start docker" in done.stderr
        assert "Traceback" not in done.stderr


@needs_compose
def test_a_folder_without_the_file_and_a_file_that_compose_refuses_are_told_apart(tmp_path: Path) -> None:
    absent = run("status", folder=tmp_path)
    (tmp_path / "docker-compose.yml").write_text("services: {a: {image: b, imagination: 1}}\n")
    wrong = run("status", folder=tmp_path)

    assert (absent.returncode, wrong.returncode) == (2, 2)
    assert "error[compose/no-file]" in absent.stderr
    assert "run `tapewatch generate`" in flat(absent.stderr)
    assert "error[compose/invalid]" in wrong.stderr
    assert "imagination" in wrong.stderr


@needs_compose
def test_what_the_file_says_of_a_service_is_what_compose_reads(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    needs = {
        "alertmanager": {"condition": "service_started"},
        "extra": {"condition": "service_started", "required": False},
    }
    stack.write_services(
        prometheus={"depends_on": needs, "restart": "unless-stopped"},
        extra={"build": ".", "profiles": ["more"], "ports": ["9", "127.0.0.1:53:53/udp"]},
    )

    services = ComposeProject(tmp_path, Docker.find(), stack.name, ["more"]).services

    assert services["prometheus"].needs == {"alertmanager": "service_started"}
    assert services["prometheus"].restarts
    assert not services["extra"].restarts
    assert services["extra"].builds
    assert services["extra"].image == f"{stack.name}-extra"
    first, second = services["extra"].ports
    assert (first.published, first.target, first.protocol) == ("", 9, "tcp")
    assert (second.address, second.published, second.target, second.protocol) == ("127.0.0.1", "53", 53, "udp")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?", "compose/daemon"),
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///x/docker.sock",
            "compose/permission",
        ),
        ("Error response from daemon: out of luck", "compose/failed"),
    ],
)
def test_what_docker_says_is_told_by_its_kind(said: str, code: str) -> None:
    assert failure(said, "docker compose up").code == code


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (" Container a  Creating\nError: no luck\n Container b  Stopped\n", "Error: no luck"),
        (" only progress\n", "only progress"),
        ("\n", "it said nothing"),
    ],
)
def test_the_reason_is_the_last_line_that_is_no_progress(said: str, words: str) -> None:
    assert last_words(said) == words
