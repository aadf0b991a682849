"""The whole stack in containers, from the rendered docker-compose.yml, on free ports and under a name of its own."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from testcontainers.compose import DockerCompose

from support.parts import DOCKER_TIMEOUT
from support.samples import SAMPLE
from support.servers import free_port
from tapewatch import documents
from tapewatch.catalogue.stack import Ports
from tapewatch.drilling.scale import Scale, scaled
from tapewatch.drilling.throwaway import faster_flags
from tapewatch.drilling.venue import Venue, running_venue
from tapewatch.project import Project, open_project
from tapewatch.running.clients import Alertmanager, Prometheus

__all__ = ["FACTOR", "Stack", "compose_stack", "free_catalogue", "write_files"]

FACTOR = 20.0
"""How many times as fast the stack of the tests is: the longest range of the rules, 15 minutes, takes 45 s."""

WEBHOOK = "http://api:8000/api/alerts/webhook"
"""Where the sample's receivers send."""


@dataclass
class Stack:
    """A running stack.

    Parameters:
        folder: its project's folder.
        project: the project whose files it runs, with its durations divided.
        compose: the containers.
        venue: where drills are played.
        name: the compose project.
    """

    folder: Path
    project: Project
    compose: DockerCompose
    venue: Venue
    name: str

    @property
    def prometheus(self) -> Prometheus:
        """Its Prometheus."""
        return self.venue.prometheus

    @property
    def alertmanager(self) -> Alertmanager:
        """Its Alertmanager."""
        return self.venue.alertmanager

    def state(self) -> dict[str, str]:
        """By service of compose whether it is healthy, or else how it is."""
        return {
            str(each.Service): str(each.Health or each.State) for each in self.compose.get_containers(include_all=True)
        }

    def log_tail(self) -> str:
        """The end of what Prometheus and Alertmanager printed."""
        logs = "".join(self.compose.get_logs("prometheus", "alertmanager"))
        return "\n".join(line[:200] for line in logs.splitlines()[-30:])


@contextmanager
def compose_stack(folder: Path, factor: float | None = FACTOR) -> Iterator[Stack]:
    """The sample's stack with all that this machine has images of; it is removed with its volumes at the end.

    Every receiver's webhook is the drill's, so that a test hears what each of them is told.

    Parameters:
        folder: an empty folder.
        factor: how many times as fast its rules, routes and intervals are; None for the files as they are.
    """
    push = "15s" if factor is None else "3s"
    (folder / "catalogue.yaml").write_text(free_catalogue(push), encoding="utf-8")
    project = open_project(folder) if factor is None else scaled(open_project(folder), factor)
    name = f"tapewatch-test-{uuid.uuid4().hex[:8]}"
    write_files(project, folder, name, () if factor is None else faster_flags(Scale(factor)))
    compose = DockerCompose(folder, services=_with_images(folder))
    try:
        compose.start()
        yield Stack(folder, project, compose, running_venue(project), name)
    finally:
        compose.stop(down=True)


def write_files(project: Project, folder: Path, name: str, flags: Sequence[str]) -> None:
    """Every generated file, with a name of its own for the containers and further flags for Prometheus."""
    for path, text in project.render().items():
        written = _compose(text, name, flags) if path == "docker-compose.yml" else text
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(written, encoding="utf-8")


def _compose(text: str, name: str, flags: Sequence[str]) -> str:
    data: dict[str, Any] = yaml.safe_load(text)
    data["name"] = name
    data["services"]["prometheus"]["command"] += flags
    return documents.dump(data)


def free_catalogue(push: str) -> str:
    """The sample on free ports, pushing as often as its copy expects, with all its receivers at the drill's."""
    ports = {name: free_port() for name in Ports.model_fields}
    api = f"api:{free_port()}"
    changes = {
        "push: {interval: 15s}": f"push: {{interval: {push}}}",
        "stack:\n": f"stack:\n  ports: {ports}\n",
        "history: {}": f"history: {{address: '{api}'}}",
        "API_ADDRESS:-api:8000": f"API_ADDRESS:-{api}",
        WEBHOOK: f"http://host.docker.internal:{ports['drill']}/",
    }
    text = SAMPLE
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def _with_images(folder: Path) -> list[str]:
    """The services whose images are on this machine; the others (Grafana) cannot be had here."""
    services = yaml.safe_load((folder / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    return [name for name, each in services.items() if "profiles" not in each and _is_here(each["image"])]


def _is_here(image: str) -> bool:
    command: Sequence[str] = ["docker", "image", "inspect", image]
    return subprocess.run(command, capture_output=True, timeout=DOCKER_TIMEOUT, check=False).returncode == 0
