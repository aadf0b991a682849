"""Brings a backup back."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tapewatch.running.clients import Server
from tapewatch.saving.failures import changed, no_backup, no_key, not_empty, running, too_new, wrong_key
from tapewatch.saving.manifest import FORMAT, Manifest, PartEntry
from tapewatch.saving.packing import Entry, Hashed, entries_of, unsafe
from tapewatch.saving.places import HISTORY, Place
from tapewatch.saving.rooms import MARKS
from tapewatch.saving.sealing import Key, SealError
from tapewatch.saving.taking import PROJECT
from tapewatch.saving.targets import MANIFESTS, Target
from tapewatch_sdk.errors import ToolError

__all__ = ["Backup", "Step", "check", "plan", "restore", "restore_project"]

Told = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """What a restore does, or why it does not.

    Parameters:
        part: of the stack.
        words: what happens to it.
        full: whether there is data of it already.
        does: whether anything is done.
    """

    part: str
    words: str
    full: bool = False
    does: bool = True


class Backup:
    """A whole backup.

    Parameters:
        target: where it is kept.
        name: its name; the newest if empty.
        key: opens it.

    Raises:
        ProblemsError: there is none, the key is a wrong one, or the manifest is damaged.
    """

    def __init__(self, target: Target, name: str, key: Key | None) -> None:
        known = target.names()
        if not known or (name and name not in known):
            raise no_backup(target.where, name, known)
        self.name = name or known[-1]
        self._target, self._key = target, key
        self.manifest = self._manifest()

    @contextmanager
    def entries(self, part: str) -> Iterator[Iterator[Entry]]:
        """The files of a part; each is checked when it has been read, the archive when all have.

        Raises:
            ProblemsError: one of them is not what was written.
        """
        entry = self.manifest.parts[part]
        try:
            with ExitStack() as open_ones:
                stored = self._open(entry.archive)
                open_ones.callback(stored.close)
                hashed = Hashed(stored)
                stream: Any = open_ones.enter_context(self._key.opened(hashed)) if self._key else hashed  # type: ignore[arg-type]
                yield self._checked(part, entry, stream, hashed)
                while stream.read(1 << 20):
                    pass
        except (SealError, tarfile.TarError, EOFError) as error:
            raise changed(self.name, entry.archive, f"{entry.archive} is truncated or was changed") from error

    def verify(self, told: Told) -> None:
        """Hold every checksum against what is there.

        Raises:
            ProblemsError: something is not what was written.
        """
        for part, entry in self.manifest.parts.items():
            told(f"checking {part}")
            self._check_archive(entry)
            with self.entries(part) as entries:
                for _ in entries:
                    pass

    def _check_archive(self, entry: PartEntry) -> None:
        stored = self._open(entry.archive)
        hashed = Hashed(stored)
        try:
            while hashed.read(1 << 20):
                pass
        finally:
            stored.close()
        if (hashed.size, hashed.sha256) != (entry.size, entry.sha256):
            what = f"has {hashed.size} bytes instead of {entry.size}" if hashed.size != entry.size else "was changed"
            raise changed(self.name, entry.archive, f"{entry.archive} {what}")

    def _checked(self, part: str, entry: PartEntry, stream: IO[bytes], hashed: Hashed) -> Iterator[Entry]:
        expected = iter(entry.files)
        if entry.files:
            for found in entries_of(stream):
                saved = next(expected, None)
                if saved is None or saved.name != found.name or saved.size != found.size or unsafe(found.name):
                    raise changed(self.name, entry.archive, f"{entry.archive} holds {found.name}, which is unexpected")
                content = Hashed(found.content)
                yield Entry(found.name, found.size, found.mtime, content, found.mode)  # type: ignore[arg-type]
                while content.read(1 << 20):
                    pass
                if content.sha256 != saved.sha256:
                    raise changed(self.name, entry.archive, f"{found.name} in {entry.archive} was changed")
        if (left := next(expected, None)) is not None:
            raise changed(self.name, entry.archive, f"{left.name} is missing in {entry.archive}")

    def _manifest(self) -> Manifest:
        for file in MANIFESTS:
            try:
                with self._open_raw(file) as stream:
                    content = stream.read()
            except FileNotFoundError:
                continue
            return self._read(file, content)
        raise no_backup(self._target.where, self.name, self._target.names())

    def _read(self, file: str, content: bytes) -> Manifest:
        if file.endswith(".age"):
            if self._key is None:
                raise no_key(f"the backup {self.name} is encrypted")
            try:
                content = self._key.open(content)
            except SealError as error:
                if error.key:
                    raise wrong_key(self.name, str(self._key.file)) from error
                raise changed(self.name, file, f"{file} is truncated or was changed") from error
        else:
            self._key = None  # it is not encrypted
        try:
            data = json.loads(content)
            if data["format"] != FORMAT:
                raise too_new(self.name, data["format"])
            return Manifest.from_data(data)
        except (ValueError, KeyError, TypeError) as error:
            raise changed(self.name, file, f"{file} cannot be read") from error

    def _open(self, file: str) -> IO[bytes]:
        try:
            return self._target.open(self.name, file)
        except FileNotFoundError:
            raise changed(self.name, file, f"{file} is missing") from None

    def _open_raw(self, file: str) -> IO[bytes]:
        return self._target.open(self.name, file)


def plan(manifest: Manifest, place: Place, replace: bool) -> list[Step]:
    """What a restore would do, part by part; nothing is done.

    Parameters:
        manifest: of the backup.
        place: where it would come.
        replace: whether data that is there may be replaced.
    """
    steps = []
    for part, entry in manifest.parts.items():
        if part == PROJECT:
            continue
        what = f"{_counted(len(entry.files))}, as of {entry.at:%Y-%m-%d %H:%M:%S} UTC"
        if part == HISTORY:
            steps.append(_history_step(place, what, replace))
        elif part in place.rooms:
            there = place.rooms[part].holds()
            action = "replaces what is in" if there and replace else "goes into"
            steps.append(Step(part, f"{action} {place.rooms[part].where}: {what}", bool(there)))
        elif part in place.coming:
            steps.append(Step(part, f"goes into the new {place.coming[part]}: {what}", does=False))
        else:
            steps.append(Step(part, f"stays out: {place.missing.get(part, 'it has no place here')}", does=False))
    return steps


def check(place: Place, steps: Sequence[Step], replace: bool) -> None:
    """Look at everything that would hold a restore up, before anything is touched.

    Raises:
        ProblemsError: a server runs, or there is data already.
    """
    done = [step for step in steps if step.does]
    _nothing_runs(place, done)
    if not replace and (full := [step.part for step in done if step.full]):
        raise not_empty(full, place.words)


def restore(backup: Backup, place: Place, steps: Sequence[Step], told: Told) -> None:
    """Put the data of a backup where it belongs: each part comes whole, or not at all.

    Parameters:
        backup: has been verified.
        place: where it comes; has been checked.
        steps: of the plan.
        told: is told what is done.

    Raises:
        ProblemsError: a part cannot be written.
    """
    for step in (step for step in steps if step.does):
        told(f"restoring {step.part}")
        with backup.entries(step.part) as entries:
            if step.part == HISTORY:
                assert place.history is not None
                place.history.restore(entries)
            else:
                place.rooms[step.part].write(entries, MARKS[step.part])


def restore_project(backup: Backup, project: Path, replace: bool) -> list[str]:
    """Write the catalogue and the generated files that are not there; with `replace` also those that differ.

    Returns:
        What was done, in words.
    """
    said = []
    written = kept = 0
    with backup.entries(PROJECT) as entries:
        for entry in entries:
            content = entry.content.read()
            path = project / entry.name
            if path.is_file() and (path.read_bytes() == content or not replace):
                kept += path.read_bytes() != content
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written += 1
    said.append(f"{_counted(written)} written to {project}")
    if kept:
        said.append(f"{_counted(kept)} there differ from the backup's and were left; --replace takes the backup's")
    return said


def _history_step(place: Place, what: str, replace: bool) -> Step:
    if place.history is None:
        return Step(HISTORY, "stays out: the stack has no history", does=False)
    there = place.history.there()
    if there and replace:
        return Step(HISTORY, f"gives the store what it has not: {what}", True)
    return Step(HISTORY, f"goes into a new store: {what}", there)


def _nothing_runs(place: Place, steps: Sequence[Step]) -> None:
    for step in steps:
        if step.part in place.up:
            raise running(step.part, place.up[step.part])
        if step.part == HISTORY:
            if place.history is not None and place.history.running():
                raise running(HISTORY, "a process has the store open")
        # Into an empty folder nothing has its data open, whoever answers at that port.
        elif step.full and (url := place.urls.get(step.part)) and _answers(url):
            raise running(step.part, f"it answers at {url}")


def _answers(url: str) -> bool:
    try:
        Server(url).get("/")
    except ToolError as error:
        return error.problems[0].code == "server/refused"
    return True


def _counted(number: int) -> str:
    return f"{number:,} file{'' if number == 1 else 's'}"
