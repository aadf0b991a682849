"""Where the parts are in a cluster: under the names that they have in compose, which are Services there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.stack import Ports
from tapewatch.renderers.kubernetes._objects import NAME, Object, chosen, plain
from tapewatch.renderers.members import members
from tapewatch.renderers.where import Where, compose

__all__ = ["POD", "cluster", "service", "services"]

POD = "statefulset.kubernetes.io/pod-name"
"""Label that a StatefulSet gives each of its pods."""


def cluster(ports: Ports) -> Where:
    """Each part under its Service's name, in the namespace of all. A drill would need a Service `drill`.

    One Jaeger does, which the cluster starts anew elsewhere: behind a Service several would be scraped as if one.
    """
    where = compose(ports)
    return replace(where, hosts={**where.hosts, "drill": "drill"}, several_jaegers=False)


def service(
    name: str, namespace: str, selector: dict[str, str], ports: dict[str, int], headless: bool = False
) -> Object:
    """A Service.

    Parameters:
        name: its host name.
        namespace: where it lives.
        selector: labels of its pods.
        ports: numbers by name.
        headless: whether its name stands for the pods' own addresses.
    """
    spec = {
        **({"clusterIP": "None"} if headless else {}),
        "ports": [
            {"name": each, "port": number, "protocol": "TCP", "targetPort": number} for each, number in ports.items()
        ],
        "selector": selector,
    }
    return plain("v1", "Service", name, namespace, {"spec": spec}, {"app.kubernetes.io/name": name})


def services(catalogue: Catalogue, where: Where, namespace: str) -> Iterator[Object]:
    """A Service for each pod of Prometheus and Alertmanager: each member has a name of its own, as in compose."""
    replicas = catalogue.stack.members("prometheus") // catalogue.stack.shards
    for member in members(catalogue.stack, "prometheus"):
        of_shard = f"-shard-{member.shard}" if member.shard else ""
        pod = {**chosen("prometheus"), POD: f"prometheus-{NAME}{of_shard}-{member.number % replicas}"}
        yield service(f"prometheus{member.suffix}", namespace, pod, {"web": where.port("prometheus")})
    for member in members(catalogue.stack, "alertmanager"):
        pod = {**chosen("alertmanager"), POD: f"alertmanager-{NAME}-{member.number}"}
        yield service(f"alertmanager{member.suffix}", namespace, pod, {"web": where.port("alertmanager")})
