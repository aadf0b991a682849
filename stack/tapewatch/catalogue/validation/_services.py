"""What must hold for each service, and between services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tapewatch.catalogue.model import Catalogue, Service
from tapewatch.catalogue.validation._names import RESERVED_LABELS
from tapewatch.catalogue.validation._report import Check, Path, Report, suggestion
from tapewatch.schema import nearest, seconds
from tapewatch_sdk.names import DRILL_PREFIX

__all__ = ["SERVICES_CHECKS"]


def _services(catalogue: Catalogue, report: Report) -> None:
    for name, service in catalogue.services.items():
        path: Path = ("services", name)
        if name.startswith(DRILL_PREFIX):
            report(
                "reserved-name",
                path,
                f"service name `{name}` is reserved",
                f"names that start with `{DRILL_PREFIX}` belong to drills",
                "rename the service",
                key=True,
            )
        _emits(catalogue, path, service, report)
        _reachable(path, service, report)
        _scrape(path, service, report)
        for label in service.labels:
            if label in RESERVED_LABELS or label.startswith("__"):
                report(
                    "reserved-label",
                    (*path, "labels", label),
                    f"label `{label}` is reserved",
                    "service, team, environment, job and instance are set by tapewatch",
                    "rename the label",
                    key=True,
                )


def _emits(catalogue: Catalogue, path: Path, service: Service, report: Report) -> None:
    for index, domain in enumerate(service.emits):
        if domain not in catalogue.domains:
            near = nearest(domain, catalogue.domains)
            report(
                "unknown-domain",
                (*path, "emits", index),
                f"unknown domain `{domain}`" + suggestion(near),
                f"a domain of the catalogue: {', '.join(catalogue.domains)}",
                f"write `{near}`" if near else "declare it under `domains`",
            )


def _reachable(path: Path, service: Service, report: Report) -> None:
    ways = [bool(service.targets), service.discovery is not None]
    if service.mode == "push" and any(ways):
        key = "address" if service.address else "addresses" if service.addresses else "discovery"
        report(
            "pushed-address",
            (*path, key),
            f"`{path[-1]}` pushes, yet has an address",
            "a service that pushes is not scraped",
            f"remove `{key}`, or `mode: push`",
            key=True,
        )
    if service.mode == "scrape" and sum(ways) != 1:
        report(
            "no-address" if not any(ways) else "two-addresses",
            path,
            f"`{path[-1]}` has {'no address' if not any(ways) else 'both addresses and a discovery'}",
            "a scraped service has `address`, `addresses` or `discovery`, one of them",
            "add `address: host:port`, or `mode: push`" if not any(ways) else "keep one of them",
            key=True,
        )
    found = service.discovery
    if found is not None:
        given = [key for key in ("dns", "file", "http") if getattr(found, key) is not None]
        if len(given) != 1:
            report(
                "discovery",
                (*path, "discovery"),
                f"discovery of `{path[-1]}` names {len(given)} ways",
                "exactly one of dns, file and http",
                "keep one of them",
                key=True,
            )
        if found.dns is not None and found.dns.type != "SRV" and found.dns.port is None:
            report(
                "discovery",
                (*path, "discovery", "dns"),
                f"DNS {found.dns.type} records carry no port",
                "`port` is given for A and AAAA records",
                "add `port:`",
                key=True,
            )


def _scrape(path: Path, service: Service, report: Report) -> None:
    scrape = service.scrape
    if seconds(scrape.interval) == 0 or seconds(scrape.timeout) == 0:
        report(
            "zero-interval",
            (*path, "scrape"),
            "a scrape interval or timeout of 0",
            "intervals and timeouts are longer than 0",
            "give a duration such as 5s",
            key=True,
        )
    if seconds(scrape.timeout) > seconds(scrape.interval):
        report(
            "scrape-timeout",
            (*path, "scrape", "timeout"),
            f"scrape timeout {scrape.timeout} is longer than the interval {scrape.interval}",
            "the timeout is at most the interval",
            f"set `timeout: {scrape.interval}` or less",
        )
    wanted = {"bearer": ("credentials_file",), "basic": ("username", "password_file")}
    if scrape.credentials is not None:
        for key in wanted[scrape.credentials.type]:
            if getattr(scrape.credentials, key) is None:
                report(
                    "credentials",
                    (*path, "scrape", "credentials"),
                    f"`{scrape.credentials.type}` credentials need `{key}`",
                    f"{' and '.join(wanted[scrape.credentials.type])} are given",
                    f"add `{key}:`",
                    key=True,
                )


def _dependencies(catalogue: Catalogue, report: Report) -> None:
    for name, service in catalogue.services.items():
        for index, other in enumerate(service.depends_on):
            if other not in catalogue.services:
                near = nearest(other, catalogue.services)
                report(
                    "unknown-service",
                    ("services", name, "depends_on", index),
                    f"unknown service `{other}`" + suggestion(near),
                    "a service of the catalogue",
                    f"write `{near}`" if near else "remove it, or add the service",
                )
    for cycle in _cycles({name: service.depends_on for name, service in catalogue.services.items()}):
        report(
            "dependency-cycle",
            ("services", cycle[0], "depends_on"),
            f"services depend on each other in a circle: {' -> '.join((*cycle, cycle[0]))}",
            "dependencies have a direction",
            "remove one of these dependencies",
            key=True,
        )


def _cycles(graph: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """One cycle for each group of services that depend on each other; without recursion, for long chains."""
    done: set[str] = set()
    for start in graph:
        trail: dict[str, None] = {}
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                trail.popitem()
                done.add(node)
            elif node in trail:
                whole = list(trail)
                yield tuple(whole[whole.index(node) :])
            elif node not in done and node in graph:
                trail[node] = None
                stack.append((node, True))
                stack.extend((other, False) for other in reversed(graph[node]))


SERVICES_CHECKS: tuple[Check, ...] = (
    _services,
    _dependencies,
)
