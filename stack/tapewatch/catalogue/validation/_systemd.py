"""What must hold for native units."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from string import ascii_lowercase

from tapewatch.catalogue.deployment import NativePart, Systemd, core_numbers
from tapewatch.catalogue.high_availability import HighAvailability
from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._report import Check, Path, Report
from tapewatch.schema.types import byte_count

__all__ = ["SYSTEMD_CHECKS"]

_NEEDS: Mapping[NativePart, int] = {
    "prometheus": 256,
    "alertmanager": 64,
    "grafana": 256,
    "loki": 256,
    "jaeger": 256,
    "node-exporter": 32,
    "blackbox-exporter": 32,
    "history": 256,
}
"""MiB below which a part does not come far: a rough bound, above what each was seen to take at rest."""


def _systemd(catalogue: Catalogue, report: Report) -> None:
    systemd = catalogue.stack.systemd
    if systemd is None:
        return
    for part, size in systemd.memory.items():
        if byte_count(size) < _NEEDS[part] << 20:
            report(
                "systemd-memory",
                ("stack", "systemd", "memory", part),
                f"{part} may have {size} of memory, and would be killed for more",
                f"at least {_NEEDS[part]}MB for {part}",
                f"set {_NEEDS[part]}MB or more, or leave it out for the default",
            )
    if catalogue.stack.bind != "127.0.0.1":
        report(
            "systemd-bind",
            ("stack", "bind"),
            f"native units listen on 127.0.0.1 or in their `network`, not on {catalogue.stack.bind}",
            "with `systemd`, `bind` is 127.0.0.1: nothing of the stack asks for a password on the network",
            "set 127.0.0.1, and put a proxy that asks who is there in front of what others should see",
        )


def _hosts(catalogue: Catalogue, report: Report) -> None:
    stack = catalogue.stack
    systemd, ha = stack.systemd, stack.high_availability
    if systemd is None:
        return
    if ha is None or not systemd.hosts:
        if bool(ha) != bool(systemd.hosts):
            report(
                "systemd-members",
                ("stack", "systemd", *(("hosts",) if systemd.hosts else ())),
                "members of one part run on hosts of their own, and "
                + ("there is one member of each" if systemd.hosts else "there is one host alone"),
                "`systemd.hosts` and `high_availability` stand together, or neither does",
                "remove `hosts`"
                if systemd.hosts
                else "add `hosts` and their private `network`, or take one of the two away",
                key=True,
            )
        return
    for check in (_letters, _addresses, _history_host, _folders):
        check(catalogue, systemd, ha, report)


def _letters(_: Catalogue, systemd: Systemd, ha: HighAvailability, report: Report) -> None:
    wanted = ascii_lowercase[: max(ha.replicas, ha.alertmanagers, ha.histories)]
    if set(wanted) != set(systemd.hosts):
        report(
            "systemd-hosts",
            ("stack", "systemd", "hosts"),
            f"there are hosts {', '.join(sorted(systemd.hosts))} for the members {', '.join(wanted)}",
            "each letter of a member has a host, and no other letter has",
            f"give an address to each of {', '.join(wanted)}",
            key=True,
        )


def _addresses(_: Catalogue, systemd: Systemd, __: HighAvailability, report: Report) -> None:
    """Nothing of the stack asks who is there: whoever reaches it may silence alerts and write series."""
    if systemd.network is None:
        report(
            "systemd-network",
            ("stack", "systemd", "hosts"),
            "the hosts reach each other in a network of which nothing is said",
            "parts of the stack listen in a private network that is theirs alone, since they ask for no password",
            "add `network: 10.0.7.0/24`, with the network that the addresses are of",
            key=True,
        )
        return
    seen: set[str] = set()
    for letter, address in systemd.hosts.items():
        if address in seen or IPv4Address(address) not in IPv4Network(systemd.network):
            what = "the address of another host" if address in seen else f"not in the network {systemd.network}"
            report(
                "systemd-hosts",
                ("stack", "systemd", "hosts", letter),
                f"{address} is {what}",
                "each host has an address of its own in `stack.systemd.network`",
                "correct the address, or the network",
            )
        seen.add(address)


def _history_host(catalogue: Catalogue, systemd: Systemd, _: HighAvailability, report: Report) -> None:
    history, first = catalogue.stack.history, systemd.hosts.get("a")
    if history is None or first is None:
        return
    host, _colon, port = history.address.rpartition(":")
    if host != first:
        report(
            "systemd-history",
            ("stack", "history", "address"),
            f"the first history runs on host a at {first}, and is looked for at {host}",
            "`stack.history.address` is an address of host a, where there are several hosts",
            f"set {first}:{port}, there and for the service that is the history",
        )
    if history.key_file is None:
        report(
            "systemd-history",
            ("stack", "history"),
            "other hosts reach the history, and it asks for no key",
            "a history that is reached from elsewhere has a `key_file`",
            "add `key_file: /run/secrets/history-key`",
            key=True,
        )


def _folders(_: Catalogue, __: Systemd, ha: HighAvailability, report: Report) -> None:
    for part in ha.data:
        report(
            "systemd-data",
            ("stack", "high_availability", "data", part),
            f"on a host {part} keeps its data in /var/lib/tapewatch/{part}",
            "folders of members are for containers that share a machine",
            "remove it, and mount the disk there",
            key=True,
        )


def _service_units(catalogue: Catalogue, report: Report) -> None:
    owners: dict[str, str] = {}
    for name, service in catalogue.services.items():
        if service.unit is None:
            continue
        here: Path = ("services", name, "unit")
        owner = owners.setdefault(service.unit.name, name)
        if owner != name or service.unit.name.startswith("tapewatch-"):
            whose = "the stack" if owner == name else f"the service `{owner}`"
            report(
                "service-unit",
                (*here, "name"),
                f"`{service.unit.name}` is a unit of {whose}",
                "each service has a unit of its own, and those of the stack are its own",
                "name the unit that runs this service alone",
            )
        if service.unit.cores and catalogue.stack.systemd:
            _cores(service.unit.cores, catalogue.stack.systemd.cores, (*here, "cores"), report)


def _cores(cores: str, stack: str | None, where: Path, report: Report) -> None:
    """Where the stack has no processors of its own it runs on all of them, and so beside whoever trades."""
    if stack is None:
        report(
            "service-cores",
            where,
            f"the stack may run on the processors {cores} too, since it has none of its own",
            "processors that trade are not among those of the stack",
            "give `stack.systemd.cores` others",
        )
    elif shared := core_numbers(cores) & core_numbers(stack):
        report(
            "service-cores",
            where,
            f"{'processor' if len(shared) == 1 else 'processors'} {', '.join(map(str, sorted(shared)))}"
            f" would be the stack's as well (`stack.systemd.cores` is {stack})",
            "processors that trade are not among those of the stack",
            "take others here, or there",
        )


SYSTEMD_CHECKS: tuple[Check, ...] = (_systemd, _hosts, _service_units)
