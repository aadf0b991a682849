"""Where a drill is played: the servers of a stack, and how they reach the drill."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from tapewatch import layout
from tapewatch.project import Project
from tapewatch.renderers.members import members
from tapewatch.renderers.where import HOST
from tapewatch.running.clients import Alertmanager, Prometheus
from tapewatch.schema import seconds
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.names import DRILL_PREFIX

__all__ = ["LOOPBACK", "Venue", "clear_leftovers", "running_venue"]

LOOPBACK = "127.0.0.1"

_DRILL_FILE = re.compile(rf"\.?{DRILL_PREFIX}(?P<number>.+)\.yml(\.new)?")
"""A file of a drill, or what it had half written."""


@dataclass(frozen=True, slots=True)
class Venue:
    """A running stack as a drill sees it.

    Parameters:
        prometheus: its Prometheus, whose alerts are watched.
        alertmanager: its Alertmanager.
        folder: the folder of Prometheus's files, which it watches: `targets/` and `rules/` lie in it.
        listen: the address of this machine on which the drill listens.
        reach: the host name or address under which the servers reach it.
        port: the port at which Alertmanager tells the drill receiver; `stack.ports.drill`.
        scrape: seconds between two scrapes.
        evaluation: seconds between two evaluations of the rules.
        others: Prometheus servers beside it, which are played the same: they are told too, but not watched.
        cluster: Alertmanagers beside it, any of which may deliver.
    """

    prometheus: Prometheus
    alertmanager: Alertmanager
    folder: Path
    listen: str
    reach: str
    port: int
    scrape: float
    evaluation: float
    others: tuple[Prometheus, ...] = ()
    cluster: tuple[Alertmanager, ...] = ()

    @property
    def told(self) -> tuple[Prometheus, ...]:
        """Every Prometheus that a drill is played to."""
        return (self.prometheus, *self.others)


def running_venue(project: Project) -> Venue:
    """The stack that runs from a project's files.

    Raises:
        ToolError: Prometheus does not answer on the catalogue's port.
    """
    stack, defaults = project.catalogue.stack, project.catalogue.defaults
    host = LOOPBACK if stack.bind in ("0.0.0.0", "::") else stack.bind  # noqa: S104 -- compared, not bound
    host = f"[{host}]" if ":" in host else host
    prometheus, *others = _answering(
        [Prometheus(f"http://{host}:{each.published(stack.ports.prometheus)}") for each in members(stack, "prometheus")]
    )
    alertmanager, *cluster = _answering(
        [
            Alertmanager(f"http://{host}:{each.published(stack.ports.alertmanager)}")
            for each in members(stack, "alertmanager")
        ]
    )
    contained = _in_containers(prometheus)
    return Venue(
        prometheus=prometheus,
        alertmanager=alertmanager,
        folder=project.root / layout.PROMETHEUS,
        listen=_address_for_containers() if contained else LOOPBACK,
        reach=HOST if contained else LOOPBACK,
        port=stack.ports.drill,
        scrape=seconds(defaults.scrape.interval),
        evaluation=seconds(defaults.evaluation_interval),
        others=tuple(others),
        cluster=tuple(cluster),
    )


Member = TypeVar("Member", Prometheus, Alertmanager)


def _answering(members: Sequence[Member]) -> list[Member]:
    """Those that answer; the first one at least, which then says that it does not."""
    found = []
    for each in members:
        with suppress(ToolError):
            each.version()
            found.append(each)
    return found or list(members[:1])


def clear_leftovers(venue: Venue) -> None:
    """Remove what a drill left that was killed; its files carry the number of its process.

    Raises:
        ToolError: Prometheus could not read its rules again without those that were left.
    """
    left = [path for path in venue.folder.glob("*/*") if (match := _DRILL_FILE.fullmatch(path.name)) and _dead(match)]
    for path in left:
        path.unlink(missing_ok=True)
    if any(path.parent.name == "rules" for path in left):
        for each in venue.told:
            each.reload()


def _dead(file: re.Match[str]) -> bool:
    """Whether the process that made a file is gone; in a container the new one may well have its number."""
    number = file["number"]
    return not number.isdigit() or int(number) == os.getpid() or not _lives(int(number))


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's
    return True


def _in_containers(prometheus: Prometheus) -> bool:
    """Whether the stack runs in containers: there Prometheus knows Alertmanager by its name in compose."""
    found = prometheus.get_json("/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    return any(urlsplit(each["url"]).hostname == "alertmanager" for each in found)


def _address_for_containers() -> str:
    """The address behind `host.docker.internal`.

    On Linux it is that of Docker's bridge, and nobody outside this machine reaches it. Docker Desktop has its bridge in
    a machine of its own, and takes what containers send to the loopback here.
    """
    try:
        address = _bridge()
        with socket.create_server((address, 0)):
            return address
    except (OSError, ValueError, LookupError):
        return LOOPBACK


def _bridge() -> str:
    """The machine's address on Docker's bridge; where none is configured it is the first of the network."""
    command = ["docker", "network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    for network in json.loads(answer):
        found = ip_network(network["Subnet"])
        if found.version == 4:
            return str(network.get("Gateway") or next(found.hosts()))
    raise LookupError("Docker's bridge has no IPv4 network")
