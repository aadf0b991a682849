"""The stack's images, real or stand-in, are what the compose file relies on: paths, users, health checks."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.waiting import wait_for

ROOT = Path(__file__).parents[2]
IMAGES: dict[str, dict[str, str]] = yaml.safe_load((ROOT / "catalogue.yaml").read_text("utf-8"))["stack"]["images"]

pytestmark = pytest.mark.needs("docker", "images")


@dataclass(frozen=True)
class Layout:
    """What the Dockerfile of the program's own project says, and a health check that the compose file uses."""

    entrypoint: str
    command: list[str] | None
    user: str
    folder: str
    volumes: set[str]
    port: int
    health: str
    writable: str = ""

    def settings(self) -> tuple[object, ...]:
        return [self.entrypoint], self.command, self.user, self.folder, self.volumes


LAYOUTS = {
    "prometheus": Layout(
        "/bin/prometheus",
        ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"],
        "nobody",
        "/prometheus",
        {"/prometheus"},
        9090,
        "wget -q -O /dev/null http://127.0.0.1:9090/-/ready",
    ),
    "alertmanager": Layout(
        "/bin/alertmanager",
        ["--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/alertmanager"],
        "nobody",
        "/alertmanager",
        {"/alertmanager"},
        9093,
        "wget -q -O /dev/null http://127.0.0.1:9093/-/ready",
    ),
    "loki": Layout(
        "/usr/bin/loki",
        ["-config.file=/etc/loki/local-config.yaml"],
        "10001",
        "/",
        set(),
        3100,
        "/usr/bin/loki -health -health.url=http://127.0.0.1:3100/ready",
        writable="/loki",
    ),
    "jaeger": Layout(
        "/cmd/jaeger/jaeger-linux",
        None,
        "10001",
        "",
        {"/tmp"},
        4318,
        "wget -q -O /dev/null http://127.0.0.1:13133/status",
    ),
    "node_exporter": Layout(
        "/bin/node_exporter",
        None,
        "nobody",
        "",
        set(),
        9100,
        "wget -q -O /dev/null http://127.0.0.1:9100/",
    ),
    "blackbox_exporter": Layout(
        "/bin/blackbox_exporter",
        ["--config.file=/etc/blackbox_exporter/config.yml"],
        "",
        "",
        set(),
        9115,
        "wget -q -O /dev/null http://127.0.0.1:9115/-/healthy",
    ),
}


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout.strip()


def image_of(component: str) -> str:
    return f"{IMAGES[component]['image']}:{IMAGES[component]['version']}"


def config_of(component: str) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(docker("image", "inspect", image_of(component)))[0]["Config"]
    return settings


@pytest.fixture(scope="module")
def containers() -> Iterator[dict[str, str]]:
    """Every image started with its own settings, and locked up as the compose file does it."""
    started = {}
    locked = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true", "--tmpfs=/tmp"]
    try:
        for component, layout in LAYOUTS.items():
            name = f"tapewatch-layout-{component}-{uuid.uuid4().hex[:8]}"
            volume = [f"--volume={layout.writable}"] if layout.writable else []
            started[component] = name
            docker("run", "--detach", f"--name={name}", "--memory=512m", *locked, *volume, image_of(component))
        yield started
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", *started.values()], capture_output=True, check=False)


@pytest.mark.parametrize("component", LAYOUTS)
def test_an_image_starts_what_the_real_one_starts_in_the_same_place_as_the_same_user(component: str) -> None:
    layout, config = LAYOUTS[component], config_of(component)
    volumes = set(config.get("Volumes") or {})
    folder = config["WorkingDir"] if layout.folder else ""
    assert (config["Entrypoint"], config.get("Cmd"), config["User"], folder, volumes) == layout.settings()
    assert f"{layout.port}/tcp" in config["ExposedPorts"]


@pytest.mark.parametrize("component", LAYOUTS)
def test_an_image_gets_healthy_with_its_own_settings_and_without_rights(
    component: str, containers: dict[str, str]
) -> None:
    name = containers[component]

    def healthy() -> bool:
        check = ["docker", "exec", name, *LAYOUTS[component].health.split()]
        return subprocess.run(check, capture_output=True, check=False, timeout=30).returncode == 0

    def log() -> str:
        done = subprocess.run(["docker", "logs", "--tail=20", name], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    # Loki answers ready some 15 s after its start.
    wait_for(f"{component} is healthy by the compose file's check", healthy, timeout=120, log=log)


def test_a_stand_in_carries_the_version_that_its_program_prints() -> None:
    told = {}
    for component in LAYOUTS:
        labels = config_of(component).get("Labels") or {}
        if labels.get("io.tapewatch.stand-in") == "true":
            printed = docker("run", "--rm", "--network=none", image_of(component), "--version")
            told[component] = (labels["io.tapewatch.version"], printed)
    assert [component for component, (version, printed) in told.items() if version not in printed] == []


def test_the_prometheus_image_has_what_the_first_start_of_the_stack_needs() -> None:
    script = (
        "head -c 24 /dev/urandom | base64 >/tmp/secret && chown 10001:10001 /tmp/secret && stat -c %u:%a /tmp/secret"
    )
    command = ["run", "--rm", "--network=none", "--user=root", "--entrypoint=sh", image_of("prometheus"), "-ec", script]
    assert docker(*command) == "10001:644"


def test_the_loki_image_has_no_shell_just_as_the_real_one() -> None:
    command = ["docker", "run", "--rm", "--network=none", "--entrypoint=sh", image_of("loki"), "-c", "true"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 127
    assert "executable file not found" in answer.stderr


def test_the_projects_own_image_is_no_stand_in_although_its_base_may_be_one() -> None:
    labels = config_of("tapewatch")["Labels"]
    printed = docker(
        "run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL", image_of("tapewatch"), "--version"
    )
    assert labels["io.tapewatch.stand-in"] == "false"
    assert printed == f"tapewatch, version {labels['io.tapewatch.version']}"


def test_the_python_base_has_python_where_the_official_image_has_it() -> None:
    script = """
        for name in python python3 pip; do command -v $name; done
        pip --version >/dev/null
        python -c 'import ensurepip, sqlite3, sys, venv; print(sys.version_info[:2])'
        python -c 'import ssl; print(ssl.create_default_context().cert_store_stats()["x509_ca"] > 100)'
    """
    printed = docker("run", "--rm", "--network=none", "python:3.11-slim-bookworm", "sh", "-ec", script).splitlines()
    assert printed[:3] == ["/usr/local/bin/python", "/usr/local/bin/python3", "/usr/local/bin/pip"]
    assert printed[3:] == ["(3, 11)", "True"]
