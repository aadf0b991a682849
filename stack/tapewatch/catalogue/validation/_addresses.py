"""What must hold among addresses and ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tapewatch.catalogue.model import Catalogue, Service
from tapewatch.catalogue.validation._report import Check, Path, Report

__all__ = ["ADDRESSES_CHECKS", "LOCAL_HOSTS"]

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "[::1]", "[::]", "host.docker.internal"})  # noqa: S104 - names, not a bind
"""Hosts that mean the machine on which the stack runs."""


def _addresses(catalogue: Catalogue, report: Report) -> None:
    owners: dict[str, str] = {}
    listening = _listening(catalogue)
    for name, service in catalogue.services.items():
        for path, address in _placed_addresses(name, service):
            owner = owners.setdefault(address, name)
            if owner != name or (path[-1] != "address" and address in service.targets[: _index(service, path)]):
                report(
                    "same-address",
                    path,
                    f"`{name}` has the address {address} of `{owner}`",
                    "an address belongs to one service",
                    "correct one of the two",
                )
            host, _, port = address.rpartition(":")
            if int(port) in listening and (host in LOCAL_HOSTS or host == name):
                report(
                    "port-clash",
                    path,
                    f"port {port} of `{name}` is taken by `stack.ports.{listening[int(port)]}`",
                    "no service has a port that the stack listens on",
                    "change the address, or the port under `stack.ports`",
                )


def _placed_addresses(name: str, service: Service) -> Iterator[tuple[Path, str]]:
    if service.address:
        yield ("services", name, "address"), service.address
    for index, address in enumerate(service.addresses):
        yield ("services", name, "addresses", index), address


def _index(service: Service, path: Path) -> int:
    return int(path[-1]) + (service.address is not None)


def _listening(catalogue: Catalogue) -> Mapping[int, str]:
    return {port: name for name, port in catalogue.stack.ports}


def _ports(catalogue: Catalogue, report: Report) -> None:
    owners: dict[int, str] = {}
    for name, port in catalogue.stack.ports:
        owner = owners.setdefault(port, name)
        if owner != name:
            report(
                "port-clash",
                ("stack", "ports", name),
                f"port {port} is taken by `{owner}` and by `{name}`",
                "each part of the stack has a port of its own",
                "change one of the two",
            )


ADDRESSES_CHECKS: tuple[Check, ...] = (
    _addresses,
    _ports,
)
