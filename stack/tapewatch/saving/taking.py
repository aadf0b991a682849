"""Takes a backup."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from tapewatch import layout
from tapewatch.project import CATALOGUE
from tapewatch.running.clients import Alertmanager, Grafana, Prometheus
from tapewatch.saving.counting import TABLES, counted
from tapewatch.saving.failures import part_failed
from tapewatch.saving.manifest import Manifest, PartEntry, Saved
from tapewatch.saving.packing import Entry, Hashed, pack
from tapewatch.saving.places import HISTORY, NOT_SAVED, HistoryStore, Place
from tapewatch.saving.rooms import HELD, MARKS, PLAIN, Room
from tapewatch.saving.sealing import Key
from tapewatch.saving.targets import Target
from tapewatch.saving.wire import merged_silences, notified, silence_ids
from tapewatch_sdk.errors import ProblemsError, ToolError

__all__ = ["PROJECT", "SECRET_PARTS", "new_name", "take"]

PROJECT = "project"

SECRET_PARTS = ("secrets", "history-key")

_CLIENTS: dict[str, Callable[[str], Any]] = {
    "prometheus": Prometheus, "alertmanager": Alertmanager, "grafana": Grafana,
}  # fmt: skip

_TRIES = 5
"""How often a database is read that changes meanwhile."""

Told = Callable[[str], None]


@dataclass
class _Work:
    """A backup under way."""

    place: Place
    key: Key | None
    draft: Any
    told: Told
    parts: dict[str, PartEntry] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def new_name(now: datetime | None = None) -> str:
    """The name of a backup: when it was begun, in UTC."""
    return (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")


def take(place: Place, project: Path, target: Target, key: Key | None, told: Told) -> Manifest:
    """Save everything of a place.

    Parameters:
        place: the stack's data.
        project: the folder with the catalogue and what was generated from it.
        target: keeps the backup; nothing is left there of one that failed.
        key: encrypts it; without one no passwords and keys are saved.
        told: is told what is done.

    Raises:
        ProblemsError: a part cannot be read, or the target cannot be written.
    """
    began = datetime.now(UTC)
    name = new_name(began)
    with target.writing(name) as draft:
        work = _Work(place, key, draft, told)
        _take_all(work, project)
        manifest = Manifest(
            name, began, datetime.now(UTC), version("tapewatch"), place.words, work.parts,
            {**work.missing, **NOT_SAVED}, tuple(work.notes),
        )  # fmt: skip
        content = manifest.to_json().encode()
        with draft.file("manifest.json.age" if key else "manifest.json") as out:
            out.write(key.seal(content) if key else content)
    return manifest


def _take_all(work: _Work, project: Path) -> None:
    for part, takes in (("alertmanager", _alertmanager), ("prometheus", _prometheus), ("grafana", _grafana)):
        if part in work.place.rooms:
            takes(work, work.place.rooms[part])
    if work.place.history is not None and work.place.history.there():
        with _part(work, HISTORY) as archive:
            archive.at = datetime.now(UTC)
            archive.facts = _rows(work.place.history, archive.at)
            with work.place.history.export() as entries:
                archive.take(entries)
    else:
        work.missing[HISTORY] = "there is no store of it"
    with _part(work, PROJECT) as archive:
        archive.take(_project_files(project))
    if any((project / layout.PROMETHEUS).glob("prometheus-*.yml")):
        work.notes.append(
            "of several shards the first one's data is saved; the long-term engine has what all of them sent"
        )
    for part in SECRET_PARTS:
        _secret(work, part)
    work.missing |= {part: why for part, why in work.place.missing.items() if part not in work.parts}


def _rows(history: HistoryStore, at: datetime) -> dict[str, int]:
    """How many rows the store has just before it is exported: no fewer may come back."""
    with suppress(ProblemsError):  # a file of an older version cannot be asked, and can be exported
        return {what: counted(history, what, at).rows for what in TABLES}
    return {}


def _prometheus(work: _Work, room: Room) -> None:
    if not room.holds():
        work.missing[room.part] = f"{room.where} holds no data"
        return
    told = _version(work, room.part, "its files were saved as they lie")
    with _part(work, room.part, told) as archive, room.read(HELD, f"tapewatch-{time.time_ns()}") as entries:
        archive.take(_timed(entries, archive))


def _timed(entries: Iterator[Entry], archive: _Archive) -> Iterator[Entry]:
    """The same; when the first of them comes, all of them are held."""
    for number, entry in enumerate(entries):
        if number == 0:
            archive.at = datetime.now(UTC)
        yield entry


def _alertmanager(work: _Work, room: Room) -> None:
    client = Alertmanager(work.place.urls.get(room.part, ""))
    told = _version(work, room.part, "silences are those of its file")
    files: dict[str, tuple[bytes, float]] = {}
    with room.read(PLAIN, *MARKS[room.part]) as entries:
        for entry in entries:
            files[entry.name] = (entry.content.read(), entry.mtime)
    now = datetime.now(UTC)
    silences, written = files.get("silences", (b"", now.timestamp()))
    log, logged = files.get("nflog", (b"", now.timestamp()))
    age = 0.0 if told else now.timestamp() - written
    try:
        if told:
            silences = merged_silences(silences, client.get_json("/api/v2/silences"))
        facts = {
            "silences": len(silence_ids(silences)), "silences_age_seconds": round(age, 1),
            "notifications": len(notified(log)), "notifications_age_seconds": round(now.timestamp() - logged, 1),
        }  # fmt: skip
    except ValueError as error:
        raise part_failed(room.part, f"{room.where} is damaged: {error}") from error
    with _part(work, room.part, told) as archive:
        archive.at, archive.facts = now, facts
        archive.take(Entry.of(name, data) for name, data in (("nflog", log), ("silences", silences)))


def _grafana(work: _Work, room: Room) -> None:
    if "grafana.db" not in room.holds():
        work.missing[room.part] = f"{room.where} holds no grafana.db"
        return
    told = _version(work, room.part, "its database was saved as it lies")
    with _part(work, room.part, told) as archive, tempfile.TemporaryDirectory() as folder:
        archive.at = datetime.now(UTC)
        database = _settled(room, Path(folder))
        with database.open("rb") as content:
            archive.take(iter([Entry("grafana.db", database.stat().st_size, time.time(), content)]))


def _settled(room: Room, folder: Path) -> Path:
    """The database as it was between two readings that were alike, with its journals worked in."""
    before: dict[str, str] = {}
    for _ in range(_TRIES):
        shutil.rmtree(folder)
        folder.mkdir()
        found: dict[str, str] = {}
        with suppress(ToolError), room.read(PLAIN, *MARKS["grafana"]) as entries:
            for entry in entries:
                with (folder / entry.name).open("wb") as out:
                    hashed = Hashed(out)
                    shutil.copyfileobj(entry.content, hashed)
                found[entry.name] = hashed.sha256
        if found and found == before:
            return _whole(room, folder / "grafana.db")
        before = found
    raise part_failed(room.part, f"{room.where}: the database changed each time that it was read")


def _whole(room: Room, path: Path) -> Path:
    try:
        connection = sqlite3.connect(path)
        try:
            ((verdict,),) = connection.execute("PRAGMA integrity_check").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise part_failed(room.part, f"{room.where}: grafana.db: {error}") from error
    if verdict != "ok":
        raise part_failed(room.part, f"{room.where}: grafana.db is damaged: {verdict}")
    return path


def _secret(work: _Work, part: str) -> None:
    room = work.place.rooms.get(part)
    if room is None:
        return
    if work.key is None:
        work.missing[part] = "a backup that is not encrypted holds no passwords and keys"
        return
    with _part(work, part) as archive, room.read(PLAIN, *MARKS[part]) as entries:
        archive.take(entries)


def _project_files(project: Path) -> Iterator[Entry]:
    """The catalogue, what was generated from it, and the user's own changes to compose's file."""
    names = [CATALOGUE, layout.COMPOSE, "docker-compose.override.yml", "docker-compose.override.yaml"]
    paths = [project / name for name in names] + sorted((project / layout.PROVISIONING).rglob("*"))
    for path in paths:
        if path.is_file():
            content = path.read_bytes()
            yield Entry.of(path.relative_to(project).as_posix(), content, path.stat().st_mtime)


def _version(work: _Work, part: str, otherwise: str) -> str:
    """The version of the server that runs; empty, with a note, where none answers."""
    url = work.place.urls.get(part, "")
    try:
        if url:
            return str(_CLIENTS[part](url).version())
    except (ProblemsError, ValueError, KeyError, TypeError):
        pass
    work.notes.append(f"{part} did not answer{f' at {url}' if url else ''}: {otherwise}")
    return ""


class _Archive:
    """A part's archive while it is written."""

    def __init__(self, out: IO[bytes]) -> None:
        self.at = datetime.now(UTC)
        self.facts: dict[str, Any] = {}
        self.files: list[Saved] = []
        self._out = out

    def take(self, entries: Iterator[Entry]) -> None:
        self.files = pack(entries, self._out)


@contextmanager
def _part(work: _Work, part: str, told: str = "") -> Iterator[_Archive]:
    """The archive of a part; it is in the backup when the block has ended."""
    work.told(f"saving {part}")
    began = time.monotonic()
    name = f"{part}.tar.age" if work.key else f"{part}.tar"
    with ExitStack() as open_ones:
        out = Hashed(open_ones.enter_context(work.draft.file(name)))
        stream: Any = open_ones.enter_context(work.key.sealing(out)) if work.key else out  # type: ignore[arg-type]
        archive = _Archive(stream)
        yield archive
    work.parts[part] = PartEntry(
        name, out.size, out.sha256, archive.at, time.monotonic() - began, told, tuple(archive.files), archive.facts
    )
