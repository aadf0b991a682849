"""A Prometheus and an Alertmanager that live for one drill, with a copy of the rules and routes in which time flies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from tapewatch import servers
from tapewatch.catalogue.alerting import Receiver
from tapewatch.drilling.scale import LOOK_BACK, RESEND_DELAY, SCRAPE, Scale
from tapewatch.drilling.venue import Venue
from tapewatch.project import Project
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.flags import alertmanager_flags, prometheus_flags
from tapewatch.renderers.members import single
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer
from tapewatch.renderers.where import Where, native
from tapewatch.rules.parameters import format_duration
from tapewatch.running.clients import Alertmanager, Prometheus
from tapewatch.running.ports import free_ports
from tapewatch.running.process import Process

__all__ = ["faster_flags", "throwaway"]


def faster_flags(scale: Scale) -> tuple[str, ...]:
    """The flags by which Prometheus's own waits are divided as well."""
    return (
        f"--query.lookback-delta={format_duration(scale.real(LOOK_BACK))}",
        f"--rules.alert.resend-delay={format_duration(scale.real(RESEND_DELAY))}",
        # How long it gathers changes of the lists of targets, 5 s by default.
        f"--scrape.discovery-reload-interval={format_duration(SCRAPE)}",
    )


@contextmanager
def throwaway(project: Project, scale: Scale, folder: Path) -> Iterator[Venue]:
    """Start both servers on free ports of this machine's loopback, and end them again.

    They are on their own: no service is scraped or expected, no receiver of the catalogue is told, nothing is written
    to remote storage and no heart beats.

    Parameters:
        project: the copy (`scaled`).
        scale: how time is divided in it.
        folder: an empty folder for their files and data.

    Raises:
        ToolError: a program is missing, or does not become ready.
    """
    project = _on_its_own(project)
    ports = project.catalogue.stack.ports
    locate = partial(native, data=str(folder / "data"), config=str(folder / "provisioning"))
    for renderer in (PrometheusRenderer(locate), AlertmanagerRenderer(locate), RulesRenderer()):
        for file in renderer.render(project.request):
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
    alertmanager = Alertmanager(f"http://127.0.0.1:{ports.alertmanager}")
    prometheus = Prometheus(f"http://127.0.0.1:{ports.prometheus}")
    with ExitStack() as running:
        for process in _processes(project, scale, locate(ports), prometheus, alertmanager, folder):
            running.enter_context(process)
        yield Venue(
            prometheus=prometheus,
            alertmanager=alertmanager,
            folder=folder / "provisioning" / "prometheus",
            listen="127.0.0.1",
            reach="127.0.0.1",
            port=ports.drill,
            scrape=SCRAPE,
            evaluation=SCRAPE,
        )


def _processes(
    project: Project, scale: Scale, where: Where, prometheus: Prometheus, alertmanager: Alertmanager, folder: Path
) -> Iterator[Process]:
    catalogue = project.catalogue
    flags = alertmanager_flags(catalogue, where)
    yield Process(
        [servers.find("alertmanager").path, *flags], alertmanager, "/-/ready", folder / "logs" / "alertmanager.log"
    )
    flags = (*prometheus_flags(catalogue, where), *faster_flags(scale))
    yield Process([servers.find("prometheus").path, *flags], prometheus, "/-/ready", folder / "logs" / "prometheus.log")


def _on_its_own(project: Project) -> Project:
    """The same project on ports that nobody uses, beside the real stack and without a way out."""
    free = free_ports("prometheus", "alertmanager", "drill")
    catalogue = project.catalogue
    ports = catalogue.stack.ports.model_copy(update=free)
    # What a drill is about is one Prometheus and one Alertmanager.
    stack = single(catalogue.stack).model_copy(
        update={"ports": ports, "remote_write": (), "heartbeat": None, "history": None}
    )
    nobody = dict.fromkeys(catalogue.receivers, Receiver())
    alone = catalogue.model_copy(update={"stack": stack, "services": {}, "receivers": nobody})
    return replace(project, loaded=replace(project.loaded, catalogue=alone))
