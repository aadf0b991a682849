"""A catalogue -> the plan of its platform, with every port tried."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping
from typing import Any

from tapewatch.catalogue import Catalogue, Loaded, Service, seconds
from tapewatch.simulating.plan import Plan, ServicePlan
from tapewatch.simulating.wire import ROLES
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["planned", "url_of"]


def planned(loaded: Loaded, services: Iterable[str] = (), listen: str = "127.0.0.1", **more: Any) -> Plan:
    """The plan.

    Parameters:
        loaded: the catalogue, with its document for places.
        services: the services that run; all of them when empty.
        listen: IP address or host name that every service binds.
        more: the other parameters of `Plan`.

    Raises:
        ProblemsError: with every port that cannot be had.
    """
    catalogue = loaded.catalogue
    chosen = {*services} or {*catalogue.services}
    running = {name: service for name, service in catalogue.services.items() if name in chosen}
    _try_ports(loaded, running, listen)
    plays = _plays(catalogue)
    plans = tuple(_service(catalogue, name, plays[name]) for name in running)
    peers = {
        role: url_of(service, listen) if name in chosen else f"http://{service.targets[0]}"
        for name, service in catalogue.services.items()
        for role in plays[name]
        if role in ROLES and service.targets
    }
    used = {name for each in plans for name in each.families}
    families = tuple(family for family in catalogue.families.values() if family.name in used)
    return Plan(catalogue.environment, families, plans, peers, listen, **more)


def url_of(service: Service, listen: str = "127.0.0.1") -> str:
    """Base URL of a service that runs here.

    Parameters:
        service: one that has an address.
        listen: what it binds.
    """
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen, listen)  # noqa: S104 -- compared, not bound
    return f"http://{_bracketed(host)}:{_port(service.targets[0])}"


def _plays(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """The domains that each service plays: its own machine, and whatever nobody before it emits."""
    taken: set[str] = set()
    found = {}
    for name in catalogue.services:
        found[name] = tuple(each for each in catalogue.emits[name] if each == "host" or each not in taken)
        taken |= set(found[name])
    return found


def _service(catalogue: Catalogue, name: str, plays: tuple[str, ...]) -> ServicePlan:
    service = catalogue.services[name]
    pushes = service.mode != "scrape"
    return ServicePlan(
        name,
        service.team,
        dict(service.labels),
        tuple(family.name for family in catalogue.families.values() if family.domain in catalogue.emits[name]),
        plays,
        tuple(map(_port, () if pushes else service.targets)),
        service.scrape.path,
        seconds(service.push.interval) if pushes else 0.0,
        service.traces.sampling,
    )


def _try_ports(loaded: Loaded, services: Mapping[str, Service], listen: str) -> None:
    """Bind every port, and let it go again; all that cannot be had are told at once."""
    bound: dict[int, str] = {}
    sockets, problems = [], []
    for name, service in services.items():
        for index, address in enumerate(service.targets if service.mode == "scrape" else ()):
            try:
                sockets.append(_bind(listen, _port(address)))
                bound[_port(address)] = name
            except OSError as error:
                key = ("address",) if index == 0 and service.address else ("addresses", index - bool(service.address))
                place = loaded.document.place(("services", name, *key))
                problems.append(_refused(name, _port(address), listen, bound.get(_port(address), ""), error, place))
    for each in sockets:
        each.close()
    if problems:
        raise ProblemsError(problems)


def _bind(listen: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen else socket.AF_INET
    return socket.create_server((listen, port), family=family)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _refused(name: str, port: int, listen: str, owner: str, error: OSError, place: Place) -> Problem:
    if error.errno == errno.EADDRINUSE:
        return Problem(
            "simulate/port-taken",
            f"port {port} of `{name}` on {listen} is taken" + (f" by `{owner}`" if owner else ""),
            "each simulated service has its port to itself, on one machine for all of them",
            f"end what listens there (`ss -ltnp 'sport = :{port}'` names it), or choose others with --service"
            if not owner
            else "give one of the two another port, or choose one with --service",
            place,
        )
    return Problem(
        "simulate/cannot-listen",
        f"`{name}` cannot listen on {listen}:{port}: {error.strerror or error}",
        "--listen is an address of this machine, and the port is one that this user may open",
        "correct --listen, or the address in the catalogue",
        place,
    )
