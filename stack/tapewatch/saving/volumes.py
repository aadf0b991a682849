"""The data of a stack in containers: each part's volume, seen from a container of the part's own image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tapewatch.running.containers import GOOD, State, containers, state_of
from tapewatch.running.docker import failure
from tapewatch.running.project import ComposeProject, Service
from tapewatch.saving.packing import Entry
from tapewatch.saving.places import DATA_PARTS, EXPORT, HISTORY, INTO, OUT, Place
from tapewatch.saving.rooms import CLEAR, Room
from tapewatch_sdk.errors import ToolError

__all__ = ["volumes"]

_INSIDE = "/data"

_SECRETS = ("secrets", "history-key")
"""Volumes with what was made at the first start."""

_LONG = 3600.0
"""Seconds that an export of the history may take."""


def volumes(stack: ComposeProject, *, new: bool = False) -> Place:
    """The data of a stack in containers.

    Parameters:
        stack: the compose project.
        new: whether containers and volumes are made that are not there; they are not started.

    Raises:
        ToolError: docker failed.
    """
    if new:
        done = stack.call("create", "--no-build", *sorted(_wanted(stack)), timeout=600.0)
        if done.returncode != 0:
            raise ToolError([failure(done.stderr, "docker compose create")])
    found = containers(stack)
    rooms, missing, coming = {}, {}, {}
    for part in (*DATA_PARTS, *_SECRETS):
        service = stack.services.get("prometheus" if part in _SECRETS else part)
        volume = f"{stack.name}_{part}"
        if service is None:
            missing[part] = f"the stack {stack.name} has no {part}"
        elif not stack.docker.inspect(service.image, kind="image"):
            missing[part] = f"the image {service.image} is not on this machine"
        elif not stack.docker.inspect(volume, kind="volume"):
            missing[part] = f"there is no volume {volume}"
            coming[part] = f"volume {volume}"
        else:
            rooms[part] = _room(part, volume, service.image)
    states = {name: state_of(service, found.get(name)) for name, service in stack.services.items()}
    up = {name: f"the container {found[name].name}" for name, state in states.items() if _runs(state)}
    urls = {part: found[part].url(stack.services[part]) for part in DATA_PARTS if states.get(part) in GOOD}
    return Place(f"the stack {stack.name} in containers", rooms, missing, urls, _history(stack, up), up, coming)


def _runs(state: State) -> bool:
    return state not in (State.MISSING, State.CREATED, State.EXITED, State.DONE)


def _wanted(stack: ComposeProject) -> Iterator[str]:
    """The services whose images are here: the others cannot be created."""
    for name, service in stack.services.items():
        if name in (*DATA_PARTS, "prepare", "api") and stack.docker.inspect(service.image, kind="image"):
            yield name


def _room(part: str, volume: str, image: str) -> Room:
    # What was made at the first start is root's; all else belongs to the user of the part's own image.
    user = ("--user", "root", "--cap-add", "DAC_OVERRIDE", "--cap-add", "CHOWN") if part in _SECRETS else ()
    return Room(part, f"volume {volume}", (*_run(volume, *user), "--entrypoint", "", image))


def _run(volume: str, *more: str) -> tuple[str, ...]:
    return (
        "docker", "run", "--rm", "--interactive", "--network", "none", "--read-only", "--tmpfs", "/tmp",  # noqa: S108
        "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--volume", f"{volume}:{_INSIDE}:nocopy",
        "--workdir", _INSIDE, *more,
    )  # fmt: skip


def _history(stack: ComposeProject, up: dict[str, str]) -> _VolumeHistory | None:
    volume = f"{stack.name}_{HISTORY}"
    service = next((each for each in stack.services.values() if each.image.startswith("tapewatch/")), None)
    if service is None or not stack.docker.inspect(volume, kind="volume"):
        return None
    names = [name for name in up if stack.services[name].image == service.image and name != "platform"]
    container = up[names[0]].rpartition(" ")[2] if names else ""
    return _VolumeHistory(stack, volume, service, container)


class _VolumeHistory:
    """The history in a volume; its own container is asked where it runs."""

    def __init__(self, stack: ComposeProject, volume: str, service: Service, container: str) -> None:
        self._stack, self._container, self._volume, self._image = stack, container, volume, service.image
        self._alone = (*_run(volume, "--env", f"DUCKDB_PATH={_INSIDE}/observability.duckdb"), service.image)
        self._room = Room(HISTORY, f"volume {volume}", (*_run(volume), "--entrypoint", "", service.image))

    def there(self) -> bool:
        return bool(self._room.text("ls observability.duckdb 2>/dev/null || true"))

    @contextmanager
    def export(self) -> Iterator[Iterator[Entry]]:
        self._room.text(CLEAR, EXPORT)
        try:
            self._tapewatch("history", "export", f"{_INSIDE}/{EXPORT}")
            with self._room.read(OUT, EXPORT) as entries:
                yield entries
        finally:
            with suppress(ToolError):
                self._room.text(CLEAR, EXPORT)

    def restore(self, entries: Iterator[Entry]) -> None:
        self._own()
        try:
            self._room.write(entries, [EXPORT], INTO)
            self._tapewatch("history", "restore", f"{_INSIDE}/{EXPORT}")
        finally:
            with suppress(ToolError):
                self._room.text(CLEAR, EXPORT)

    def _own(self) -> None:
        """Give a volume that is new to the user of the image, as the stack's first start would."""
        (image,) = self._stack.docker.inspect(self._image, kind="image")
        root = (*_run(self._volume, "--user", "root", "--cap-add", "CHOWN"), "--entrypoint", "", self._image)
        owner = image["Config"].get("User") or "root"
        Room(HISTORY, f"volume {self._volume}", root).text('[ "$(stat -c %u .)" != 0 ] || chown "$1" .', owner)

    def ask(self, sql: str) -> list[list[Any]]:
        text = self._tapewatch("history", "sql", sql, "--format", "json", "--timeout", "300")
        return [list(row.values()) for row in json.loads(text)]

    def running(self) -> bool:
        return bool(self._container)

    def _tapewatch(self, *words: str) -> str:
        if self._container:
            return self._stack.docker.ask("exec", self._container, "tapewatch", *words, timeout=_LONG)
        return self._stack.docker.ask(*self._alone[1:], *words, timeout=_LONG)
