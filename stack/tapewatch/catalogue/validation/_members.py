"""What must hold so that the members of a part do not meet at a port, and differ in a label of their own."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.catalogue.high_availability import HighAvailability, Replicated
from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._addresses import LOCAL_HOSTS
from tapewatch.catalogue.validation._report import Check, Path, Report

__all__ = ["MEMBERS_CHECKS", "bearers"]


def _ports(catalogue: Catalogue, report: Report) -> None:
    """Members differ in ports where they share a host; each port of any of them is its own."""
    taken = {port: f"`stack.ports.{name}`" for name, port in catalogue.stack.ports} | _service_ports(catalogue)
    for number, (what, port) in _member_ports(catalogue):
        owner = taken.setdefault(port, what)
        if owner != what or port > 65535:
            where, fix = _setting(catalogue, number)
            report(
                "port-clash",
                where,
                f"port {port} of {what} is " + ("above 65535" if port > 65535 else f"taken by {owner}"),
                "each member has ports of its own, `high_availability.port_step` above those of the one before",
                fix,
            )


def _setting(catalogue: Catalogue, number: int) -> tuple[Path, str]:
    """What is to be changed: the step is a setting of the pairs, which are not there where there are shards alone."""
    if catalogue.stack.high_availability is None:
        return ("stack", "shards"), "change the address, `stack.ports.prometheus`, or the number of shards"
    key = "cluster_port" if number == 0 else "port_step"
    return ("stack", "high_availability", key), f"set another `{key}`"


def _service_ports(catalogue: Catalogue) -> dict[int, str]:
    history = catalogue.stack.history
    addresses = [
        (name, address)
        for name, service in catalogue.services.items()
        for address in service.targets
        if history is None or address != history.address
    ]
    return {
        int(address.rpartition(":")[2]): f"the service `{name}`"
        for name, address in addresses
        if address.rpartition(":")[0] in {*LOCAL_HOSTS, name}
    }


def _member_ports(catalogue: Catalogue) -> Iterator[tuple[int, tuple[str, int]]]:
    """The ports that no other setting names: those of further members, and the cluster's."""
    stack = catalogue.stack
    step = (stack.high_availability or HighAvailability()).port_step
    if ha := stack.high_availability:
        for number in range(ha.alertmanagers):
            yield number, (f"cluster member {number + 1}", ha.cluster_port + number * step)
    first: dict[Replicated, int] = {
        "prometheus": stack.ports.prometheus,
        "alertmanager": stack.ports.alertmanager,
    }
    if stack.history is not None:
        first["history"] = int(stack.history.address.rpartition(":")[2])
    for part, port in first.items():
        for number in range(1, stack.members(part)):
            yield number, (f"{part} {number + 1}", port + number * step)


def bearers(catalogue: Catalogue, label: str) -> Iterator[str]:
    """What has a label in which members shall differ, in words: "a label of the service `api`"."""
    if label in catalogue.stack.external_labels:
        yield "one of `stack.external_labels`"
    for name, service in catalogue.services.items():
        if label in service.labels:
            yield f"a label of the service `{name}`"
    for name, family in catalogue.families.items():
        if label in family.labels:
            yield f"a label of the metric `{name}`"


MEMBERS_CHECKS: tuple[Check, ...] = (_ports,)
