"""The catalogue's typed model, schema `tapewatch/v1`: immutable, complete, with every default filled in.

The JSON Schema for editors is made from these classes, so a field's docstring is what a person sees there.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Literal

from pydantic import Field

from tapewatch.catalogue.alerting import Receiver, Routing, TimeInterval
from tapewatch.catalogue.service_unit import ServiceUnit
from tapewatch.catalogue.stack import Stack
from tapewatch.catalogue.tls import Tls
from tapewatch.schema.types import Address, AlertName, Duration, FilePath, LabelName, MetricName, Model, Name, Url
from tapewatch_sdk.families import Family, MetricType

__all__ = [
    "Catalogue",
    "Credentials",
    "Defaults",
    "Discovery",
    "DnsDiscovery",
    "FamilySpec",
    "FileDiscovery",
    "HttpDiscovery",
    "LogAlert",
    "Logs",
    "Parameters",
    "Platform",
    "Scrape",
    "Service",
    "Slo",
    "SloLatency",
    "Tls",
    "Traces",
]

Parameters = Mapping[str, float | str | bool]
"""Parameters of an alert rule by name: a number, a duration, or `enabled: false`."""


class Platform(Model):
    """The platform that is monitored."""

    name: Name
    """Short name of the platform; titles and file headers carry it."""
    description: str = ""
    """One sentence for people."""
    runbook_url: str = "https://github.com/tapewatch/tapewatch/blob/main/alerts/tapewatch_alerts/runbooks/{alert}.md"
    """Where an alert's runbook is found; `{alert}` stands for the alert's name."""
    grafana_url: Url = "http://localhost:3000"
    """Where people open Grafana; links in alerts start with it."""


class Credentials(Model):
    """How Prometheus signs in at a service; the secret itself stands in a file."""

    type: Literal["bearer", "basic"] = "bearer"
    credentials_file: FilePath | None = None
    """Bearer token, for `type: bearer`."""
    username: str | None = None
    password_file: FilePath | None = None
    """Password, for `type: basic`."""


class Scrape(Model):
    """How a service is scraped. What is not given comes from `defaults.scrape`."""

    path: str = Field("/metrics", pattern=r"^/")
    scheme: Literal["http", "https"] = "http"
    interval: Duration = "5s"
    timeout: Duration = "4s"
    tls: Tls | None = None
    credentials: Credentials | None = None
    fallback_protocol: Literal["PrometheusText0.0.4", "PrometheusText1.0.0", "OpenMetricsText1.0.0"] = (
        "PrometheusText0.0.4"
    )
    """The format that is assumed when a service answers without a usable Content-Type."""


class Push(Model):
    """How often a service pushes that cannot be scraped."""

    interval: Duration = "15s"


class Traces(Model):
    """Tracing of a service."""

    sampling: float = Field(0.1, ge=0, le=1)
    """Share of traces that is kept, 0 to 1."""


class LogAlert(Model):
    """An alert on log lines, evaluated by Loki's ruler."""

    expr: str
    """LogQL that yields a vector; every selector in it names the service."""
    severity: Literal["critical", "high", "medium"]
    for_: Duration = Field("0s", alias="for")
    summary: str
    """One line for the person who is told."""
    description: str = ""
    """What it means, and what to look at first."""
    runbook_url: Url | None = None
    """Page that tells what to do."""


class Logs(Model):
    """Logs of a service."""

    format: Literal["json", "text"] = "json"
    via: Literal["otlp", "stdout"] = "otlp"
    """`otlp`: the service sends them to Loki itself. `stdout`: the optional log agent collects them."""
    alerts: dict[AlertName, LogAlert] = {}
    """Alerts on the service's log lines, by name."""


class Defaults(Model):
    """What holds for every service that does not say otherwise."""

    team: Name = "platform"
    tier: int = Field(2, ge=1, le=4)
    scrape: Scrape = Scrape()
    evaluation_interval: Duration = "5s"
    """How often Prometheus evaluates rules."""
    push: Push = Push()
    traces: Traces = Traces()
    logs: Logs = Logs()
    series_budget: int = Field(1000, ge=1)
    """Series that one metric family of one service may have."""


class FamilySpec(Model):
    """A metric family as it is written in the catalogue; its name is the key."""

    type: MetricType
    labels: tuple[LabelName, ...] = ()
    buckets: tuple[float, ...] = ()
    unit: str = ""
    help: str = ""


class DnsDiscovery(Model):
    """Targets from DNS."""

    names: tuple[str, ...] = Field(min_length=1)
    type: Literal["SRV", "A", "AAAA"] = "SRV"
    port: int | None = Field(None, ge=1, le=65535)
    """Needed for A and AAAA records, which carry none."""
    refresh: Duration = "30s"


class FileDiscovery(Model):
    """Targets from files that somebody else writes."""

    files: tuple[FilePath, ...] = Field(min_length=1)
    refresh: Duration = "5m"


class HttpDiscovery(Model):
    """Targets from an HTTP endpoint that answers in Prometheus's HTTP discovery format."""

    url: Url
    refresh: Duration = "1m"


class Discovery(Model):
    """Where a service's targets are found when their addresses are not fixed; exactly one of the three."""

    dns: DnsDiscovery | None = None
    file: FileDiscovery | None = None
    http: HttpDiscovery | None = None


class SloLatency(Model):
    """A latency objective on a histogram."""

    family: MetricName
    under: float = Field(gt=0)
    """In the family's unit; must be one of its bucket bounds."""


class Slo(Model):
    """A service level objective: the share of good events over a window.

    Either `total` with `bad` or `good` (counter families), or `latency`.
    """

    objective: float = Field(gt=0, lt=1)
    window: Duration = "30d"
    description: str = ""
    total: MetricName | None = None
    bad: MetricName | None = None
    good: MetricName | None = None
    latency: SloLatency | None = None


class Service(Model):
    """One service of the platform."""

    description: str = ""
    team: Name = "platform"
    tier: int = Field(2, ge=1, le=4)
    language: str = ""
    mode: Literal["scrape", "push"] = "scrape"
    """`scrape`: Prometheus pulls. `push`: the service sends by OTLP or remote write and has no address."""
    address: Address | None = None
    addresses: tuple[Address, ...] = ()
    discovery: Discovery | None = None
    scrape: Scrape = Scrape()
    push: Push = Push()
    emits: tuple[str, ...] = ()
    """Domains of metric families that the service emits."""
    logs: Logs = Logs()
    traces: Traces = Traces()
    depends_on: tuple[Name, ...] = ()
    labels: dict[LabelName, str] = {}
    """Further target labels."""
    alerts: dict[str, Parameters] = {}
    """Alert parameters for this service alone: `{OrderRejectionRateHigh: {threshold: 0.05}}`."""
    slos: dict[Name, Slo] = {}
    series_budget: int = Field(1000, ge=1)
    unit: ServiceUnit | None = None
    """Limits and hardening for its unit, on a host where `stack.systemd` runs the stack."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The fixed addresses that are scraped."""
        return ((self.address,) if self.address else ()) + self.addresses


class SchemaVersion(StrEnum):
    """Versions of the catalogue format."""

    V1 = "tapewatch/v1"


class Catalogue(Model):
    """A whole catalogue, checked and with its defaults filled in."""

    schema_: SchemaVersion = Field(alias="schema")
    platform: Platform
    environment: Name = "local"
    """Value of the target label `environment`."""
    defaults: Defaults = Defaults()
    domains: dict[str, dict[MetricName, FamilySpec]] = {}
    services: dict[Name, Service] = {}
    alerts: dict[str, Parameters] = {}
    """Alert parameters for the whole stack."""
    receivers: dict[Name, Receiver]
    routing: Routing
    time_intervals: dict[Name, tuple[TimeInterval, ...]] = {}
    slos: dict[Name, Slo] = {}
    """Objectives of every service that emits the family; a service's own stand under `services.NAME.slos`."""
    stack: Stack

    @cached_property
    def families(self) -> Mapping[str, Family]:
        """Every declared metric family by name."""
        return {
            name: Family(name, spec.type, domain, spec.labels, spec.buckets, spec.unit, spec.help)
            for domain, specs in self.domains.items()
            for name, spec in specs.items()
        }

    @cached_property
    def emits(self) -> Mapping[str, frozenset[str]]:
        """The domains that each service emits, by service."""
        return {name: frozenset(service.emits) for name, service in self.services.items()}

    def emitters(self, domain: str) -> tuple[str, ...]:
        """The services that emit a domain, in the catalogue's order."""
        return tuple(name for name, service in self.services.items() if domain in service.emits)
