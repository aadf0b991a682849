"""Where the data of one part is: a shell in there, on this machine or in a container that has the part's volume alone.

The same scripts run in both, with what busybox has: so what is proven of one holds for the other.
"""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tapewatch.saving.failures import part_failed
from tapewatch.saving.packing import Entry, entries_of, pack

__all__ = ["CLEAR", "HELD", "MARKS", "PLAIN", "Room"]

MARKS = {
    "prometheus": ("wal", "wbl", "chunks_head", "chunk_snapshot.*", "[0-9]*[0-9A-Z]"),
    "alertmanager": ("nflog", "silences"),
    "grafana": ("grafana.db", "grafana.db-journal", "grafana.db-wal", "grafana.db-shm"),
    "secrets": ("grafana-password",),
    "history-key": ("api-key",),
}
"""What is a part's data, among what else lies in its folder; patterns of the shell."""

HELD = r"""
held=snapshots/$1
find snapshots -maxdepth 1 -name 'tapewatch-*' -mmin +1440 -exec rm -rf {} + 2>/dev/null || true
trap 'rm -rf "$held"' EXIT
trap 'exit 1' HUP INT TERM PIPE
state() { ls wal | sed -n '1p;/^checkpoint/p'; }
hold() {
    rm -rf "$held" && mkdir -p "$held" && before=$(state) || return 1
    cp -al wal "$held/" || return 1
    [ ! -d wbl ] || cp -al wbl "$held/" || return 1
    [ "$before" = "$(state)" ] || return 1
    for each in [0-9]*/meta.json; do
        [ ! -e "$each" ] || case $each in *.tmp-*) ;; *) cp -al "${each%/meta.json}" "$held/" || return 1 ;; esac
    done
    for log in wal wbl; do
        last=$(ls "$held/$log" 2>/dev/null | grep -v checkpoint | tail -n 1)
        [ -z "$last" ] || { cp "$held/$log/$last" "$held/last" && mv -f "$held/last" "$held/$log/$last"; } || return 1
    done
}
for try in 1 2 3 4 5; do
    if hold 2>"/tmp/held.$$"; then done=yes; break; fi
    sleep 1
done
[ -n "$done" ] || { cat "/tmp/held.$$" >&2; rm -f "/tmp/held.$$"; exit 1; }
rm -f "/tmp/held.$$"
(cd "$held" && tar -c -f - *)
"""
"""Prometheus's data as it is at one moment, as Prometheus's own snapshot makes it: by links, while it goes on.

The log of the head comes first and is looked at again: when Prometheus cut it meanwhile, all begins anew. Blocks come
after it, so that what left the log in between is in one of them. Blocks never change, segments of the log only grow,
and the last of them is copied, half a record at its end included, which Prometheus drops when it reads it again. What
it maps into memory (`chunks_head`) is left out: it makes it anew from the log. What was left by a machine that went
down during a backup is removed a day later.
"""

PLAIN = r"""
files=
for each in "$@"; do [ ! -e "$each" ] || files="$files $each"; done
[ -n "$files" ] || exit 0
tar -c -f - $files
"""
"""The named files, as far as they are there."""

_UNPACK = r"""
umask 022
trap 'rm -rf .restoring' EXIT
rm -rf .restoring && mkdir .restoring
tar -x -o -f - -C .restoring
rm .restoring/.whole
for each in "$@"; do rm -rf $each; done
mv .restoring/* .
[ "$(id -u)" != 0 ] || chown -R "$(stat -c %u:%g .)" .
"""
"""All of the stream comes in beside what is there; the mark at its end says that it was whole."""

CLEAR = 'rm -rf "$1"'

_LOOK = 'for each in "$@"; do for one in $each; do [ ! -e "$one" ] || echo "$one"; done; done'


@dataclass(frozen=True)
class Room:
    """A folder with the data of a part.

    Parameters:
        part: its name.
        where: in words, such as the folder's path.
        command: what runs a script of the shell in there, without the script.
        folder: where the command is started; this process's own folder in case of None.
    """

    part: str
    where: str
    command: Sequence[str]
    folder: Path | None = None

    @contextmanager
    def read(self, script: str, *arguments: str) -> Iterator[Iterator[Entry]]:
        """The files of the tar stream that a script makes.

        Raises:
            ToolError: the script failed.
        """
        with tempfile.TemporaryFile() as said:
            process = self._start(script, arguments, said, stdout=subprocess.PIPE)
            assert process.stdout is not None
            try:
                yield self._entries(process.stdout)
                process.stdout.read()
            except BaseException:
                process.stdout.close()  # a script that writes on ends by that
                process.wait()
                raise
            process.stdout.close()
            self._check(process, said)

    def write(self, entries: Iterable[Entry], replaced: Sequence[str], script: str = _UNPACK) -> None:
        """Put files in here: all of them, or none.

        Parameters:
            entries: the files; an error while they are read leaves everything as it was.
            replaced: what is removed first, once all of them are here.

        Raises:
            ToolError: there is no room, or no permission.
        """
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile() as said:
            process = self._start(script, replaced, said, stdin=subprocess.PIPE)
            assert process.stdin is not None
            try:
                with suppress(BrokenPipeError), process.stdin as stream:
                    pack(_marked(entries), stream)
            except BaseException:
                process.wait()  # its stream has ended without the mark
                raise
            self._check(process, said)

    def holds(self) -> list[str]:
        """The part's data that is in here."""
        if self.folder is not None and not self.folder.is_dir():
            return []
        return self.text(_LOOK, *MARKS.get(self.part, ("*",))).split()

    def text(self, script: str, *arguments: str) -> str:
        """What a script prints.

        Raises:
            ToolError: it failed.
        """
        with tempfile.TemporaryFile() as said:
            process = self._start(script, arguments, said, stdout=subprocess.PIPE)
            assert process.stdout is not None
            text = process.stdout.read().decode("utf-8", "replace")
            process.stdout.close()
            self._check(process, said)
        return text

    def _start(
        self, script: str, arguments: Sequence[str], said: IO[bytes], *, stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        try:
            return subprocess.Popen(
                [*self.command, "sh", "-ec", script, "sh", *arguments], cwd=self.folder, stdin=stdin, stdout=stdout,
                stderr=said,
            )  # fmt: skip
        except OSError as error:
            raise part_failed(self.part, f"{self.where}: {error.strerror}") from error

    def _check(self, process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        if process.wait() != 0:
            said.seek(0)
            lines = said.read().decode("utf-8", "replace").strip().splitlines()
            raise part_failed(self.part, f"{self.where}: {lines[-1] if lines else f'exit code {process.returncode}'}")

    def _entries(self, stream: IO[bytes]) -> Iterator[Entry]:
        if not stream.peek(1):  # type: ignore[attr-defined]  # of a pipe, which is buffered
            return
        try:
            yield from entries_of(stream)
        except tarfile.TarError as error:
            raise part_failed(self.part, f"{self.where}: {error}") from error


def _marked(entries: Iterable[Entry]) -> Iterator[Entry]:
    yield from entries
    yield Entry.of(".whole", b"")
