"""The image of the sample platform: what a new project builds it from, and what is in the one that is here."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.cli import run
from support.rendering import render
from support.samples import ROOT, SAMPLE, load_sample
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.renderers.compose import ComposeRenderer

IMAGE = f"tapewatch/tapewatch:{version('tapewatch')}"


def docker(*arguments: str) -> str:
    """What docker prints."""
    done = subprocess.run(
        ["docker", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def platform() -> dict[str, Any]:
    """The service in docker-compose.yml."""
    service: dict[str, Any] = yaml.safe_load(render(ComposeRenderer(), load_sample())[layout.COMPOSE])
    return dict(service["services"]["platform"])


def test_a_new_project_has_what_compose_builds_the_image_from(tmp_path: Path) -> None:
    done = run("init", "demo", folder=tmp_path)

    assert done.returncode == 0, done.stderr
    text = (tmp_path / "demo/Dockerfile").read_text(encoding="utf-8")
    assert f'"tapewatch[stack,history,otel,remote-write]=={version("tapewatch")}"' in text
    assert 'ENTRYPOINT ["tapewatch"]\n' in text
    assert (tmp_path / "demo/.dockerignore").read_text(encoding="utf-8").splitlines()[-1] == "*"


def test_a_dockerfile_that_is_there_is_kept_and_named(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")

    done = run("init", ".", folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "kept Dockerfile" in done.stdout
    assert (tmp_path / "Dockerfile").read_text(encoding="utf-8") == "FROM scratch\n"
    assert not (tmp_path / ".dockerignore").exists()


@pytest.mark.parametrize("of", ["the repository", "a new project"])
def test_both_dockerfiles_run_the_program_as_nobody_in_the_folder_that_compose_mounts(of: str, tmp_path: Path) -> None:
    folder = ROOT
    if of == "a new project":
        run("init", ".", folder=tmp_path)
        folder = tmp_path
    last = (folder / "Dockerfile").read_text(encoding="utf-8").rpartition("FROM ")[2].splitlines()
    (mount,) = [each for each in platform()["volumes"] if isinstance(each, dict)]

    assert "USER 10001:10001" in last
    assert 'ENTRYPOINT ["tapewatch"]' in last
    (folder_inside,) = [line.removeprefix("WORKDIR ") for line in last if line.startswith("WORKDIR ")]
    assert mount["target"] == f"{folder_inside}/catalogue.yaml"


def test_everything_that_the_image_is_made_from_reaches_the_docker_daemon() -> None:
    copied = {
        word.rstrip("/")
        for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[0] == "!"}

    assert copied == kept
    assert all((ROOT / path).exists() for path in copied)


@pytest.fixture
def container(tmp_path: Path) -> Iterator[str]:
    """The sample platform as compose starts it, but for the network."""
    catalogue = tmp_path / "catalogue.yaml"
    catalogue.write_text(SAMPLE, encoding="utf-8")
    tmp_path.chmod(0o755)
    hardening = ("--network=none", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--memory=256m")
    mount = f"--volume={catalogue}:/project/catalogue.yaml:ro"
    name = docker("run", "--detach", *hardening, mount, IMAGE, *platform()["command"]).strip()
    try:
        yield name
    finally:
        docker("rm", "--force", name)


@pytest.mark.needs("images")
def test_the_image_runs_hardened_and_is_healthy_by_the_check_that_compose_makes(container: str) -> None:
    (word, *check) = platform()["healthcheck"]["test"]
    assert word == "CMD"

    wait_for(
        "the health check succeeds",
        lambda: subprocess.run(["docker", "exec", container, *check], capture_output=True, check=False).returncode == 0,
        60,
        lambda: docker("logs", container),
    )

    assert docker("exec", container, "id", "-u").strip() == "10001"
    assert "market-data: http://0.0.0.0:9091/metrics" in docker("logs", container)


@pytest.mark.needs("images")
def test_the_containers_program_ends_at_once_when_it_is_told_to(container: str) -> None:
    wait_for("it runs", lambda: "market-data: " in docker("logs", container), 60)

    docker("stop", "--time", "60", container)

    (state,) = json.loads(docker("inspect", "--format", "[{{json .State}}]", container))
    assert state["ExitCode"] == 0, "docker had to kill it"


@pytest.mark.needs("images")
def test_the_image_holds_the_version_that_it_is_tagged_with() -> None:
    assert docker("run", "--rm", "--network=none", IMAGE, "--version") == f"tapewatch, version {version('tapewatch')}\n"
