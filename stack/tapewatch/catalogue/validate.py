"""What must hold between the parts of a catalogue, beyond the type of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from tapewatch.schema import nearest, seconds
from tapewatch.catalogue.inherit import written_path
from tapewatch.catalogue._delivery import DELIVERY_CHECKS
from tapewatch.catalogue._slos import SLO_CHECKS
from tapewatch.catalogue.model import Catalogue, Service
from tapewatch.documents import Document
from tapewatch_sdk.families import MetricType
from tapewatch_sdk.names import DRILL_PREFIX, RESERVED_RECEIVERS, TARGET_LABELS
from tapewatch_sdk.problems import Problem

__all__ = ["validate"]

Path = tuple[str | int, ...]
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "[::1]", "[::]", "host.docker.internal"})
_RESERVED_LABELS = frozenset({*TARGET_LABELS, "le", "quantile", "alertname", "severity", "domain", "extent"})
_PROGRAMS = (
    "prometheus", "alertmanager", "grafana", "loki", "jaeger", "alloy", "node_exporter", "blackbox_exporter",
)  # fmt: skip


class _Report:
    """Collects problems and places each in the document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.problems: list[Problem] = []

    def __call__(self, code: str, path: Path, summary: str, must: str, fix: str, *, key: bool = False) -> None:
        where = self._document.place(written_path(self._document, path), key=key)
        self.problems.append(Problem(f"catalogue/{code}", summary, must, fix, where))


def validate(catalogue: Catalogue, document: Document) -> list[Problem]:
    """Everything that is wrong between the parts of a catalogue, placed in the document that it came from."""
    report = _Report(document)
    for check in _CHECKS:
        check(catalogue, report)
    return report.problems


def _families(catalogue: Catalogue, report: _Report) -> None:
    first: dict[str, str] = {}
    for domain, families in catalogue.domains.items():
        for name, family in families.items():
            path: Path = ("domains", domain, name)
            if name in first:
                report("duplicate-family", path, f"metric family `{name}` is declared in `{first[name]}` and again in `{domain}`",
                       "a metric family belongs to one domain", "remove one of the two declarations", key=True)  # fmt: skip
            first.setdefault(name, domain)
            _buckets(path, family.type is MetricType.HISTOGRAM, family.buckets, report)
            if family.type is MetricType.COUNTER and not name.endswith("_total"):
                report("counter-name", path, f"counter `{name}` does not end in `_total`",
                       "a counter's name ends in `_total`, as OpenMetrics has it", f"rename it to `{name}_total`", key=True)  # fmt: skip
            for index, label in enumerate(family.labels):
                if label in _RESERVED_LABELS:
                    report("reserved-label", (*path, "labels", index), f"label `{label}` of `{name}` is reserved",
                           "target labels and `le` are set by Prometheus", "rename the label")  # fmt: skip
                if label in family.labels[:index]:
                    report("duplicate-label", (*path, "labels", index), f"label `{label}` of `{name}` stands twice",
                           "each label once", "remove one")  # fmt: skip


def _buckets(path: Path, histogram: bool, buckets: Sequence[float], report: _Report) -> None:
    if histogram and len(buckets) < 2:
        report("buckets", path, f"histogram `{path[-1]}` declares fewer than two buckets",
               "a histogram declares its finite bucket bounds", "add `buckets: [...]`", key=True)  # fmt: skip
    if not histogram and buckets:
        report("buckets", (*path, "buckets"), f"`{path[-1]}` has buckets but is no histogram",
               "only a histogram has buckets", "remove `buckets`, or make it `type: histogram`", key=True)  # fmt: skip
    if any(low >= high for low, high in pairwise(buckets)) or any(bound != bound for bound in buckets):
        report("buckets", (*path, "buckets"), f"the buckets of `{path[-1]}` do not rise",
               "bounds are finite and rise strictly; +Inf is added by itself", "put them into order")  # fmt: skip
    elif buckets and buckets[-1] == float("inf"):
        report("buckets", (*path, "buckets"), f"the buckets of `{path[-1]}` end in infinity",
               "bounds are finite; +Inf is added by itself", "remove the last bound")  # fmt: skip


def _services(catalogue: Catalogue, report: _Report) -> None:
    for name, service in catalogue.services.items():
        path: Path = ("services", name)
        if name.startswith(DRILL_PREFIX):
            report("reserved-name", path, f"service name `{name}` is reserved",
                   f"names that start with `{DRILL_PREFIX}` belong to drills", "rename the service", key=True)  # fmt: skip
        _emits(catalogue, path, service, report)
        _reachable(path, service, report)
        _scrape(path, service, report)
        for label in service.labels:
            if label in _RESERVED_LABELS or label.startswith("__"):
                report("reserved-label", (*path, "labels", label), f"label `{label}` is reserved",
                       "service, team, environment, job and instance are set by tapewatch", "rename the label", key=True)  # fmt: skip


def _emits(catalogue: Catalogue, path: Path, service: Service, report: _Report) -> None:
    for index, domain in enumerate(service.emits):
        if domain not in catalogue.domains:
            near = nearest(domain, catalogue.domains)
            report("unknown-domain", (*path, "emits", index), f"unknown domain `{domain}`" + (f"; did you mean `{near}`?" if near else ""),
                   f"a domain of the catalogue: {', '.join(catalogue.domains)}",
                   f"write `{near}`" if near else "declare it under `domains`")  # fmt: skip


def _reachable(path: Path, service: Service, report: _Report) -> None:
    ways = [bool(service.targets), service.discovery is not None]
    if service.mode == "push" and any(ways):
        key = "address" if service.address else "addresses" if service.addresses else "discovery"
        report("pushed-address", (*path, key), f"`{path[-1]}` pushes, yet has an address",
               "a service that pushes is not scraped", f"remove `{key}`, or `mode: push`", key=True)  # fmt: skip
    if service.mode == "scrape" and sum(ways) != 1:
        report("no-address" if not any(ways) else "two-addresses", path,
               f"`{path[-1]}` has {'no address' if not any(ways) else 'both addresses and a discovery'}",
               "a scraped service has `address`, `addresses` or `discovery`, one of them",
               "add `address: host:port`, or `mode: push`" if not any(ways) else "keep one of them", key=True)  # fmt: skip
    found = service.discovery
    if found is not None:
        given = [key for key in ("dns", "file", "http") if getattr(found, key) is not None]
        if len(given) != 1:
            report("discovery", (*path, "discovery"), f"discovery of `{path[-1]}` names {len(given)} ways",
                   "exactly one of dns, file and http", "keep one of them", key=True)  # fmt: skip
        if found.dns is not None and found.dns.type != "SRV" and found.dns.port is None:
            report("discovery", (*path, "discovery", "dns"), f"DNS {found.dns.type} records carry no port",
                   "`port` is given for A and AAAA records", "add `port:`", key=True)  # fmt: skip


def _scrape(path: Path, service: Service, report: _Report) -> None:
    scrape = service.scrape
    if seconds(scrape.interval) == 0 or seconds(scrape.timeout) == 0:
        report("zero-interval", (*path, "scrape"), "a scrape interval or timeout of 0",
               "intervals and timeouts are longer than 0", "give a duration such as 5s", key=True)  # fmt: skip
    if seconds(scrape.timeout) > seconds(scrape.interval):
        report("scrape-timeout", (*path, "scrape", "timeout"), f"scrape timeout {scrape.timeout} is longer than the interval {scrape.interval}",
               "the timeout is at most the interval", f"set `timeout: {scrape.interval}` or less")  # fmt: skip
    wanted = {"bearer": ("credentials_file",), "basic": ("username", "password_file")}
    if scrape.credentials is not None:
        for key in wanted[scrape.credentials.type]:
            if getattr(scrape.credentials, key) is None:
                report("credentials", (*path, "scrape", "credentials"), f"`{scrape.credentials.type}` credentials need `{key}`",
                       f"{' and '.join(wanted[scrape.credentials.type])} are given", f"add `{key}:`", key=True)  # fmt: skip


def _addresses(catalogue: Catalogue, report: _Report) -> None:
    owners: dict[str, str] = {}
    listening = _listening(catalogue)
    for name, service in catalogue.services.items():
        for path, address in _placed_addresses(name, service):
            owner = owners.setdefault(address, name)
            if owner != name or (path[-1] != "address" and address in service.targets[: _index(service, path)]):
                report("same-address", path, f"`{name}` has the address {address} of `{owner}`",
                       "an address belongs to one service", "correct one of the two")  # fmt: skip
            host, _, port = address.rpartition(":")
            if int(port) in listening and (host in _LOCAL_HOSTS or host == name):
                report("port-clash", path, f"port {port} of `{name}` is taken by `stack.ports.{listening[int(port)]}`",
                       "no service has a port that the stack listens on", "change the address, or the port under `stack.ports`")  # fmt: skip


def _placed_addresses(name: str, service: Service) -> Iterator[tuple[Path, str]]:
    if service.address:
        yield ("services", name, "address"), service.address
    for index, address in enumerate(service.addresses):
        yield ("services", name, "addresses", index), address


def _index(service: Service, path: Path) -> int:
    return int(path[-1]) + (service.address is not None)


def _listening(catalogue: Catalogue) -> Mapping[int, str]:
    return {port: name for name, port in catalogue.stack.ports}


def _ports(catalogue: Catalogue, report: _Report) -> None:
    owners: dict[int, str] = {}
    for name, port in catalogue.stack.ports:
        owner = owners.setdefault(port, name)
        if owner != name:
            report("port-clash", ("stack", "ports", name), f"port {port} is taken by `{owner}` and by `{name}`",
                   "each part of the stack has a port of its own", "change one of the two")  # fmt: skip


def _dependencies(catalogue: Catalogue, report: _Report) -> None:
    for name, service in catalogue.services.items():
        for index, other in enumerate(service.depends_on):
            if other not in catalogue.services:
                near = nearest(other, catalogue.services)
                report("unknown-service", ("services", name, "depends_on", index),
                       f"unknown service `{other}`" + (f"; did you mean `{near}`?" if near else ""),
                       "a service of the catalogue", f"write `{near}`" if near else "remove it, or add the service")  # fmt: skip
    for cycle in _cycles({name: service.depends_on for name, service in catalogue.services.items()}):
        report("dependency-cycle", ("services", cycle[0], "depends_on"), f"services depend on each other in a circle: {' -> '.join((*cycle, cycle[0]))}",
               "dependencies have a direction", "remove one of these dependencies", key=True)  # fmt: skip


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


def _receivers(catalogue: Catalogue, report: _Report) -> None:
    for name, receiver in catalogue.receivers.items():
        path: Path = ("receivers", name)
        if name in RESERVED_RECEIVERS:
            report("reserved-name", path, f"receiver name `{name}` is reserved", "tapewatch adds that receiver itself", "rename it", key=True)  # fmt: skip
        if not (receiver.webhook or receiver.slack or receiver.pagerduty or receiver.email):
            report("empty-receiver", path, f"receiver `{name}` tells nobody", "a receiver has at least one way to reach somebody",
                   "add `webhook`, `slack`, `pagerduty` or `email`", key=True)  # fmt: skip
        for index, hook in enumerate(receiver.webhook):
            if (hook.url is None) == (hook.url_file is None):
                report("webhook", (*path, "webhook", index), f"webhook {index + 1} of `{name}` needs one of `url` and `url_file`",
                       "exactly one of them", "keep one; a URL that is a secret goes into a file")  # fmt: skip


def _routing(catalogue: Catalogue, report: _Report) -> None:
    for path, receiver in _routed(catalogue):
        if receiver not in catalogue.receivers:
            near = nearest(receiver, catalogue.receivers)
            report("unknown-receiver", path, f"unknown receiver `{receiver}`" + (f"; did you mean `{near}`?" if near else ""),
                   f"a receiver of the catalogue: {', '.join(catalogue.receivers)}", f"write `{near}`" if near else "add the receiver")  # fmt: skip
    for severity, route in catalogue.routing.by_severity.items():
        for key in ("mute", "active"):
            for index, interval in enumerate(getattr(route, key)):
                if interval not in catalogue.time_intervals:
                    report("unknown-interval", ("routing", severity, key, index), f"unknown time interval `{interval}`",
                           "a name under `time_intervals`", "add the interval, or correct the name")  # fmt: skip
    teams = {service.team for service in catalogue.services.values()} | {catalogue.defaults.team}
    for team in catalogue.routing.teams:
        if team not in teams:
            near = nearest(team, sorted(teams))
            report("unknown-team", ("routing", "teams", team), f"no service belongs to team `{team}`" + (f"; did you mean `{near}`?" if near else ""),
                   "a team that owns a service", f"write `{near}`" if near else "remove the route", key=True)  # fmt: skip


def _routed(catalogue: Catalogue) -> Iterator[tuple[Path, str]]:
    for severity, route in catalogue.routing.by_severity.items():
        yield ("routing", severity, "receiver"), route.receiver
    for team, receivers in catalogue.routing.teams.items():
        for key, receiver in receivers.items():
            yield ("routing", "teams", team, key), receiver


def _stack(catalogue: Catalogue, report: _Report) -> None:
    stack = catalogue.stack
    missing = [program for program in _PROGRAMS if program not in stack.images]
    if missing:
        report("missing-image", ("stack", "images"), f"no version is pinned for {', '.join(missing)}",
               "`stack.images` pins every program of the stack", "add `NAME: {image: ..., version: ...}`", key=True)  # fmt: skip
    if seconds(stack.retention.logs) < 86400:
        report("retention", ("stack", "retention", "logs"), f"log retention {stack.retention.logs} is too short",
               "Loki keeps logs for at least 24h", "set 24h or more")  # fmt: skip
    for key in ("metrics", "traces"):
        if seconds(getattr(stack.retention, key)) == 0:
            report("retention", ("stack", "retention", key), f"retention of {key} is 0", "longer than 0", "set a duration such as 7d")  # fmt: skip
    if seconds(catalogue.defaults.evaluation_interval) == 0:
        report("zero-interval", ("defaults", "evaluation_interval"), "an evaluation interval of 0", "longer than 0", "set 5s")  # fmt: skip
    names = [remote.name for remote in stack.remote_write]
    for index, name in enumerate(names):
        if name in names[:index]:
            report("duplicate-remote", ("stack", "remote_write", index, "name"), f"remote write `{name}` stands twice", "names are unique", "rename one")  # fmt: skip


_CHECKS: Iterable[Callable[[Catalogue, _Report], None]] = (
    _families,
    _services,
    _addresses,
    _ports,
    _dependencies,
    _receivers,
    _routing,
    _stack,
    *DELIVERY_CHECKS,
    *SLO_CHECKS,
)
