"""The services of a catalogue, looked at all at once and held against it one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from tapewatch.catalogue import Loaded, Service
from tapewatch.catalogue.history import signed_here
from tapewatch.running.clients import Prometheus
from tapewatch.verifying.jobs import Checked, Job, PushedJob, ScrapedJob, UnfoundJob
from tapewatch.verifying.pushed import Store
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Problem

__all__ = ["Verification", "Where", "verify"]

_AT_ONCE = 128
"""Services that are asked at a time; one that is not there takes a thread for its whole timeout, and little else."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where services are looked for.

    Parameters:
        prometheus: its URL; it is asked for services that push, and for the targets of those that are discovered.
        url: the URL of the one service that is looked at, in place of its addresses; without a path it gets the
            catalogue's.
        host: the host on which all addresses are looked for, at their own ports; none: where the catalogue says.
        secrets: the folder of the files that TLS and credentials need; none: where the catalogue says.
    """

    prometheus: str
    url: str = ""
    host: str = ""
    secrets: Path | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """What came out.

    Parameters:
        checked: the services, one for each URL, in the order of the catalogue.
        hindrances: why others could not be checked; whether they keep the contract is not known.
    """

    checked: tuple[Checked, ...]
    hindrances: tuple[Problem, ...]

    @property
    def problems(self) -> list[Problem]:
        """All that is wrong."""
        return [*self.hindrances, *(problem for each in self.checked for problem in each.problems)]


def verify(loaded: Loaded, where: Where, services: Sequence[str] = (), again: float = 0.0) -> Verification:
    """Hold running services against the catalogue.

    Parameters:
        loaded: the catalogue.
        where: where they are.
        services: their names; all of them when empty.
        again: seconds after which each scraped service is looked at once more; 0 for one look.
    """
    loaded = replace(loaded, catalogue=signed_here(loaded.catalogue))
    store = Store(Prometheus(where.prometheus), loaded.catalogue)
    chosen = [name for name in loaded.catalogue.services if not services or name in services]
    run = _Run()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for name in chosen:
            with run.noting():
                for job in _jobs(loaded, where, name, store, again):
                    run.add(job, pool)
        run.finish()
    return Verification(tuple(run.checked), tuple(run.hindrances))


class _Run:
    """Looks at many and judges them in their order, as fast as answers come; the answers that wait are few."""

    def __init__(self) -> None:
        self.checked: list[Checked] = []
        self.hindrances: dict[Problem, None] = {}
        self._looks: deque[tuple[Job, Future[None]]] = deque()

    def add(self, job: Job, pool: ThreadPoolExecutor) -> None:
        """Lets somebody look, once there are not too many already."""
        self._looks.append((job, pool.submit(job.look)))
        if len(self._looks) >= _AT_ONCE:
            self._judge()

    def finish(self) -> None:
        """Judges all that is left."""
        while self._looks:
            self._judge()

    def _judge(self) -> None:
        job, look = self._looks.popleft()
        with self.noting():
            look.result()
            self.checked.append(job.judge())

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Notes why something cannot be looked at, and goes on."""
        try:
            yield
        except ToolError as error:
            self.hindrances.update(dict.fromkeys(error.problems))


def _jobs(loaded: Loaded, where: Where, name: str, store: Store, again: float) -> Iterator[Job]:
    """What is to be looked at for one service."""
    service = loaded.catalogue.services[name]
    if service.mode == "push":
        yield PushedJob(loaded, name, store)
        return
    urls = list(_urls(service, name, where, store))
    for url, path in urls:
        yield ScrapedJob(loaded, name, url, path, where.secrets, again)
    if not urls:
        yield UnfoundJob(loaded, name, store.url)


def _urls(service: Service, name: str, where: Where, store: Store) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """The URLs of a service, each with its place in the catalogue."""
    if where.url:
        yield _whole(where.url, service), ("services", name)
    elif service.discovery is not None:
        yield from ((url, ("services", name, "discovery")) for url in store.targets(name))
    else:
        for index, address in enumerate(service.targets):
            own = ("address",) if service.address and not index else ("addresses", index - bool(service.address))
            yield _url(service, address, where.host), ("services", name, *own)


def _whole(url: str, service: Service) -> str:
    parts = urlsplit(url)
    return url if parts.path.strip("/") else parts._replace(path=service.scrape.path).geturl()


def _url(service: Service, address: str, host: str) -> str:
    if host:
        written = f"[{host}]" if ":" in host and not host.startswith("[") else host
        address = f"{written}:{address.rpartition(':')[2]}"
    return f"{service.scrape.scheme}://{address}{service.scrape.path}"
