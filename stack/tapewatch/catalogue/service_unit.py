"""`services.NAME.unit`: limits and hardening for the unit of a monitored service."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tapewatch.catalogue.deployment import Cores
from tapewatch.schema.types import Bytes, Model

__all__ = ["ServiceUnit"]

UnitName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:_.@\\-]*\.service$", max_length=200)]

Capability = Annotated[str, StringConstraints(pattern=r"^CAP_[A-Z_]+$")]


class ServiceUnit(Model):
    """A drop-in for a unit that is somebody else's; where nothing is set, nothing is changed."""

    name: UnitName
    """The unit's own name, such as `md-feed.service`."""
    cores: Cores | None = None
    """Processors that the service runs on; none that `stack.systemd.cores` gives to the stack."""
    memory: Bytes | None = None
    """Memory above which it is killed; it is never slowed down before. Huge pages do not count."""
    tasks: int | None = Field(None, ge=1)
    """Threads and processes at most."""
    files: int | None = Field(None, ge=64)
    """Files and connections that it may have open."""
    hardening: Literal["none", "light", "full"] = "light"
    """`light` costs nothing while the service runs; `full` has a filter that every system call goes through."""
    capabilities: tuple[Capability, ...] = ()
    """What it may do beyond an ordinary user, such as `CAP_NET_RAW`; a program's own capabilities do not count any more
    once it is hardened."""
    telemetry: bool = False
    """Whether it is told by its environment where the stack takes spans and log lines."""
