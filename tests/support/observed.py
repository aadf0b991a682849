"""The sample platform with everything that watches it, natively on loopback: for tests that look at all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from support.rendering import write
from support.servers import (
    Server,
    free_port,
    start_alertmanager,
    start_jaeger,
    start_loki,
    start_node_exporter,
    start_prometheus,
)
from support.simulated import Sample
from tapewatch import layout
from tapewatch.catalogue.stack import Ports
from tapewatch.project import Project, open_project
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.grafana import GrafanaRenderer
from tapewatch.renderers.jaeger import JaegerRenderer
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer
from tapewatch.renderers.where import native
from tapewatch.viewing import Sources

__all__ = ["NEEDS", "Observed", "observed"]

NEEDS = ("prometheus", "alertmanager", "loki", "jaeger", "node_exporter")
"""The parts that a test with it needs."""


@dataclass
class Observed:
    """The platform and its watchers.

    Parameters:
        sample: the project and its services.
        project: the project, opened with the ports of this machine.
        simulate, prometheus, alertmanager, loki, jaeger: the programs.
    """

    sample: Sample
    project: Project
    simulate: Server
    prometheus: Server
    alertmanager: Server
    loki: Server
    jaeger: Server

    @property
    def sources(self) -> Sources:
        """Where a dashboard's queries go."""
        return Sources(self.prometheus.url, self.loki.url, self.jaeger.url)

    def log(self) -> str:
        """What they say, for a failure."""
        told = [line[:300] for line in self.simulate.log().splitlines() if not line.startswith("{")]
        return "\n".join([*told[-20:], self.prometheus.log_tail()])


@contextmanager
def observed(
    folder: Path, *arguments: str, sampling: float = 1.0, change: Callable[[dict[str, Any]], object] = lambda data: None
) -> Iterator[Observed]:
    """Start all, and end all.

    Parameters:
        folder: an empty folder.
        arguments: for `tapewatch simulate`.
        sampling: the share of traces that is kept.
        change: works on the catalogue's data.
    """
    home = folder / "project"
    home.mkdir(parents=True)
    sample = _sample(home, sampling, change)
    project = open_project(home, sample.environ)
    ports = project.catalogue.stack.ports
    locate = partial(native, data=str(folder / "data"), config=str(home / layout.PROVISIONING))
    _write(project, locate, home, folder)
    watched = home / layout.PROVISIONING
    with ExitStack() as stack:
        start = stack.enter_context
        jaeger = start(start_jaeger(watched / "jaeger/jaeger.yml", folder, port=ports.jaeger))
        loki = start(start_loki(watched / "loki/loki.yml", folder, port=ports.loki))
        start(start_node_exporter(folder, port=ports.node_exporter))
        alertmanager = start(
            start_alertmanager(watched / "alertmanager/alertmanager.yml", folder, port=ports.alertmanager)
        )
        sample.environ = {
            **sample.environ,
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{ports.otlp_http}/v1/traces",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{loki.url}/otlp/v1/logs",
        }
        flags = ("--web.enable-otlp-receiver", "--enable-feature=exemplar-storage")
        prometheus = start(
            start_prometheus(watched / "prometheus/prometheus.yml", folder, *flags, port=ports.prometheus)
        )
        push = f"--push-url={prometheus.url}/api/v1/otlp"
        simulate = start(sample.server(push, *arguments).start())
        yield Observed(sample, project, simulate, prometheus, alertmanager, loki, jaeger)


def _sample(home: Path, sampling: float, change: Callable[[dict[str, Any]], object]) -> Sample:
    sample = Sample(home)
    path = home / "catalogue.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["stack"]["ports"] = {name: free_port() for name in Ports.model_fields}
    data["defaults"]["traces"] = {"sampling": sampling}
    change(data)
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return sample


def _write(project: Project, locate: Any, home: Path, folder: Path) -> None:
    located = (PrometheusRenderer(locate), JaegerRenderer(locate), LokiRenderer(locate), GrafanaRenderer(locate))
    renderers = (*located, RulesRenderer(), AlertmanagerRenderer())
    files = {file.path: file.text for renderer in renderers for file in renderer.render(project.request)}
    path = f"{layout.PROVISIONING}/prometheus/prometheus.yml"
    config = yaml.safe_load(files[path])
    absent = ("grafana", "blackbox-exporter")  # neither runs here
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] not in absent]
    files[path] = yaml.safe_dump(config, sort_keys=False)
    write(files, home)
    (folder / "data" / "jaeger").mkdir(parents=True)
