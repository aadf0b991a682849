"""Where a stack's data is: in folders of this machine, or in the volumes of compose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tapewatch.catalogue.stack import Ports
from tapewatch.saving.failures import no_such_place
from tapewatch.saving.packing import Entry
from tapewatch.saving.rooms import CLEAR, Room

__all__ = ["DATA_PARTS", "HISTORY", "NOT_SAVED", "FileHistory", "HistoryStore", "Place", "folders"]

DATA_PARTS = ("prometheus", "alertmanager", "grafana")

HISTORY = "history"

NOT_SAVED = {
    "loki": "logs are kept for days, and its open files are no consistent copy; give it an object store to keep them",
    "jaeger": "traces are kept for days, and an open Badger database is no consistent copy",
    "secret-files": "the files that the catalogue names for keys and passwords stay where you keep them",
}
"""What no backup holds, and why."""

EXPORT = ".tapewatch-backup"
"""Folder beside the store's file for what is exported, or about to be restored."""

INTO = 'umask 077; rm -rf "$1"; mkdir "$1"; tar -x -o -f - -C "$1" || { rm -rf "$1"; exit 1; }; rm "$1/.whole"'

OUT = 'cd "$1"; tar -c -f - *'


class HistoryStore(Protocol):
    """The history of a place."""

    def there(self) -> bool:
        """Whether there is a store."""
        ...

    def export(self) -> Any:
        """A context that gives the files of an export: of the store as it is now."""
        ...

    def restore(self, entries: Iterator[Entry]) -> None:
        """Take over the files of an export."""
        ...

    def ask(self, sql: str) -> list[list[Any]]:
        """The rows that a question gives."""
        ...

    def running(self) -> bool:
        """Whether a process has it open."""
        ...


@dataclass(frozen=True)
class Place:
    """A stack's data.

    Parameters:
        words: where, in words.
        rooms: by part where its data is.
        missing: which parts are not here, and why.
        urls: where servers answer, by part; those that do not run may be in there too.
        history: the history; None where the stack has none.
        up: parts that are known to run, with where.
        coming: parts whose place is made by a restore, in words.
    """

    words: str
    rooms: Mapping[str, Room]
    missing: Mapping[str, str]
    urls: Mapping[str, str]
    history: HistoryStore | None = None
    up: Mapping[str, str] = field(default_factory=dict)
    coming: Mapping[str, str] = field(default_factory=dict)


def folders(data: Path, ports: Ports, database: Path, *, new: bool = False) -> Place:
    """The data of a stack without containers.

    Parameters:
        data: holds a folder for each part.
        ports: `stack.ports`: where its servers answer on loopback.
        database: the history's file.
        new: whether those parts count too whose folders are made when something comes into them.

    Raises:
        ProblemsError: there is no data.
    """
    if not new and not any((data / part).is_dir() for part in DATA_PARTS):
        raise no_such_place(data)
    rooms, missing = {}, {}
    for part in DATA_PARTS:
        folder = data / part
        if new or folder.is_dir():
            rooms[part] = Room(part, str(folder), (), folder)
        else:
            missing[part] = f"there is no folder {folder}"
    urls = {part: f"http://127.0.0.1:{getattr(ports, part)}" for part in DATA_PARTS}
    return Place(f"the folders in {data}", rooms, missing, urls, FileHistory(database.absolute()))


class FileHistory:
    """The history in a file of this machine.

    Parameters:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def there(self) -> bool:
        """See `HistoryStore`."""
        return self._path.exists()

    @contextmanager
    def export(self) -> Iterator[Iterator[Entry]]:
        """See `HistoryStore`: by the process that has it open, else by this one."""
        from tapewatch.history.store import Store, StoreGoneError, connect, socket_of

        room, folder = self._room(), self._path.parent / EXPORT
        room.text(CLEAR, EXPORT)  # of a backup that was killed
        try:
            try:
                reader = connect(socket_of(self._path))
            except StoreGoneError:
                with Store.open(self._path) as store:
                    store.export(folder)
            else:
                question = {"ask": "export", "folder": str(folder), "tables": (), "start": None, "end": None}
                with _closing(reader):
                    list(reader.ask(question, None))
            with room.read(OUT, EXPORT) as entries:
                yield entries
        finally:
            room.text(CLEAR, EXPORT)

    def restore(self, entries: Iterator[Entry]) -> None:
        """See `HistoryStore`."""
        from tapewatch.history.store import Store

        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        room = self._room()
        try:
            room.write(entries, [EXPORT], INTO)
            Store.restore(self._path, self._path.parent / EXPORT)
            self._give_to_the_owner()
        finally:
            room.text(CLEAR, EXPORT)

    def ask(self, sql: str) -> list[list[Any]]:
        """See `HistoryStore`."""
        from tapewatch.history.store import StoreGoneError, connect, look_into, socket_of

        try:
            reader: Any = connect(socket_of(self._path))
        except StoreGoneError:
            reader = look_into(self._path)
        with _closing(reader):
            return [list(row) for row in reader.sql(sql, timeout=300.0).rows]

    def running(self) -> bool:
        """See `HistoryStore`."""
        from tapewatch.history.store import StoreGoneError, connect, socket_of

        with suppress(StoreGoneError):
            connect(socket_of(self._path)).close()
            return True
        return False

    def _room(self) -> Room:
        return Room(HISTORY, str(self._path.parent), (), self._path.parent)

    def _give_to_the_owner(self) -> None:
        """Restored by root, it belongs to whom its folder belongs."""
        self._room().text('[ "$(id -u)" != 0 ] || chown -R "$(stat -c %u:%g .)" .')


@contextmanager
def _closing(reader: Any) -> Iterator[None]:
    try:
        yield
    finally:
        reader.close()
