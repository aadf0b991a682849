"""Two Prometheus and three Alertmanagers of one catalogue, on loopback, with the sample platform in front of them.

    with running_cluster(tmp_path) as cluster:
        cluster.alertmanagers[0].stop(signal.SIGKILL)

The generated files and flags are used as they are. Rules and routes are divided in time as a drill's copy is, but for
what the cluster hangs on: `peer_timeout` and the shortest `group_interval` are those of a real stack.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from support.rendering import varied_text, write
from support.servers import Server, free_port
from support.simulated import FASTER, SCRAPED
from support.waiting import wait_for
from support.webhook import WebhookReceiver
from tapewatch.catalogue import Catalogue
from tapewatch.drilling.ears import Message
from tapewatch.drilling.scale import SCRAPE, Scale, scaled
from tapewatch.drilling.throwaway import faster_flags
from tapewatch.drilling.venue import Venue
from tapewatch.project import Project, open_project
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.flags import alertmanager_flags, prometheus_flags
from tapewatch.renderers.members import REPLICA, members
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer
from tapewatch.renderers.where import Locate, native
from tapewatch.running.clients import Alertmanager, Prometheus
from tapewatch.servers import find
from tapewatch.simulating.control import ask, running

__all__ = ["FACTOR", "Cluster", "Told", "running_cluster", "state_of"]

FACTOR = 20.0
"""How many times as fast rules and routes are."""

GROUP_INTERVAL = "10s"
"""The shortest of the catalogue's defaults: a change of a critical group is told after so long at most."""

WEBHOOK = "http://api:8000/api/alerts/webhook"

PLATFORM_TIMEOUT = 60.0


@dataclass(frozen=True)
class Told:
    """One notification.

    Parameters:
        at: when it came, on the monotonic clock.
        receiver: who was told.
        group: which group of alerts.
        sender: the address under which the Alertmanager that sent it is opened.
        state: of each alert in it: name, service, all labels as text, status and begin.
    """

    at: float
    receiver: str
    group: str
    sender: str
    state: frozenset[tuple[str, str, str, str, str]]

    def tells(self, alert: str, service: str, status: str = "firing") -> bool:
        """Whether it says this of an alert of a service."""
        return any(each[:2] == (alert, service) and each[3] == status for each in self.state)


@dataclass
class Cluster:
    """The running members.

    Parameters:
        folder: its project.
        project: the project whose rules are loaded.
        webhook: every receiver of the catalogue.
        platform: the sample platform; None without one.
        prometheus: the pair.
        alertmanagers: the three.
    """

    folder: Path
    project: Project
    webhook: WebhookReceiver
    platform: Server | None
    prometheus: list[Server] = field(default_factory=list)
    alertmanagers: list[Server] = field(default_factory=list)

    @property
    def catalogue(self) -> Catalogue:
        return self.project.catalogue

    def venue(self, watched: int = 0) -> Venue:
        """Where drills are played, looked at through one of the pair."""
        clients = [Prometheus(each.url) for each in self.prometheus]
        first, *others = [Alertmanager(each.url) for each in self.alertmanagers]
        return Venue(
            prometheus=clients[watched],
            alertmanager=first,
            folder=self.folder / "provisioning" / "prometheus",
            listen="127.0.0.1",
            reach="127.0.0.1",
            port=self.catalogue.stack.ports.drill,
            scrape=SCRAPE,
            evaluation=SCRAPE,
            others=tuple(each for number, each in enumerate(clients) if number != watched),
            cluster=tuple(others),
        )

    def fault(self, name: str, value: str = "", *, on: bool = True) -> None:
        """Let something go wrong in the sample platform, or end it."""
        (control,) = running(self.folder)
        ask(control, {"on": {name: value}} if on else {"off": [name]})

    def told(self) -> list[Told]:
        """Every notification until now."""
        found = zip(list(self.webhook.times), list(self.webhook.payloads), strict=False)
        return [
            Told(at, each["receiver"], each["groupKey"], each["externalURL"].rstrip("/"), state_of(each))
            for at, each in found
        ]

    def sender(self, member: int) -> str:
        """How an Alertmanager names itself in what it sends."""
        return self.alertmanagers[member].url.replace("127.0.0.1", "localhost")

    def cluster_ports(self) -> list[int]:
        """Where the Alertmanagers talk to each other."""
        ha = self.catalogue.stack.high_availability
        assert ha is not None
        return [each.published(ha.cluster_port) for each in members(self.catalogue.stack, "alertmanager")]

    def peers(self, member: int) -> int:
        """How many members an Alertmanager sees, itself among them; 0 while it has not settled or does not answer."""
        try:
            found = self.alertmanagers[member].get_json("/api/v2/status", timeout=2.0)["cluster"]
        except OSError:
            return 0
        return len(found.get("peers") or ()) if found["status"] == "ready" else 0

    def wait_until_whole(self, timeout: float = 60.0) -> float:
        """Wait until every member is there and knows the others; gives the moment."""

        def whole() -> bool:
            ready = all(self._scrapes(each) for each in self.prometheus)
            return ready and all(self.peers(number) == 3 for number in range(len(self.alertmanagers)))

        wait_for("the cluster is whole", whole, timeout, self.log_tail)
        return time.monotonic()

    def _scrapes(self, server: Server) -> bool:
        try:
            found = server.get_json("/api/v1/query?query=count(up==1)", timeout=2.0)["data"]["result"]
            return bool(found)
        except OSError:
            return False

    def log_tail(self) -> str:
        """The end of each member's log."""
        return "\n".join(
            f"-- {each.folder.name}:\n{each.log_tail()}" for each in (*self.prometheus, *self.alertmanagers)
        )


class Ear:
    """Hears what the webhook is told, as a drill wants it."""

    def __init__(self, webhook: WebhookReceiver) -> None:
        self._webhook = webhook

    def heard(self, labels: Mapping[str, str], status: str, since: float) -> Message | None:
        for at, payload in zip(list(self._webhook.times), list(self._webhook.payloads), strict=False):
            for alert in payload["alerts"] if at >= since else ():
                if alert["status"] == status and labels.items() <= alert["labels"].items():
                    return Message(at, payload["receiver"], status, alert["labels"], alert["annotations"])
        return None


def state_of(payload: Mapping[str, Any]) -> frozenset[tuple[str, str, str, str, str]]:
    """Of each alert in a message: name, service, all labels as text, status and begin."""
    return frozenset(
        (
            each["labels"]["alertname"], each["labels"].get("service", ""), json.dumps(each["labels"], sort_keys=True),
            each["status"], each["startsAt"],
        )
        for each in payload["alerts"]
    )  # fmt: skip


@contextmanager
def running_cluster(
    folder: Path, *, platform: bool = True, wrap: Mapping[int, Sequence[str]] | None = None
) -> Iterator[Cluster]:
    """Everything started, and the cluster whole; stopped at the end.

    Parameters:
        folder: an empty folder for files, logs and data.
        platform: whether the sample platform runs and is scraped.
        wrap: words before the command of an Alertmanager, by its number.
    """
    with ExitStack() as stack:
        webhook = stack.enter_context(WebhookReceiver())
        services = {name: free_port() for name in SCRAPED}
        project = _project(folder, webhook, services, platform)
        where = partial(native, data=str(folder / "data"), config=str(folder / "provisioning"), only=_PARTS)
        _render(project, folder, where)
        simulated = _platform(folder, project, services) if platform else None
        if simulated:
            stack.enter_context(simulated.start())
        cluster = Cluster(folder, project, webhook, simulated)
        for server in _alertmanagers(cluster, where, wrap or {}):
            cluster.alertmanagers.append(stack.enter_context(server.start()))
        for server in _prometheus(cluster, where):
            cluster.prometheus.append(stack.enter_context(server.start()))
        cluster.wait_until_whole()
        yield cluster


_PARTS = ("prometheus", "alertmanager")


def _project(folder: Path, webhook: WebhookReceiver, services: Mapping[str, int], platform: bool) -> Project:
    ports = {"prometheus": free_port(1), "alertmanager": free_port(1, 2), "drill": free_port()}

    def change(data: dict[str, Any]) -> None:
        stack = data["stack"]
        del stack["history"]
        stack.update(ports=ports, high_availability={"cluster_port": free_port(1, 2), "port_step": 1})

    text = varied_text(change).replace(WEBHOOK, webhook.url)
    for old, new in FASTER:
        text = text.replace(old, new)
    (folder / "catalogue.yaml").write_text(text, encoding="utf-8")
    environ = {f"{name.replace('-', '_').upper()}_ADDRESS": f"127.0.0.1:{port}" for name, port in services.items()}
    project = scaled(open_project(folder, environ), FACTOR)
    return _with(project, None if platform else {})


def _with(project: Project, services: Mapping[str, Any] | None) -> Project:
    """The copy with a real stack's shortest `group_interval`, and perhaps without services."""
    from dataclasses import replace

    catalogue = project.catalogue
    routes = {
        name: route.model_copy(update={"group_interval": GROUP_INTERVAL, "repeat_interval": "1h"})
        for name, route in catalogue.routing.by_severity.items()
    }
    more = {} if services is None else {"services": services}
    changed = catalogue.model_copy(update={"routing": catalogue.routing.model_copy(update=routes), **more})
    return replace(project, loaded=replace(project.loaded, catalogue=changed))


def _render(project: Project, folder: Path, where: Locate) -> None:
    for renderer in (PrometheusRenderer(where), AlertmanagerRenderer(where), RulesRenderer()):
        write({file.path: file.text for file in renderer.render(project.request)}, folder)


def _platform(folder: Path, project: Project, services: Mapping[str, int]) -> Server:
    import sys

    environ = {f"{name.replace('-', '_').upper()}_ADDRESS": f"127.0.0.1:{port}" for name, port in services.items()}
    port = project.catalogue.stack.ports.prometheus
    step = next(iter(list(members(project.catalogue.stack, "prometheus"))[1:])).step
    pushes = [f"--push-url=http://127.0.0.1:{port + number * step}/api/v1/otlp" for number in (0, 1)]
    command = [sys.executable, "-m", "tapewatch.cli", "simulate", "--env", f"--project={folder}", *pushes]
    return Server("simulate", command, services["api"], "/ready", folder, environ)


def _alertmanagers(cluster: Cluster, where: Locate, wrap: Mapping[int, Sequence[str]]) -> Iterator[Server]:
    catalogue = cluster.catalogue
    for member in members(catalogue.stack, "alertmanager"):
        port = member.published(catalogue.stack.ports.alertmanager)
        flags = alertmanager_flags(catalogue, where(catalogue.stack.ports), member)
        command: list[str | Path] = [find("alertmanager").path, *flags]
        name, home = f"alertmanager-{member.letter}", _home(cluster, "alertmanager", member.letter)
        yield Server(name, command, port, "/-/ready", home, wrap=wrap.get(member.number, ()))


def _prometheus(cluster: Cluster, where: Locate) -> Iterator[Server]:
    catalogue = cluster.catalogue
    for member in members(catalogue.stack, "prometheus"):
        port = member.published(catalogue.stack.ports.prometheus)
        flags = prometheus_flags(catalogue, where(catalogue.stack.ports), member)
        command: list[str | Path] = [find("prometheus").path, *flags, *faster_flags(Scale(FACTOR))]
        home = _home(cluster, "prometheus", member.letter)
        yield Server(f"prometheus-{member.letter}", command, port, "/-/ready", home, {REPLICA: member.letter})


def _home(cluster: Cluster, part: str, letter: str) -> Path:
    home = cluster.folder / "logs" / f"{part}-{letter}"
    home.mkdir(parents=True)
    return home
