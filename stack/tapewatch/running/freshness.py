"""Whether the running servers have read the files that are on disk."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tapewatch import layout
from tapewatch.renderers.members import configuration_file
from tapewatch.running.clients import Alertmanager, Prometheus, Server
from tapewatch.running.containers import GOOD, Container, state_of
from tapewatch.running.project import ComposeProject
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = ["ALERTMANAGER_FILE", "alertmanager_hash", "changed_since_start", "file_of", "part_of", "stale"]

ALERTMANAGER_FILE = f"{layout.ALERTMANAGER}/alertmanager.yml"

_MEMBER = re.compile(r"(prometheus|alertmanager)(?:-(?P<shard>[0-9]+))?(?:-[a-z])?")

READ_AT_START: Mapping[str, tuple[str, ...]] = {
    "loki": (f"{layout.LOKI}/loki.yml",),
    "jaeger": (f"{layout.JAEGER}/jaeger.yml",),
    "alloy": (f"{layout.ALLOY}/config.alloy",),
}
"""Files that a service reads when it starts and never again. What is missing here (targets, Loki's rules, Jaeger's
sampling, Grafana's dashboards) is read again and again by the server itself."""


def stale(project: ComposeProject, found: Mapping[str, Container]) -> list[Problem]:
    """What runs and is not as the files say: a warning for each server, an error when it refused them.

    Parameters:
        project: the stack.
        found: its containers by service.
    """
    problems = [_settings(name) for name in found if _differs(project, name, found[name])]
    problems += [_restart(name, file) for name, file in changed_since_start(project, found)]
    for part, server in (("prometheus", Prometheus), ("alertmanager", Alertmanager)):
        for name in (each for each in found if part_of(each) == part):
            if url := _url(project, name, found[name]):
                problems += _reload_problems(project.folder, part, server(url), file_of(name))
    return problems


def part_of(name: str) -> str:
    """The part that a service of compose is a member of: `prometheus` of `prometheus-b`."""
    match = _MEMBER.fullmatch(name)
    return match[1] if match else name


def file_of(name: str) -> str:
    """The configuration of a Prometheus, by its service of compose: that of its shard."""
    match = _MEMBER.fullmatch(name)
    return f"{layout.PROMETHEUS}/{configuration_file(int((match and match['shard']) or 0))}"


def changed_since_start(project: ComposeProject, found: Mapping[str, Container]) -> Iterator[tuple[str, str]]:
    """The services that run and read their files only at their start, with a file that has changed since."""
    for name, files in READ_AT_START.items():
        container = found.get(name)
        if container is None or container.started is None or container.status != "running":
            continue
        for file in files:
            path = project.folder / file
            if path.is_file() and _changed(path) > container.started.timestamp():
                yield name, file


def alertmanager_hash(text: bytes) -> float:
    """What Alertmanager's `alertmanager_config_hash` is for a file: six bytes of its MD5, as a number."""
    return float(int.from_bytes(hashlib.md5(text, usedforsecurity=False).digest()[:6], "little"))


def _differs(project: ComposeProject, name: str, container: Container) -> bool:
    wanted = project.hashes.get(name, "")
    return bool(wanted) and container.config_hash != wanted


def _url(project: ComposeProject, name: str, container: Container) -> str:
    service = project.services.get(name)
    return container.url(service) if service and state_of(service, container) in GOOD else ""


def _reload_problems(folder: Path, name: str, server: Server, configuration: str) -> Iterator[Problem]:
    """Whether Prometheus or Alertmanager runs with its files; `configuration` is that of a Prometheus."""
    try:
        if server.metric(f"{name}_config_last_reload_successful") == 0:
            yield _old(server.name)
        elif changed := _newer(folder, name, server, configuration):
            yield _unread(server.name, changed)
    except ToolError as error:
        yield from error.problems


def _newer(folder: Path, name: str, server: Server, configuration: str) -> str:
    """A file that the server has not read since it changed; empty when it has read all."""
    if name == "alertmanager":
        path = folder / ALERTMANAGER_FILE
        if not path.is_file() or server.metric("alertmanager_config_hash") == alertmanager_hash(path.read_bytes()):
            return ""
        return ALERTMANAGER_FILE
    read = server.metric("prometheus_config_last_reload_success_timestamp_seconds") or 0.0
    newest = max(_prometheus_files(folder, configuration), key=_changed, default=None)
    return newest.relative_to(folder).as_posix() if newest and _changed(newest) > read else ""


def _prometheus_files(folder: Path, configuration: str) -> Iterable[Path]:
    """The files that Prometheus reads when it is told to; it watches its targets by itself."""
    files = [folder / configuration, *(folder / layout.RULES).rglob("*.yml")]
    return [file for file in files if file.is_file()]


def _changed(path: Path) -> float:
    """When a file became what it is, in seconds since 1970; one that was moved here keeps an older time of its own."""
    status = path.stat()
    return max(status.st_mtime, status.st_ctime)


def _settings(name: str) -> Problem:
    return Problem(
        code="compose/changed",
        summary=f"{name} runs with other settings than {layout.COMPOSE} has now",
        must=f"the container was made from {layout.COMPOSE} as it is",
        fix="run `tapewatch up`",
        where=Place(file=layout.COMPOSE, path=name),
        severity=Severity.WARNING,
    )


def _restart(name: str, file: str) -> Problem:
    return Problem(
        code="server/restart",
        summary=f"{name} has not read {file} since it changed; it reads it only when it starts",
        must=f"{name} was started after the file's last change",
        fix="run `tapewatch reload --restart`",
        where=Place(file=file),
        severity=Severity.WARNING,
    )


def _unread(server: str, file: str) -> Problem:
    return Problem(
        code="server/unread",
        summary=f"{server} has not read {file} since it changed",
        must=f"{server} runs with the files on disk",
        fix="run `tapewatch reload`",
        where=Place(file=file),
        severity=Severity.WARNING,
    )


def _old(server: str) -> Problem:
    return Problem(
        code="server/old-configuration",
        summary=f"{server} refused its files when it was last told to read them, and goes on with older ones",
        must=f"{server} accepts its files",
        fix="`tapewatch reload` shows what it finds wrong",
        where=Place(path=server),
    )
