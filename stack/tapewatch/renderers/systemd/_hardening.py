"""What no part of the stack may do."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["hardening"]

_COMMON = (
    ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""),
    ("AmbientCapabilities", ""),
    ("ProtectSystem", "strict"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("DevicePolicy", "closed"),
    ("ProtectHostname", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectControlGroups", "yes"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    # Go programs ask for the interfaces of the machine by netlink.
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"),
    ("LockPersonality", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("RemoveIPC", "yes"),
    ("KeyringMode", "private"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallFilter", "~@privileged @resources"),
    # A Go program that raises its own limits is refused that, not killed for it.
    ("SystemCallErrorNumber", "EPERM"),
    ("UMask", "0077"),
    ("LimitCORE", "0"),
)


def hardening(*, host: bool = False, among: str = "") -> Iterator[tuple[str, str]]:
    """The settings.

    Parameters:
        host: whether the part measures the machine, and so must see its processes, mounts and users.
        among: addresses with which alone it speaks; with any where it is empty.
    """
    yield from _COMMON
    yield from (("ProtectHome", "read-only"),) if host else (
        ("ProtectHome", "yes"), ("ProtectProc", "invisible"), ("PrivateUsers", "yes"),
    )  # fmt: skip
    if among:
        yield from (("IPAddressDeny", "any"), ("IPAddressAllow", among))
