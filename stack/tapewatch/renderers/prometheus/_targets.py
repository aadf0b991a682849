"""Which labels a service's samples carry, and the groups of targets that set them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tapewatch.catalogue import Catalogue, Service

__all__ = ["target_groups", "target_labels"]


def target_labels(catalogue: Catalogue, name: str, service: Service) -> Mapping[str, str]:
    """The labels of a service: environment, service and team, then its own."""
    labels = {"environment": catalogue.environment, "service": name, "team": service.team}
    labels.update((label, service.labels[label]) for label in sorted(service.labels))
    return labels


def target_groups(catalogue: Catalogue, services: Iterable[str]) -> list[dict[str, Any]]:
    """One group a service, in the form of Prometheus's file discovery."""
    return [
        {"targets": list(service.targets), "labels": target_labels(catalogue, name, service)}
        for name, service in ((name, catalogue.services[name]) for name in services)
    ]
