"""The services of a catalogue, started and stopped together."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from tapewatch.catalogue import Catalogue, Loaded, Service, seconds
from tapewatch.simulating.push import Pusher, export
from tapewatch.simulating.server import Answers, Listening, Port, registry
from tapewatch.simulating.values import AtRest, Clock
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["running"]

_HISTORY = "api"
"""The service that takes the receivers' messages."""

Say = Callable[[str], None]


@contextmanager
def running(
    loaded: Loaded,
    listen: str = "127.0.0.1",
    push_urls: Sequence[str] = (),
    services: Sequence[str] = (),
    seed: int = 0,
    say: Say = lambda _: None,
) -> Iterator[None]:
    """A catalogue's services, measured as at rest, as long as the block lasts.

    Parameters:
        loaded: the catalogue, with its document for places.
        listen: IP address or host name that every service binds.
        push_urls: OTLP receivers to which the services push that cannot be scraped.
        services: the services that run; all of them when empty.
        seed: of the values.
        say: is told what listens where, what fails and what recovers.

    Raises:
        ProblemsError: with every port that cannot be had; nothing runs then.
    """
    catalogue, clock, stop = loaded.catalogue, Clock(), Event()
    chosen = {name: each for name, each in catalogue.services.items() if not services or name in services}
    scraped = {name: service for name, service in chosen.items() if service.mode == "scrape"}

    def tell(text: str) -> None:
        if not stop.is_set():  # whoever listened may be gone
            say(text)

    answers = {name: _answers(catalogue, name, clock, seed, tell) for name in scraped}
    with Listening(_bound(loaded, scraped, answers, listen)):
        for name, service in scraped.items():
            tell(f"{name}: {_where(service, listen)}")
        for name in (each for each in chosen if each not in scraped):
            for pusher in _pushers(catalogue, name, push_urls, clock, seed, tell):
                Thread(target=pusher.run, args=(stop, clock), name=f"push {name}", daemon=True).start()
        try:
            yield
        finally:
            stop.set()  # a push that is under way ends by itself; nobody waits for it


def _where(service: Service, listen: str) -> str:
    if not service.targets:
        return "left out, its address is found by discovery"
    host = f"[{listen}]" if ":" in listen else listen
    places = [f"http://{host}:{_port(address)}{service.scrape.path}" for address in service.targets]
    secure = ", without the TLS of its address" if service.scrape.scheme == "https" else ""
    return f"{', '.join(places)}{secure}"


def _answers(catalogue: Catalogue, name: str, clock: Clock, seed: int, say: Say) -> Answers:
    values = _values(catalogue, name, clock, seed)
    take = (lambda message: _tell(message, say)) if name == _HISTORY else None
    return Answers(name, catalogue.services[name].scrape.path, registry(values, clock), take)


def _values(catalogue: Catalogue, name: str, clock: Clock, seed: int) -> AtRest:
    families = [family for family in catalogue.families.values() if family.domain in catalogue.emits[name]]
    return AtRest(name, families, clock.started, seed)


def _pushers(
    catalogue: Catalogue, name: str, urls: Sequence[str], clock: Clock, seed: int, say: Say
) -> Iterator[Pusher]:
    service, values = catalogue.services[name], _values(catalogue, name, clock, seed)
    labels = {"environment": catalogue.environment, "service": name, "team": service.team, **service.labels}
    for url in urls:
        yield Pusher(name, lambda: export(values, clock, labels), url, seconds(service.push.interval), say)


def _tell(message: Mapping[str, Any], say: Say) -> None:
    """One line for each alert of a message of Alertmanager."""
    lines = []
    for alert in message["alerts"]:
        labels = {key: value for key, value in sorted(alert["labels"].items()) if key != "alertname"}
        details = " ".join(f"{key}={value}" for key, value in labels.items())
        lines.append(f"{message['receiver']}: {alert['status']} {alert['labels']['alertname']} {details}".rstrip())
    for line in lines:
        say(line)


def _bound(loaded: Loaded, services: Mapping[str, Service], answers: Mapping[str, Answers], listen: str) -> list[Port]:
    """Every port, bound; all that cannot be had are told at once, and none is kept then."""
    bound: list[Port] = []
    problems = []
    for name, service in services.items():
        for index, address in enumerate(service.targets):
            try:
                bound.append(Port(listen, _port(address), answers[name]))
            except OSError as error:
                key = ("address",) if index == 0 and service.address else ("addresses", index - bool(service.address))
                place = loaded.document.place(("services", name, *key))
                owner = next((port.answers.service for port in bound if port.server_address[1] == _port(address)), "")
                problems.append(_refused(name, _port(address), listen, owner, error, place))
    if problems:
        for port in bound:
            port.server_close()
        raise ProblemsError(problems)
    return bound


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


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
