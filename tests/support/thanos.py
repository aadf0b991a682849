"""A real object store, every process of a real Thanos on its generated files, and a pair that writes to it.

    with running_thanos(tmp_path) as stage:
        stage.wait_for_samples()
        assert len(stage.ask('up{service="market-data"}')) == 1

Files and flags are the generated ones; what flags change is how often something looks, which by itself takes minutes.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from support.long_term import SCRAPED, Stage, credentials_file, home_of, minio_server, pair_of, small_catalogue
from support.rendering import write
from support.servers import Server, free_port
from support.targets import Target
from tapewatch import layout
from tapewatch.project import Project, open_project
from tapewatch.renderers.long_term import LongTermRenderer
from tapewatch.renderers.long_term._thanos_flags import thanos_flags
from tapewatch.renderers.long_term._thanos_processes import thanos_processes
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer, rule_groups
from tapewatch.renderers.where import native
from tapewatch.servers import find

__all__ = ["ThanosStage", "running_thanos"]

_SOON = {
    "store": ("--sync-block-duration=1s",),
    "compact": ("--wait-interval=1s", "--consistency-delay=0s"),
    "rule": ("--rule-query-offset=6s",),
}
"""How soon a role looks into the bucket again, and at what is new there; and how far back the ruler looks, which is a
second more than Prometheus keeps a sample until it sends it."""

_PROCESSES = 7
"""Three that take samples, and four; the ports of each are a hundred above those of the one before."""


@dataclass
class ThanosStage(Stage):
    """What runs; `engine` is Query.

    Parameters:
        processes: of Thanos, by name.
    """

    processes: dict[str, Server] = field(default_factory=dict)

    @property
    def receives(self) -> list[Server]:
        """Those that take samples."""
        return [each for name, each in self.processes.items() if "receive" in name]

    def lose_receives(self) -> None:
        """An orderly end of those that take samples, which brings all to the bucket; then their disks are gone."""
        for each in self.receives:
            each.stop(signal.SIGINT)
            shutil.rmtree(self.folder / "parts" / "long-term" / each.name)


@contextmanager
def running_thanos(folder: Path) -> Iterator[ThanosStage]:
    """Everything started; stopped at the end.

    Parameters:
        folder: an empty folder.
    """
    with ExitStack() as stack:
        targets = {name: stack.enter_context(Target()) for name in SCRAPED}
        for name, target in targets.items():
            target.set(f'orders_total{{venue="{name}"}}', 1.0)
        store, key = free_port(), credentials_file(folder)
        small_catalogue(folder, targets, store, key, _with_thanos)
        project = open_project(folder)
        only = ("prometheus", "thanos")
        where = partial(native, data=str(folder / "parts"), config=str(folder / layout.PROVISIONING), only=only)
        for renderer in (PrometheusRenderer(where), LongTermRenderer(where), RulesRenderer()):
            write({file.path: file.text for file in renderer.render(project.request)}, folder)
        _same_rules(project, folder)
        minio = minio_server(home_of(folder, "minio"), store)
        processes = _processes(project, folder, where, key)
        stage = ThanosStage(
            folder, project.catalogue, where, minio, processes["thanos-query"], targets=targets, processes=processes
        )
        stack.enter_context(minio.start())
        for server in processes.values():
            stack.callback(server.stop, signal.SIGKILL)
            server.launch()
        for server in processes.values():
            server.wait_until_ready()
        for server in pair_of(stage):
            stage.prometheus.append(server.start())
            stack.callback(server.stop, signal.SIGKILL)
        yield stage


def _with_thanos(data: dict[str, Any]) -> None:
    base = free_port(*(100 * each + more for each in range(_PROCESSES) for more in range(4)))
    stack = data["stack"]
    stack["long_term"].update(engine="thanos", replicas=3, retention={"object_store": "90d", "archive": "2y"})
    stack["ports"].update(long_term=base, long_term_grpc=base + 1, long_term_write=base + 2)
    stack["images"]["thanos"] = {"image": "quay.io/thanos/thanos", "version": "v0.42.4"}
    stack["external_labels"] = {"site": "ld4"}


def _processes(project: Project, folder: Path, where: Any, key: Path) -> dict[str, Server]:
    catalogue = project.catalogue
    engine, there = catalogue.stack.long_term, where(catalogue.stack.ports)
    assert engine is not None
    found: dict[str, Server] = {}
    for process in thanos_processes(engine):
        soon = _SOON.get(process.role, ())
        names = tuple(flag.partition("=")[0] for flag in soon)
        flags = [flag for flag in thanos_flags(catalogue, there, process) if not flag.startswith(names or "none")]
        command: list[str | Path] = [find("thanos").path, *flags, *soon]
        environment = {"AWS_SHARED_CREDENTIALS_FILE": str(key)}
        port = process.port(there, "long_term")
        found[process.name] = Server(
            process.name, command, port, "/-/ready", home_of(folder, process.name), environment
        )
    return found


def _same_rules(project: Project, folder: Path) -> None:
    """The ruler gets the alerts that Prometheus has. What these read of recorded series, Prometheus records alone."""
    groups = [
        {**group, "rules": [rule for rule in group["rules"] if "alert" in rule]}
        for _, group in rule_groups(project.request)
    ]
    text = yaml.safe_dump({"groups": [group for group in groups if group["rules"]]})
    write({f"{layout.ENGINE_RULES}/same.yml": text}, folder)
