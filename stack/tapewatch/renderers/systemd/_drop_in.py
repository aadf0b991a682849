"""Limits and hardening for the units of the monitored services, beside those that their owners wrote."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.service_unit import ServiceUnit
from tapewatch.renderers.systemd._unit import escaped, unit_text
from tapewatch.renderers.where import Where
from tapewatch.schema.types import byte_count
from tapewatch_sdk.plugins import File

__all__ = ["drop_ins"]

_NEVER = (
    "CAP_AUDIT_CONTROL", "CAP_AUDIT_READ", "CAP_LINUX_IMMUTABLE", "CAP_MAC_ADMIN", "CAP_MAC_OVERRIDE", "CAP_MKNOD",
    "CAP_SYSLOG", "CAP_SYS_BOOT", "CAP_SYS_MODULE", "CAP_SYS_PACCT", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG",
    "CAP_WAKE_ALARM",
)  # fmt: skip
"""What no trading service needs, whoever it runs as."""

_LIGHT = (
    ("NoNewPrivileges", "yes"),
    ("ProtectSystem", "full"),
    ("ProtectControlGroups", "yes"),
    ("KeyringMode", "private"),
)
"""Kept by the kernel without a look at each system call. Not among them, since trading lives by it: devices (clocks,
cards that bypass the kernel), `/proc/sys` and `/sys` (huge pages, interrupts), `/tmp` and homes (files, sockets)."""

_FULL = (
    ("ProtectHome", "read-only"),
    ("PrivateTmp", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("RestrictNamespaces", "yes"),
    ("RestrictSUIDSGID", "yes"),
    # Cards that bypass the kernel are reached by the last two.
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET AF_XDP"),
    ("LockPersonality", "yes"),
    ("RemoveIPC", "yes"),
    ("SystemCallArchitectures", "native"),
    # @resources and @memlock are in it: real-time scheduling, processors, memory that is locked or near.
    ("SystemCallFilter", "@system-service perf_event_open bpf"),
    ("SystemCallErrorNumber", "EPERM"),
)
"""Each of them makes every system call some tens of nanoseconds longer. Still without a ban on devices, on real-time
scheduling and on code that is made while it runs."""


def drop_ins(catalogue: Catalogue, where: Where) -> Iterator[File]:
    """The files below `etc`; none for a service that the catalogue gives no unit.

    Parameters:
        catalogue: of the stack.
        where: where the parts are.
    """
    for name, service in catalogue.services.items():
        if service.unit is not None:
            lines = [*_limits(service.unit), *_hardening(service.unit)]
            if service.unit.telemetry:
                lines += _telemetry(catalogue, name, where)
            yield File(f"systemd/system/{service.unit.name}.d/50-tapewatch.conf", unit_text({"Service": lines}))


def _limits(unit: ServiceUnit) -> Iterator[tuple[str, str]]:
    if unit.cores:
        yield "CPUAffinity", ""  # otherwise it would be added to those that the unit names
        yield "CPUAffinity", unit.cores
    if unit.memory:
        yield "MemoryHigh", "infinity"  # what is above it would be slowed down, and trade late
        yield "MemoryMax", str(byte_count(unit.memory))
        yield "MemorySwapMax", "0"
    if unit.tasks:
        yield "TasksMax", str(unit.tasks)
    if unit.files:
        yield "LimitNOFILE", str(unit.files)


def _hardening(unit: ServiceUnit) -> Iterator[tuple[str, str]]:
    if unit.hardening != "none":
        yield from _LIGHT
        yield "CapabilityBoundingSet", _most(unit)
        # What a program could do by its own capabilities, which do not count any more.
        yield "LimitRTPRIO", "99"
        yield "LimitNICE", "-20"
        yield "LimitMEMLOCK", "infinity"
    if unit.hardening == "full":
        yield from _FULL
    if unit.capabilities:
        yield "AmbientCapabilities", " ".join(unit.capabilities)


def _most(unit: ServiceUnit) -> str:
    """What it may become able to do at most: with a filter no more than it asks for, and what makes it quick."""
    if unit.hardening == "full":
        return " ".join(dict.fromkeys(("CAP_SYS_NICE", "CAP_IPC_LOCK", *unit.capabilities)))
    return f"~{' '.join(each for each in _NEVER if each not in unit.capabilities)}"


def _telemetry(catalogue: Catalogue, name: str, where: Where) -> Iterator[tuple[str, str]]:
    service = catalogue.services[name]
    for key, value in (
        ("ENVIRONMENT", catalogue.environment),
        ("OTEL_SERVICE_NAME", name),
        ("OTEL_RESOURCE_ATTRIBUTES", f"service={name},team={service.team},environment={catalogue.environment}"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://{where.reach('otlp_http')}/v1/traces"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", f"http://{where.reach('loki')}/otlp/v1/logs"),
        ("TAPEWATCH_SAMPLING_URL", f"http://{where.reach('jaeger_sampling')}/sampling"),
    ):
        yield "Environment", escaped(key, value)
