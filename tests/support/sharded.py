"""Shards of Prometheus and an Alertmanager, on loopback, over hundreds of services that one process stands in for.

    with running_shards(tmp_path, services=400, shards=4, factor=20.0) as stack:
        stack.platform.expose("service-00007", risk_kill_switch_active="1")

Files and flags are the generated ones. Rules and routes are divided in time as a drill's copy is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from support.cluster import Told, state_of
from support.many import Many, address_of
from support.rendering import write
from support.samples import large
from support.servers import Server, free_port
from support.webhook import WebhookReceiver
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.model import Scrape
from tapewatch.drilling.scale import Scale, scaled
from tapewatch.drilling.throwaway import faster_flags
from tapewatch.project import Project, open_project
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.flags import alertmanager_flags, prometheus_flags
from tapewatch.renderers.members import members
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer
from tapewatch.renderers.where import Locate, native
from tapewatch.servers import find

__all__ = ["ENGINE", "IMAGE", "STEP", "Sharded", "running_shards", "sharded_text"]

WEBHOOK = "http://api:8000/api/alerts/webhook"

ENGINE: Mapping[str, Any] = {
    "engine": "mimir",
    "object_store": {"endpoint": "minio:9000", "bucket": "metrics", "credentials_file": "/run/secrets/store"},
}
"""What a catalogue with shards must have."""

IMAGE = {"image": "grafana/mimir", "version": "3.0.0"}


@dataclass
class Sharded:
    """What runs.

    Parameters:
        folder: its project.
        platform: the services.
        webhook: every receiver of the catalogue.
        factor: how many times as fast rules and routes are.
        ports: of the parts.
        stack: what ends everything at last.
        seldom: whether services are scraped less often than in a drill's copy, for which two cores have no time.
    """

    folder: Path
    platform: Many
    webhook: WebhookReceiver
    factor: float
    ports: Mapping[str, int]
    stack: ExitStack
    seldom: bool = True
    prometheus: list[Server] = field(default_factory=list)
    alertmanager: Server | None = None

    def write(self, **settings: Any) -> Project:
        """Write the files of a stack with these settings, as `tapewatch generate` would, and give its project."""
        text = sharded_text(len(self.platform.names), self.platform.port, ports=dict(self.ports), **settings)
        text = text.replace(WEBHOOK, self.webhook.url)
        (self.folder / "catalogue.yaml").write_text(text, encoding="utf-8")
        project = scaled(open_project(self.folder), self.factor)
        project = seldom_scraped(project) if self.seldom else project
        files = self.files(project)
        for path in (self.folder / "provisioning").rglob("*.yml"):
            if path.relative_to(self.folder).as_posix() not in files:
                path.unlink()
        write(files, self.folder)
        return project

    def files(self, project: Project) -> dict[str, str]:
        """The files of the servers that run here."""
        locate = self._locate
        return {
            file.path: file.text
            for renderer in (PrometheusRenderer(locate), AlertmanagerRenderer(locate), RulesRenderer())
            for file in renderer.render(project.request)
        }

    @property
    def _locate(self) -> Locate:
        return partial(
            native, data=str(self.folder / "data"), config=str(self.folder / "provisioning"), only=("prometheus",)
        )

    def start(self, catalogue: Catalogue) -> None:
        """Start the shards that do not run yet."""
        where = self._locate(catalogue.stack.ports)
        for member in list(members(catalogue.stack, "prometheus"))[len(self.prometheus) :]:
            port = member.published(catalogue.stack.ports.prometheus)
            flags = prometheus_flags(catalogue, where, member)
            home = self.folder / "logs" / f"prometheus{member.suffix}"
            home.mkdir(parents=True)
            faster = list(faster_flags(Scale(self.factor)))
            if self.seldom:
                faster = [LOOK_BACK if "lookback" in each else each for each in faster]
            command: list[str | Path] = [find("prometheus").path, *flags, *faster]
            server = Server(f"prometheus{member.suffix}", command, port, "/-/ready", home)
            self.prometheus.append(self.stack.enter_context(server.start()))

    def start_alertmanager(self, catalogue: Catalogue) -> None:
        """Start the one that is told by all."""
        home = self.folder / "logs" / "alertmanager"
        home.mkdir(parents=True)
        flags = alertmanager_flags(catalogue, self._locate(catalogue.stack.ports))
        port = catalogue.stack.ports.alertmanager
        server = Server("alertmanager", [find("alertmanager").path, *flags], port, "/-/ready", home)
        self.alertmanager = self.stack.enter_context(server.start())

    def reload(self) -> None:
        """Let every shard read its files again, one after the other."""
        for server in self.prometheus:
            server.post("/-/reload")

    def told(self) -> list[Told]:
        """Every notification until now."""
        found = zip(list(self.webhook.times), list(self.webhook.payloads), strict=False)
        return [Told(at, each["receiver"], each["groupKey"], each["externalURL"], state_of(each)) for at, each in found]

    def active(self) -> set[tuple[str, str]]:
        """Name and service of each alert that Alertmanager holds."""
        assert self.alertmanager is not None
        found = self.alertmanager.get_json("/api/v2/alerts?active=true&inhibited=true")
        return {(each["labels"]["alertname"], each["labels"].get("service", "")) for each in found}

    def scraped(self, shard: int) -> dict[str, str]:
        """The services that a shard scrapes and that answer, each with what it was asked under."""
        found = self.prometheus[shard].get_json("/api/v1/targets?state=active")["data"]["activeTargets"]
        return {each["labels"]["service"]: each["scrapeUrl"] for each in found if each["labels"]["job"] == "services"}

    def log_tail(self) -> str:
        """The end of each shard's log."""
        return "\n".join(f"-- {each.name}:\n{each.log_tail()[-600:]}" for each in self.prometheus)


def seldom_scraped(project: Project) -> Project:
    """The copy with scrapes and evaluations that a machine of two cores has time for, whatever else it does."""
    catalogue = project.catalogue
    every = {"interval": SCRAPE, "timeout": SCRAPE}

    def slower(scrape: Scrape) -> Scrape:
        return scrape.model_copy(update=every)

    services = {
        name: each.model_copy(update={"scrape": slower(each.scrape)}) for name, each in catalogue.services.items()
    }
    scrape = slower(catalogue.defaults.scrape)
    defaults = catalogue.defaults.model_copy(update={"scrape": scrape, "evaluation_interval": EVALUATION})
    changed = catalogue.model_copy(update={"services": services, "defaults": defaults})
    return replace(project, loaded=replace(project.loaded, catalogue=changed))


def sharded_text(services: int, port: int, **stack: Any) -> str:
    """A catalogue of so many services on addresses of this machine, with these settings of the stack."""
    data = yaml.safe_load(large(services))
    for number, service in enumerate(data["services"].values()):
        service["address"] = address_of(number, port)
    for key in ("history", "simulate"):
        data["stack"].pop(key, None)
    engine = {**ENGINE, "address": f"127.0.0.1:{port}"}
    data["stack"].update({"long_term": engine, **stack})
    data["stack"]["images"].setdefault("mimir", IMAGE)
    return yaml.safe_dump(data, sort_keys=False)


@contextmanager
def running_shards(
    folder: Path, *, services: int, shards: int, factor: float, spare: int = 0, seldom: bool = True
) -> Iterator[Sharded]:
    """Everything started; stopped at the end.

    Parameters:
        folder: an empty folder for files, logs and data.
        services: how many there are.
        shards: how many Prometheus.
        factor: how many times as fast rules and routes are.
        spare: shards for which ports are kept free.
        seldom: as for `Sharded`.
    """
    with ExitStack() as stack:
        platform = stack.enter_context(Many(services))
        webhook = stack.enter_context(WebhookReceiver())
        ports = {
            "prometheus": free_port(*range(STEP, (shards + spare) * STEP, STEP)),
            "alertmanager": free_port(),
            "drill": free_port(),
        }
        found = Sharded(folder, platform, webhook, factor, ports, stack, seldom)
        project = found.write(shards=shards)
        found.start_alertmanager(project.catalogue)
        found.start(project.catalogue)
        yield found


SCRAPE = "3s"
"""Time between two scrapes of a service."""

EVALUATION = "2s"
"""Time between two evaluations of the rules."""

LOOK_BACK = "--query.lookback-delta=20s"
"""Several scrapes: on a machine that has other things to do, some are missed, and that is not what is tried here."""

STEP = 100
"""How far apart the shards' ports are."""
