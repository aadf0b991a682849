"""What runs without containers, and how each part is started."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tapewatch import layout, servers
from tapewatch.embedded.local import local_history
from tapewatch.project import Project
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.flags import alertmanager_flags, prometheus_flags
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer
from tapewatch.renderers.where import Locate, Where, native
from tapewatch.running.clients import Alertmanager, Prometheus, Server
from tapewatch.running.here import PartHere
from tapewatch.running.process import Process
from tapewatch.writing import write_whole
from tapewatch_sdk.errors import ToolError

__all__ = ["NAMES", "Part", "parts", "write_configuration"]

NAMES = ("alertmanager", "prometheus", "history", "platform")
"""Every part, in the order in which they are started."""

_HERE = ("prometheus", "alertmanager")
"""Programs that take part where they are installed."""


@dataclass(frozen=True)
class Part:
    """One part of the stack.

    Parameters:
        name: its name.
        url: where people open it, or ask it.
        process: how it runs; None where it does not.
        version: of the program.
        absent: why it does not run.
    """

    name: str
    url: str = ""
    process: Process | None = None
    version: str = ""
    absent: str = ""

    def told(self) -> PartHere:
        """What other commands are told of it."""
        ready = self.process.ready_url if self.process else ""
        return PartHere(self.name, self.url, ready, self.version, self.absent)


@dataclass(frozen=True)
class _Places:
    """Folders and programs.

    Parameters:
        project: the copy in which everything is on this machine.
        home: the user's project.
        folder: where everything is written.
        programs: those that are here, with their versions.
    """

    project: Project
    home: Path
    folder: Path
    programs: Mapping[str, servers.Program] = field(default_factory=dict)

    @property
    def where(self) -> Where:
        """Where the servers are."""
        return _locate(self.folder)(self.project.catalogue.stack.ports)

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"


def parts(project: Project, home: Path, folder: Path) -> Iterator[Part]:
    """The parts in the order in which they are started.

    Parameters:
        project: the copy in which everything is on this machine.
        home: the user's project, whose platform is simulated.
        folder: holds the copy; logs and data come in there too.
    """
    places = _Places(project, home, folder, dict(_programs()))
    yield from (_alertmanager(places), _prometheus(places), _history(places))
    if project.catalogue.stack.simulate:
        yield _platform(places)


def write_configuration(project: Project, folder: Path) -> None:
    """Write what Prometheus and Alertmanager read, and nothing else: a rule of last time's would go on firing."""
    shutil.rmtree(folder / layout.PROVISIONING, ignore_errors=True)
    locate = _locate(folder)
    for renderer in (PrometheusRenderer(locate), AlertmanagerRenderer(locate), RulesRenderer()):
        for file in renderer.render(project.request):
            write_whole(folder / file.path, file.text)


def _programs() -> Iterator[tuple[str, servers.Program]]:
    for name in _HERE:
        try:
            yield name, servers.find(name)
        except ToolError:
            continue


def _alertmanager(places: _Places) -> Part:
    url = f"http://127.0.0.1:{places.project.catalogue.stack.ports.alertmanager}"
    flags = alertmanager_flags(places.project.catalogue, places.where)
    return _server(places, "alertmanager", Alertmanager(url), flags)


def _prometheus(places: _Places) -> Part:
    url = f"http://127.0.0.1:{places.project.catalogue.stack.ports.prometheus}"
    flags = prometheus_flags(places.project.catalogue, places.where)
    return _server(places, "prometheus", Prometheus(url), flags)


def _server(places: _Places, name: str, server: Server, flags: tuple[str, ...]) -> Part:
    program = places.programs.get(name)
    if program is None:
        why = "rules are not evaluated" if name == "prometheus" else "nobody is told of alerts"
        return Part(name, absent=f"it is not on this machine, so {why}; `make servers` gets it")
    process = Process([program.path, *flags], server, "/-/ready", places.log(name))
    return Part(name, server.url, process, program.version)


def _history(places: _Places) -> Part:
    address = local_history(places.project.catalogue)
    host, _, port = address.rpartition(":")
    command = [
        *_ourselves("history", "serve"), f"--project={places.folder}", "--env", f"--host={host}", f"--port={port}",
        f"--prometheus=http://127.0.0.1:{places.project.catalogue.stack.ports.prometheus}",
        f"--database={_database(places)}",
    ]  # fmt: skip
    server = Server(f"http://{address}")
    return Part("history", f"http://{address}/", Process(command, server, "/health/live", places.log("history")))


def _database(places: _Places) -> Path:
    """Where the history is kept: `DUCKDB_PATH`, or the project's `data/`."""
    return places.home / os.environ.get("DUCKDB_PATH", "data/observability.duckdb")


def _platform(places: _Places) -> Part:
    catalogue = places.project.catalogue
    push = f"http://127.0.0.1:{catalogue.stack.ports.prometheus}/api/v1/write"
    api = f"http://{local_history(catalogue)}"
    command = [
        *_ourselves("simulate"), f"--project={places.home}", "--env", f"--api-url={api}",
        f"--push-url={push if 'prometheus' in places.programs else api}",
    ]  # fmt: skip
    targets = [target for service in catalogue.services.values() for target in service.targets]
    first = next(target for target in targets if target != local_history(catalogue))
    environment = {"TAPEWATCH_KILL_SWITCH_TOKEN_FILE": str(_token(places.folder))}
    process = Process(command, Server(f"http://{first}"), "/ready", places.log("platform"), environment)
    return Part("platform", process=process)


def _token(folder: Path) -> Path:
    """The file with the token of the kill switch, made at the first start."""
    path = folder / "kill-switch-token"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(24))
    return path


def _ourselves(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "tapewatch.cli", *words]


def _locate(folder: Path) -> Locate:
    return partial(native, data=str(folder / "data"), config=str(folder / layout.PROVISIONING), only=_HERE)
