"""`stack.systemd` and `stack.kubernetes`: where the stack runs besides compose."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from tapewatch.schema.types import Bytes, Model, Name

__all__ = ["Cores", "Kubernetes", "NativePart", "PodPart", "Resources", "StoredPart", "Systemd", "core_numbers"]

NativePart = Literal[
    "prometheus", "alertmanager", "grafana", "loki", "jaeger", "node-exporter", "blackbox-exporter", "history"
]
"""The parts that run as units."""

Folder = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$")]
"""A whole path of a folder, of letters that mean nothing to systemd."""

Cores = Annotated[str, StringConstraints(pattern=r"^\d+(-\d+)?(,\d+(-\d+)?)*$")]
"""Processors as Linux counts them: `0-1,4`."""


def core_numbers(cores: str) -> set[int]:
    """Each processor of such a list."""
    found: set[int] = set()
    for each in cores.split(","):
        first, _, last = each.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def _network(value: str) -> str:
    with suppress(ValueError):
        network = IPv4Network(value)
        if not (network.is_global or network.is_loopback or network.is_multicast or network.is_unspecified):
            return value
    raise PydanticCustomError(
        "bad_network", "{value} is no private network",
        {"value": repr(value), "must": "a network that the internet does not reach, such as 10.0.7.0/24"},
    )  # fmt: skip


def _host(value: str) -> str:
    try:
        return str(IPv4Address(value))
    except ValueError as error:
        raise PydanticCustomError(
            "bad_bind", "{value} is not an IP address", {"value": repr(value), "must": "an address such as 10.0.7.11"}
        ) from error


Letter = Annotated[str, StringConstraints(pattern=r"^[a-z]$")]


class Systemd(Model):
    """The stack as native units of one host, or of several where it is highly available."""

    programs: Folder = "/usr/local/bin"
    """Where the programs lie, each under the name that it has at its makers: `prometheus`, `node_exporter`."""
    grafana_home: Folder = "/usr/share/grafana"
    """Grafana's own files, as its package installs them."""
    secrets: Folder = "/etc/tapewatch/secrets"
    """Where the files are that the catalogue calls `/run/secrets/NAME`; systemd alone reads them."""
    cores: Cores | None = None
    """Processors that the stack may use, so that it stays away from those that trade; all of them when not given."""
    memory: Mapping[NativePart, Bytes] = {}
    """Upper limit of a part's memory, where it differs from the default."""
    network: Annotated[str, AfterValidator(_network)] | None = None
    """The private network in which several hosts reach each other; nobody else may be in it."""
    hosts: Mapping[Letter, Annotated[str, AfterValidator(_host)]] = {}
    """Address in that network of the host of each letter; `a` has the first member of each part and the single ones."""


StoredPart = Literal["prometheus", "alertmanager", "loki", "jaeger", "history"]
"""Parts that keep data on a volume."""

PodPart = Literal["prometheus", "alertmanager", "loki", "jaeger", "history", "node-exporter", "blackbox-exporter"]
"""Parts that run in the cluster because the catalogue's objects say so."""

Size = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*(Ki|Mi|Gi|Ti)$")]
"""Memory or disk space as Kubernetes writes it: `512Mi`, `50Gi`."""

Cpu = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]?[0-9]?m|[1-9][0-9]*)$")]
"""Processors: `2`, or thousandths of one, `250m`."""


class Resources(Model):
    """What a pod is given: its processor time is a request, its memory a request and a limit."""

    cpu: Cpu
    memory: Size


class Kubernetes(Model):
    """The stack as objects of a cluster in which the Prometheus Operator runs."""

    namespace: Name = "monitoring"
    """Where the objects live."""
    secret: Name = "tapewatch"  # noqa: S105 -- the name of one, not one
    """Secret with the files that the catalogue names: the key `desk` is `/run/secrets/desk`."""
    storage_class: Name | None = None
    """Class of the volumes; the cluster's own default unless given."""
    volumes: Mapping[StoredPart, Size] = {}
    """Size of a part's volume; 50Gi for Prometheus and Loki, 20Gi for Jaeger and the history, 1Gi for Alertmanager."""
    resources: Mapping[PodPart, Resources] = {}
    """What a part's pods are given instead of what the stack's containers have in compose."""
