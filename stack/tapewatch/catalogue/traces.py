"""`stack.traces`: servers that keep traces instead of the disk of one Jaeger."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tapewatch.catalogue.tls import Tls
from tapewatch.schema.types import Address, FilePath, Model

__all__ = ["TraceStore"]


class TraceStore(Model):
    """Where Jaeger keeps traces, for as long as `stack.retention.traces` says."""

    engine: Literal["cassandra"]
    servers: tuple[Address, ...] = Field(min_length=1)
    """Some of the cluster's servers; from one that answers, Jaeger learns of the others."""
    datacenter: str = Field("datacenter1", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    """The data centre whose servers are asked, as Cassandra calls it."""
    keyspace: str = Field("jaeger", pattern=r"^[a-z][a-z0-9_]{0,47}$")
    """Where the tables are."""
    replication: int = Field(3, ge=1, le=9)
    """On how many servers each span lies; from three on, one may die and nothing is refused."""
    create: bool = True
    """Whether Jaeger makes keyspace and tables when they are not there."""
    username: str | None = None
    password_file: FilePath | None = None
    """File with the password, without a line's end."""
    tls: Tls | None = None
    """How the servers are reached by TLS; without it they are not."""
    replicas: int = Field(1, ge=1, le=9)
    """Jaegers in compose; none of them has anything that the others lack."""
