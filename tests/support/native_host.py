"""A project with native units, and a booted systemd that has all the programs that they run."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.rendering import varied_text
from tapewatch.project import open_project
from tapewatch.servers import find
from tapewatch.writing import apply

__all__ = ["PROGRAMS", "RUN", "SECRETS", "generate", "machine_files", "native", "spread"]

PROGRAMS = ("prometheus", "alertmanager", "loki", "jaeger", "node_exporter", "blackbox_exporter")
"""Those that this machine has; Grafana is not among them."""

RUN = ("alertmanager", "prometheus", "loki", "jaeger", "node-exporter", "blackbox-exporter", "history")
"""The parts that run by them."""

SECRETS = {"history-key": "a-key-that-is-long-enough-for-a-test\n", "heartbeat-url": "http://127.0.0.1:1/beat\n"}
"""The files that those parts read."""

Change = Callable[[dict[str, Any]], object]


def native(data: dict[str, Any]) -> None:
    """The sample with native units, whose history and heartbeat have secrets."""
    data["stack"] |= {
        "systemd": {"cores": "0"},
        "history": {"address": "127.0.0.1:8000", "key_file": "/run/secrets/history-key"},
        "heartbeat": {"url_file": "/run/secrets/heartbeat-url"},
    }
    data["services"]["api"]["address"] = "127.0.0.1:8000"


def spread(data: dict[str, Any]) -> None:
    """The same, highly available on three hosts."""
    data["stack"] |= {
        "high_availability": {},
        "systemd": {
            "network": "10.0.7.0/24",
            "hosts": {"a": "10.0.7.11", "b": "10.0.7.12", "c": "10.0.7.13"},
        },
        "history": {"address": "10.0.7.11:8000", "key_file": "/run/secrets/history-key"},
    }
    data["services"]["api"]["address"] = "10.0.7.11:8000"


def generate(project: Path, *changes: Change) -> Path:
    """Do what `tapewatch generate` does with the sample, after `native` and `changes` have worked on its data."""

    def change(data: dict[str, Any]) -> None:
        for each in (native, *changes):
            each(data)

    project.mkdir(parents=True, exist_ok=True)
    (project / "catalogue.yaml").write_text(varied_text(change), encoding="utf-8")
    apply(project, open_project(project).render())
    return project


def machine_files(folder: Path) -> dict[Path, str]:
    """The programs, tapewatch among them, as `Machine` takes them; not Grafana.

    Parameters:
        folder: where what has to be made for that is put.
    """
    ours = folder / "tapewatch"
    # What the machine's own Python runs, since another one may lie in a home, which no unit sees.
    packages = sysconfig.get_paths()["purelib"]
    call = "import sys; sys.argv[0] = 'tapewatch'; from tapewatch.cli import main; main()"
    source = ":".join(path for path in sys.path if Path(path).name in ("sdk", "stack", "alerts", "dashboards"))
    ours.write_text(f'#!/bin/sh\nPYTHONPATH={packages}:{source} exec /usr/bin/python3 -c "{call}" "$@"\n')
    ours.chmod(0o755)
    return {ours: "/usr/local/bin/tapewatch"} | {find(name).path: f"/usr/local/bin/{name}" for name in PROGRAMS}
