"""What pods are given, what they may do, and where they go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.deployment import Kubernetes, PodPart, Resources, StoredPart
from tapewatch.catalogue.stack import Program
from tapewatch.renderers.kubernetes._objects import chosen

__all__ = ["NOBODY", "OURS", "claim", "container_security", "image", "pod_security", "resources", "spread"]

NOBODY = 65534
"""The user of Prometheus's own images."""

OURS = 10001
"""The user of our own image, of Loki's and of Jaeger's."""

_RESOURCES: Mapping[PodPart, Resources] = {
    "prometheus": Resources(cpu="500m", memory="2Gi"),
    "alertmanager": Resources(cpu="50m", memory="256Mi"),
    "loki": Resources(cpu="250m", memory="1Gi"),
    "jaeger": Resources(cpu="250m", memory="1Gi"),
    "history": Resources(cpu="500m", memory="1Gi"),
    "node-exporter": Resources(cpu="50m", memory="128Mi"),
    "blackbox-exporter": Resources(cpu="50m", memory="128Mi"),
}
"""The memory is what compose gives the containers; `tapewatch plan capacity` says what a larger platform needs."""

_VOLUMES: Mapping[StoredPart, str] = {
    "prometheus": "50Gi",
    "alertmanager": "1Gi",
    "loki": "50Gi",
    "jaeger": "20Gi",
    "history": "20Gi",
}


def image(catalogue: Catalogue, program: Program) -> str:
    """The pinned image."""
    pinned = catalogue.stack.images[program]
    return f"{pinned.image}:{pinned.version}"


def resources(kubernetes: Kubernetes, part: PodPart) -> dict[str, Any]:
    """Requests and limits. A limit of processor time would only slow a part down that nobody else needs it from."""
    given = kubernetes.resources.get(part, _RESOURCES[part])
    return {"requests": {"cpu": given.cpu, "memory": given.memory}, "limits": {"memory": given.memory}}


def claim(kubernetes: Kubernetes, part: StoredPart) -> dict[str, Any]:
    """The `spec` of a part's volume."""
    return {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": kubernetes.volumes.get(part, _VOLUMES[part])}},
        **({"storageClassName": kubernetes.storage_class} if kubernetes.storage_class else {}),
        "volumeMode": "Filesystem",
    }


def pod_security(user: int) -> dict[str, Any]:
    """What the standard `restricted` wants of a pod."""
    return {
        "fsGroup": user,
        "runAsGroup": user,
        "runAsNonRoot": True,
        "runAsUser": user,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> dict[str, Any]:
    """What it wants of a container, and that nothing is written but to volumes."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def spread(part: str) -> list[dict[str, Any]]:
    """The members of a part go to different nodes, and where there are zones to different ones."""
    chosen_ = {"matchLabels": chosen(part)}
    return [
        {"labelSelector": chosen_, "maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway"}
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]
