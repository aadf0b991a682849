"""A small stack for tests: Prometheus and Alertmanager in containers, on free ports, under a name of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.cli import run
from support.samples import load_sample
from support.servers import free_port
from tapewatch.running.clients import Alertmanager, Prometheus
from tapewatch.running.docker import Docker
from tapewatch.running.project import ComposeProject

__all__ = [
    "ALERTMANAGER_CONFIG",
    "FILES",
    "PROMETHEUS_CONFIG",
    "RULES",
    "TARGETS",
    "Running",
    "Stack",
    "flat",
    "healthy_when",
    "image",
]

PROMETHEUS_CONFIG = """\
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules/*.yml]
scrape_configs:
- job_name: itself
  static_configs: [{targets: ["localhost:9090"]}]
- job_name: services
  file_sd_configs: [{files: ["targets/*.yml"]}]
"""

RULES = """\
groups:
- name: risk
  labels: {team: risk}
  rules:
  - alert: LimitBreached
    expr: sum by(service) (rate(risk_limit_breaches_total{kind!=""}[5m])) > 0.10
    for: 1m
    labels: {severity: critical}
    annotations: {summary: 'a limit of {{ $labels.service }}'}
"""

TARGETS = "- targets: [a:1, b:2]\n  labels: {service: a}\n"

ALERTMANAGER_CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"

FILES = {
    "provisioning/prometheus/prometheus.yml": PROMETHEUS_CONFIG,
    "provisioning/prometheus/rules/risk.yml": RULES,
    "provisioning/prometheus/targets/services.yml": TARGETS,
    "provisioning/alertmanager/alertmanager.yml": ALERTMANAGER_CONFIG,
}


@dataclass
class Stack:
    """A compose project in a folder of its own.

    Parameters:
        folder: the folder.
        name: compose's name for it, which no other has.
        ports: the host's ports of prometheus and alertmanager.
    """

    folder: Path
    name: str = field(default_factory=lambda: f"tapewatch-test-{uuid.uuid4().hex[:8]}")
    ports: dict[str, int] = field(
        default_factory=lambda: {name: free_port() for name in ("prometheus", "alertmanager")}
    )

    @property
    def prometheus(self) -> Prometheus:
        return Prometheus(f"http://127.0.0.1:{self.ports['prometheus']}")

    @property
    def alertmanager(self) -> Alertmanager:
        return Alertmanager(f"http://127.0.0.1:{self.ports['alertmanager']}")

    @property
    def project(self) -> ComposeProject:
        return ComposeProject(self.folder, Docker.find(), self.name)

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def write_services(self, **more: dict[str, Any] | None) -> None:
        """Writes docker-compose.yml; `more` are further services, or other keys of these; `None` takes one away."""
        services: dict[str, Any] = {"alertmanager": self.alertmanager_service(), "prometheus": self._prometheus()}
        for name, keys in more.items():
            service = name.replace("_", "-")
            services[service] = None if keys is None else {**services.get(service, {}), **keys}
        volumes: dict[str, Any] = {"secrets": {}, "metrics": {}}
        kept = {name: keys for name, keys in services.items() if keys is not None}
        self.write("docker-compose.yml", yaml.safe_dump({"name": "tapewatch", "services": kept, "volumes": volumes}))

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`tapewatch COMMAND` for this stack."""
        return run(command, "--project-name", self.name, *arguments, folder=self.folder)

    def run_at_terminal(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The same with a terminal as its standard input."""
        ours, theirs = os.openpty()
        words = [sys.executable, "-m", "tapewatch.cli", command, "--project-name", self.name, *arguments]
        try:
            return subprocess.run(
                words, cwd=self.folder, stdin=theirs, capture_output=True, text=True, check=False, timeout=120
            )
        finally:
            os.close(ours)
            os.close(theirs)

    def start(self, command: str, *arguments: str) -> subprocess.Popen[str]:
        """The same, without waiting for its end."""
        words = [sys.executable, "-m", "tapewatch.cli", command, "--project-name", self.name, *arguments]
        return subprocess.Popen(
            words,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def names(self, kind: str) -> list[str]:
        """What docker has of this stack: `container`, `volume` or `network`."""
        mark = f"label=com.docker.compose.project={self.name}"
        every = ["--all"] if kind == "container" else []
        command = ["docker", kind, "ls", *every, "--quiet", "--filter", mark]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    def remove(self) -> None:
        """Takes away all that docker has of this stack, whatever state it is in."""
        for kind, how in (("container", ("--force", "--volumes")), ("network", ()), ("volume", ("--force",))):
            if found := self.names(kind):
                subprocess.run(["docker", kind, "rm", *how, *found], capture_output=True, check=True)

    @staticmethod
    def remove_image(name: str) -> None:
        """Takes an image away, if it is there."""
        subprocess.run(["docker", "image", "rm", "--force", name], capture_output=True, check=False)

    def alertmanager_service(self) -> dict[str, Any]:
        """Alertmanager as docker-compose.yml has it."""
        return {
            "image": image("alertmanager"),
            "command": [
                "--config.file=/etc/alertmanager/alertmanager.yml",
                "--storage.path=/alertmanager",
                "--cluster.listen-address=",
            ],
            "ports": [f"127.0.0.1:{self.ports['alertmanager']}:9093"],
            "volumes": ["./provisioning/alertmanager:/etc/alertmanager:ro"],
            "tmpfs": ["/alertmanager"],
            "healthcheck": healthy_when("9093/-/ready"),
        }

    def _prometheus(self) -> dict[str, Any]:
        return {
            "image": image("prometheus"),
            "command": [
                "--config.file=/etc/prometheus/prometheus.yml",
                "--storage.tsdb.path=/prometheus",
                "--web.enable-lifecycle",
            ],
            "ports": [f"127.0.0.1:{self.ports['prometheus']}:9090"],
            "volumes": ["./provisioning/prometheus:/etc/prometheus:ro", "metrics:/prometheus"],
            "depends_on": {"alertmanager": {"condition": "service_healthy"}},
            "healthcheck": healthy_when("9090/-/ready"),
        }


@dataclass(frozen=True)
class Running:
    """A stack that was started, and how that ended."""

    stack: Stack
    up: subprocess.CompletedProcess[str]


def image(program: str) -> str:
    """The pinned image of a program."""
    pinned = load_sample().stack.images[program]  # type: ignore[index]
    return f"{pinned.image}:{pinned.version}"


def flat(text: str) -> str:
    """Text without its line breaks, so that a terminal's width does not matter."""
    return " ".join(text.split())


def healthy_when(port_and_path: str) -> dict[str, Any]:
    """A health check that needs three misses to fail."""
    test = ["CMD", "wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{port_and_path}"]
    return {"test": test, "interval": "1s", "timeout": "5s", "retries": 3, "start_period": "1s"}
