"""The `stack:` section: how the monitoring itself runs."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from tapewatch.catalogue.deployment import Kubernetes, Systemd
from tapewatch.catalogue.high_availability import HighAvailability, Replicated
from tapewatch.catalogue.long_term import LongTerm
from tapewatch.catalogue.remote_write import RemoteWrite
from tapewatch.catalogue.traces import TraceStore
from tapewatch.schema.types import Address, Bytes, Duration, FilePath, LabelName, Model, Url

__all__ = [
    "ENGINES", "PARTS", "SHARD", "Heartbeat", "History", "Image", "Ports", "RemoteWrite", "Retention", "Stack",
]  # fmt: skip

PARTS = (
    "prometheus", "alertmanager", "grafana", "loki", "jaeger", "node-exporter", "blackbox-exporter", "alloy",
)  # fmt: skip
"""The parts of the stack: their host names in compose, and the label `service` of what they measure of themselves."""

ENGINES = ("mimir", "thanos")
"""The parts that are there with `stack.long_term` alone."""

SHARD = "shard"
"""External label in which shards differ; it is dropped before an alert leaves."""

Port = Annotated[int, Field(ge=1, le=65535)]


def _ip(value: str) -> str:
    try:
        ip_address(value)
    except ValueError as error:
        raise PydanticCustomError(
            "bad_bind",
            "{value} is not an IP address",
            {"value": repr(value), "must": "an IP address such as 127.0.0.1"},
        ) from error
    return value


CollectedName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
"""What the store calls something that it keeps: `samples`, `1m`, a collector's table."""


class Ports(Model):
    """Ports on the host; also those that nobody publishes, because natively they are taken all the same."""

    prometheus: Port = 9090
    alertmanager: Port = 19093
    """Not 9093, which is the risk manager's on the host."""
    grafana: Port = 3000
    jaeger: Port = 16686
    otlp_grpc: Port = 4317
    otlp_http: Port = 4318
    loki: Port = 3100
    loki_grpc: Port = 19095
    """Neither Loki's default 9095 nor 9096: both are services of the sample platform."""
    jaeger_grpc: Port = 16685
    """Jaeger's query API over gRPC, which it always opens."""
    jaeger_health: Port = 13133
    jaeger_metrics: Port = 8888
    """Jaeger's own metrics."""
    jaeger_sampling: Port = 5778
    """Where services ask which share of traces they keep."""
    span_metrics: Port = 8889
    """Metrics that Jaeger derives from spans."""
    node_exporter: Port = 9100
    blackbox_exporter: Port = 9115
    alloy: Port = 12345
    long_term: Port = 9009
    """Where the long-term engine is asked, over HTTP."""
    long_term_grpc: Port = 9005
    """Where its processes talk to each other."""
    long_term_write: Port = 9008
    """Where Thanos takes samples; Mimir takes them where it is asked."""
    drill: Port = 9099
    """Where a running drill takes Alertmanager's messages; nobody listens there between drills."""


class Retention(Model):
    """How long the stack keeps what it stores."""

    metrics: Duration = "7d"
    metrics_size: Bytes | None = None
    """Upper limit of Prometheus's disk use."""
    logs: Duration = "168h"
    """At least 24h, Loki's own minimum."""
    traces: Duration = "72h"


class Heartbeat(Model):
    """Where the monitoring itself shows that it lives: an external service that raises alarm when the beats stop."""

    url: Url | None = None
    """The service's address, to which each beat is posted."""
    url_file: FilePath | None = None
    """File with the URL, when the URL is a secret; exactly one of the two."""
    credentials_file: FilePath | None = None
    """File with a bearer token that is sent along."""
    interval: Duration = "1m"
    """Time between two beats; four evaluation intervals at least."""


class History(Model):
    """tapewatch's own history (bridge, store, API and live page), which runs beside the stack."""

    address: Address = "api:8000"
    """Where the others reach it; a service of the catalogue with this address is the history itself."""
    key_file: FilePath | None = "/run/tapewatch/history/api-key"
    """File with the key that its callers show, made at the first start in compose; `null` where it is on loopback."""
    keep: Mapping[CollectedName, Duration] = {}
    """How long what is kept, where it differs from the store's defaults; by what is kept, or a collector's table."""
    grafana: bool = False
    """Whether Grafana has a data source for its API, of the plugin Infinity, which it fetches at its first start."""


class Image(Model):
    """A pinned program of the stack."""

    image: str
    """Image name without tag."""
    version: str
    """Tag of the image, which is the program's version."""
    module: str | None = None
    """Go module and version from which the same program is built where no image can be pulled."""


Program = Literal[
    "prometheus",
    "alertmanager",
    "grafana",
    "loki",
    "jaeger",
    "alloy",
    "node_exporter",
    "blackbox_exporter",
    "mimir",
    "thanos",
    "tapewatch",
]


class Stack(Model):
    """How the monitoring stack itself runs."""

    bind: Annotated[str, AfterValidator(_ip)] = "127.0.0.1"
    """Address on which ports are published."""
    ports: Ports = Ports()
    retention: Retention = Retention()
    external_labels: dict[LabelName, str] = {}
    """Labels that Prometheus adds to everything that leaves it."""
    heartbeat: Heartbeat | None = None
    """Where the monitoring itself shows that it lives."""
    remote_write: tuple[RemoteWrite, ...] = ()
    """Where Prometheus sends a copy of its samples."""
    history: History | None = None
    """tapewatch's own history: every alert is told it, and it runs in compose beside the stack."""
    simulate: bool = False
    """Whether the sample platform runs in compose beside the stack: one container that stands in for every service."""
    high_availability: HighAvailability | None = None
    """What runs more than once."""
    shards: int = Field(1, ge=1)
    """Prometheus servers (or pairs) among which the services are spread, by a hash of the service's name."""
    shards_before: int | None = Field(None, ge=1)
    """How many shards there were, as long as services are moving: those that move are on their old shard and on their
    new one."""
    long_term: LongTerm | None = None
    """The engine that keeps metrics for years, and asks every shard at once."""
    traces: TraceStore | None = None
    """Servers that keep traces instead of the disk of one Jaeger."""
    systemd: Systemd | None = None
    """Native units for a host without containers."""
    kubernetes: Kubernetes | None = None
    """Objects for a cluster."""
    images: Mapping[Program, Image]
    """Every program of the stack with its version: the one place where versions are pinned."""

    @property
    def own_engine(self) -> LongTerm | None:
        """The long-term engine, where it is the stack's own to run and not somebody else's at an address."""
        return self.long_term if self.long_term and self.long_term.address is None else None

    @property
    def shard_count(self) -> int:
        """How many shards run: all of those before, too, while services are moving."""
        return max(self.shards, self.shards_before or 1)

    def members(self, part: Replicated) -> int:
        """How many members a part has, over all shards."""
        each = self.high_availability.count(part) if self.high_availability else 1
        return each * (self.shard_count if part == "prometheus" else 1)
