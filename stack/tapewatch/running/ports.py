"""Ports that somebody else listens on."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterable, Iterator, Mapping

from tapewatch.running.containers import Container
from tapewatch.running.docker import Docker
from tapewatch.running.project import Port, Service
from tapewatch_sdk.problems import Place, Problem

__all__ = ["clash_in", "free_ports", "taken_ports"]

_CLASH = re.compile(
    r"(?:bind for|listen (?:tcp|udp)[46]?|bind host port(?: for)?) "
    r"(?:\[(?P<six>[\da-f:]*)\]|(?P<four>[\d.]*)):(?P<port>\d+)\b.*already (?:allocated|in use)",
    re.IGNORECASE,
)


def free_ports(*names: str) -> dict[str, int]:
    """A port of loopback for each name, all of them different; nobody listens there just now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    free = {name: int(each.getsockname()[1]) for name, each in zip(names, sockets, strict=True)}
    for each in sockets:
        each.close()
    return free


def taken_ports(docker: Docker, services: Iterable[Service], own: Mapping[str, Container]) -> list[Problem]:
    """A problem for each port that a service would publish and that is not free.

    Parameters:
        docker: the daemon; when it runs on another machine nothing can be seen from here.
        services: those that are to be started.
        own: the containers of the stack; what they publish is not somebody else's.
    """
    if not docker.is_local:
        return []
    ours = {number for container in own.values() for _, number in container.ports.values()}
    return [
        _taken(service.name, port.address, number, _holder(docker, number))
        for service in services
        for port in service.ports
        for number in _numbers(port)
        if number not in ours and not _is_free(port, number)
    ]


def clash_in(said: str, services: Iterable[Service]) -> Problem | None:
    """The port that was taken in the very moment, read from what docker said."""
    match = _CLASH.search(said)
    if match is None:
        return None
    number = int(match["port"])
    owner = next((each.name for each in services for port in each.ports if number in _numbers(port)), "a service")
    return _taken(owner, match["six"] or match["four"] or "", number, "")


def _numbers(port: Port) -> Iterator[int]:
    """The one port that is published; one that docker chooses, out of a range or freely, cannot be taken."""
    if port.published.isdecimal() and port.published != "0":
        yield int(port.published)


def _is_free(port: Port, number: int) -> bool:
    family = socket.AF_INET6 if ":" in port.address else socket.AF_INET
    kind = socket.SOCK_DGRAM if port.protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what has just ended there does not count
        try:
            probe.bind((port.address, number))
        except OSError as error:  # what else may be wrong (a low port, a foreign address) the daemon itself will say
            return error.errno != errno.EADDRINUSE
    return True


def _holder(docker: Docker, number: int) -> str:
    """The container that publishes a port, if it is one."""
    names = docker.call("ps", "--filter", f"publish={number}", "--format", "{{.Names}}").stdout.split()
    return f"the container {names[0]}" if names else ""


def _taken(service: str, address: str, number: int, holder: str) -> Problem:
    return Problem(
        code="compose/port-taken",
        summary=f"{service} cannot publish port {number}: {holder or 'another program'} listens there already",
        must=f"{f'{address}:' if address else ''}{number} is free on this machine",
        fix=f"end what listens there (`ss -ltnp 'sport = :{number}'` names it), or give {service} another port under "
        "stack.ports of the catalogue and run `tapewatch generate`",
        where=Place(path=service),
    )
