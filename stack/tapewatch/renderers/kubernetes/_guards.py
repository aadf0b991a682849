"""The namespace with its pod security, who may reach whom, and what may be down at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.deployment import Kubernetes
from tapewatch.renderers.kubernetes._objects import Object, chosen, plain
from tapewatch.renderers.where import Where

__all__ = ["guards"]

_STANDARD = "pod-security.kubernetes.io"

_LOCKED_IN = ("blackbox-exporter", "jaeger", "loki", "node-exporter")
"""Parts that need nobody outside of the namespace. The blackbox exporter is one of them until something is probed."""


def guards(catalogue: Catalogue, kubernetes: Kubernetes, where: Where) -> Iterator[Object]:
    """The namespace first."""
    labels = {f"{_STANDARD}/{mode}": "restricted" for mode in ("enforce", "warn")}
    yield plain("v1", "Namespace", kubernetes.namespace, "", {}, labels)
    yield from _disruption(catalogue, kubernetes)
    yield from _network(catalogue, kubernetes, where)


def _disruption(catalogue: Catalogue, kubernetes: Kubernetes) -> Iterator[Object]:
    """Of what runs more than once, one at a time may be taken away; of a single one it would only stop the upgrade."""
    ha = catalogue.stack.high_availability
    if ha is None:
        return
    counts = {"prometheus": ha.replicas, "alertmanager": ha.alertmanagers}
    counts["history"] = ha.histories if catalogue.stack.history else 0
    for part, count in counts.items():
        if count > 1:
            spec = {"maxUnavailable": 1, "selector": {"matchLabels": chosen(part)}}
            yield plain("policy/v1", "PodDisruptionBudget", part, kubernetes.namespace, {"spec": spec})


def _network(catalogue: Catalogue, kubernetes: Kubernetes, where: Where) -> Iterator[Object]:
    """Nobody reaches the namespace but by the ports at which services deliver."""
    yield _policy(kubernetes, "inside", {}, {"policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]})
    doors: dict[str, list[int]] = {
        "prometheus": [where.port("prometheus")],
        "loki": [where.port("loki")],
        "jaeger": [where.port(name) for name in ("otlp_grpc", "otlp_http", "jaeger_sampling")],
    }
    if history := catalogue.stack.history:
        doors["history"] = [int(history.address.rpartition(":")[2])]
    for part, ports in doors.items():
        entry = {"from": [{"namespaceSelector": {}}], "ports": [{"port": port, "protocol": "TCP"} for port in ports]}
        rule = {"policyTypes": ["Ingress"], "ingress": [entry]}
        yield _policy(kubernetes, f"to-{part}", {"matchLabels": chosen(part)}, rule)
    locked_in = [each for each in _LOCKED_IN if each != "jaeger" or catalogue.stack.traces is None]
    names = {"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": locked_in}]}
    dns = [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]
    out = [{"to": [{"podSelector": {}}]}, {"to": [{"namespaceSelector": {}}], "ports": dns}]
    yield _policy(kubernetes, "locked-in", names, {"policyTypes": ["Egress"], "egress": out})


def _policy(kubernetes: Kubernetes, name: str, pods: Mapping[str, Any], rule: Mapping[str, Any]) -> Object:
    spec = {"podSelector": dict(pods), **rule}
    return plain("networking.k8s.io/v1", "NetworkPolicy", name, kubernetes.namespace, {"spec": spec})
