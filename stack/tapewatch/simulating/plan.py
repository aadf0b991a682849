"""What the processes of the platform must know, read from the catalogue once, so that none of them loads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tapewatch_sdk.families import Family, MetricType

__all__ = ["Plan", "ServicePlan"]


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service.

    Parameters:
        name: its name.
        team: whose it is.
        labels: its further target labels.
        families: names of the families that it measures.
        plays: the domains that it plays; another service that emits them too is measured by their types alone.
        ports: where it listens; none for a service that pushes.
        metrics: path of its metrics.
        push_interval: seconds between two pushes; 0 for a service that is scraped.
        sampling: share of the traces beginning there that is kept.
    """

    name: str
    team: str
    labels: Mapping[str, str]
    families: tuple[str, ...]
    plays: tuple[str, ...]
    ports: tuple[int, ...]
    metrics: str = "/metrics"
    push_interval: float = 0.0
    sampling: float = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole platform.

    Parameters:
        environment: of the catalogue.
        families: all that any of the services measures.
        services: those that run here.
        peers: base URL of the service that plays a domain, wherever it runs.
        listen: address that all ports are bound to.
        push_urls: OTLP or remote write receivers of those that push.
        seed: of the simulation.
        speed: simulated seconds in a real one.
        rate: how many times as busy as at rest.
        faults: that are on from the start, with their values.
        level: of the log lines that are written.
        control: path of the socket at which faults are switched; empty for none.
        api: base URL of the project's own API where that runs by itself; empty where it is simulated, or is not at all.
    """

    environment: str
    families: tuple[Family, ...]
    services: tuple[ServicePlan, ...]
    peers: Mapping[str, str] = field(default_factory=dict)
    listen: str = "127.0.0.1"
    push_urls: tuple[str, ...] = ()
    seed: int = 0
    speed: float = 1.0
    rate: float = 1.0
    faults: Mapping[str, str] = field(default_factory=dict)
    level: str = "info"
    control: str = ""
    api: str = ""

    def of(self, service: ServicePlan) -> Sequence[Family]:
        """The families of a service."""
        names = set(service.families)
        return [family for family in self.families if family.name in names]

    def dumps(self) -> str:
        """As text for another process."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Plan:
        """From the text of another process."""
        data = json.loads(text)
        data["families"] = tuple(_family(each) for each in data["families"])
        data["services"] = tuple(_service(each) for each in data["services"])
        data["push_urls"] = tuple(data["push_urls"])
        return cls(**data)


def _family(data: dict[str, Any]) -> Family:
    data |= {"type": MetricType(data["type"]), "labels": tuple(data["labels"]), "buckets": tuple(data["buckets"])}
    return Family(**data)


def _service(data: dict[str, Any]) -> ServicePlan:
    return ServicePlan(**{**data, **{name: tuple(data[name]) for name in ("families", "plays", "ports")}})
