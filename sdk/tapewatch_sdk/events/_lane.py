"""Events on disk until they are acknowledged: what one process keeps, in a folder of its own.

A lane is a row of segments, `00000001.jsonl` and so on, written at the end of the last one and read from the first. A
line is an event as JSON with a checksum before it. `position` says up to where everything is acknowledged; a segment
that lies wholly before it is removed. Only one process may hold a lane: it locks the file `lock`, and the system gives
the lock back when the process ends in whatever way.

Everything that is appended is on the disk (fsync) when `append` returns, all of it or nothing. A process that is killed
leaves half a line at most, which nobody was told is kept; it is cut off when the lane is opened again.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple
from zlib import crc32

__all__ = ["Lane", "Piece", "SpoolFullError", "content"]

SEGMENT = 1 << 20
"""Bytes after which a new segment is begun; a quarter of the lane's limit where that is less."""

PIECE = 1 << 18
"""Bytes that are read at once, at least one line."""

_NAME = re.compile(r"(\d{8})\.jsonl")
_POSITION = re.compile(rb"(\d{8}) (\d{12})\n")


class SpoolFullError(Exception):
    """There is no room for these lines within the limit."""


class Piece(NamedTuple):
    """Lines that were read.

    Parameters:
        lines: the lines as they stand on the disk, in order; `content` gives the JSON.
        end: the number of the last one's segment, and the byte after it.
    """

    lines: tuple[bytes, ...]
    end: tuple[int, int]


class Lane:
    """A lane that this process holds.

    Parameters:
        folder: its folder, which is made where it is missing.
        limit: bytes that its segments may have together.

    Raises:
        BlockingIOError: another process holds it.
        OSError: the folder cannot be used.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self._limit = limit
        self._segment_limit = min(SEGMENT, max(limit // 4, 1))
        self._state = Lock()
        self._tail: tuple[int, int] | None = None
        self._marker = -1
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._held = _open(folder / "lock", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._marker = _open(folder / "position", os.O_RDWR | os.O_CREAT)
            self._recover()
        except BaseException:
            self.drop()
            raise

    def _recover(self) -> None:
        found = sorted(int(match[1]) for each in self.folder.iterdir() if (match := _NAME.fullmatch(each.name)))
        if found:
            _cut(self._path(found[-1]))
        self._sizes = {number: self._path(number).stat().st_size for number in found}
        marked = _POSITION.fullmatch(os.pread(self._marker, 32, 0))
        number, offset = (int(marked[1]), int(marked[2])) if marked else (0, 0)
        self._position = (number, min(offset, self._sizes.get(number, 0)))
        self._next = max([number, *found]) + 1
        self._forget()
        self.pending = sum(1 for _ in self._unread())

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08}.jsonl"

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        return sum(list(self._sizes.values()))

    # Writing.

    def append(self, lines: Sequence[bytes]) -> None:
        """Keep lines of JSON, each without a line end, in their order: all of them or none.

        Raises:
            SpoolFullError: there is no room.
            OSError: the disk refuses.
        """
        block = b"".join(b"%08x %s\n" % (crc32(line), line) for line in lines)
        if self.size + len(block) > self._limit:
            raise SpoolFullError
        number, file = self._last()
        end = self._sizes[number]
        try:
            _write(file, block, end)
        except OSError:
            self._take_back(number, file)
            raise
        with self._state:
            self._sizes[number] = end + len(block)
            self.pending += len(lines)

    def _take_back(self, number: int, file: int) -> None:
        """Cuts off what was written in vain; where that fails it is not read, and the segment gets no more."""
        try:
            os.ftruncate(file, self._sizes[number])
        except OSError:
            self._close_tail()

    def _last(self) -> tuple[int, int]:
        """Number and open file of the segment to write to."""
        if self._tail is None or self._sizes.get(self._tail[0], self._segment_limit) >= self._segment_limit:
            self._close_tail()
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = self._next
            file = _open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            self._next = number + 1
            self._tail = number, file
            with self._state:
                self._sizes[number] = 0
            _sync_folder(self.folder)
        return self._tail

    def _close_tail(self) -> None:
        if self._tail is not None:
            os.close(self._tail[1])
            self._tail = None

    # Reading.

    def read(self, most: int) -> Piece:
        """The oldest lines that are not acknowledged, at most so many; empty when there are none.

        Raises:
            OSError: the disk refuses.
        """
        lines: list[bytes] = []
        end, size = self._position, 0
        for number, start, line in self._unread():
            lines.append(line)
            end = number, start + len(line)
            size += len(line)
            if len(lines) >= most or size >= PIECE:
                break
        if not lines:
            self._recount()
        return Piece(tuple(lines), end)

    def _recount(self) -> None:
        """Somebody has removed files: what they held is lost, and waits no more."""
        with self._state:
            for number in [each for each in self._sizes if not self._path(each).exists()]:
                del self._sizes[number]
            self.pending = sum(1 for _ in self._lines_of(self._sizes, self._position))

    def _unread(self) -> Iterator[tuple[int, int, bytes]]:
        """Every line that is not acknowledged, with its segment and where it begins."""
        with self._state:
            sizes, position = dict(self._sizes), self._position
        return self._lines_of(sizes, position)

    def _lines_of(self, sizes: Mapping[int, int], position: tuple[int, int]) -> Iterator[tuple[int, int, bytes]]:
        first, offset = position
        for number, size in sizes.items():
            path = self._path(number)
            if number < first or not path.exists():
                continue
            start = offset if number == first else 0
            with path.open("rb") as file:
                file.seek(start)
                while start < size and (line := file.readline()):
                    yield number, start, line
                    start += len(line)

    def acknowledge(self, piece: Piece) -> None:
        """Forget what was read."""
        with self._state:
            self._position = piece.end
            self.pending -= len(piece.lines)
        # Lost, it makes lines be sent twice, which the receiver knows by their ids; no reason to wait for the disk.
        with suppress(OSError):
            os.pwrite(self._marker, b"%08d %012d\n" % self._position, 0)
        self._forget()

    def _forget(self) -> None:
        """Removes the segments that are acknowledged as a whole, but for the one that is written to."""
        number, offset = self._position
        for each, size in list(self._sizes.items()):
            done = each < number or (each == number and offset >= size)
            if done and (self._tail is None or each != self._tail[0] or size >= self._segment_limit):
                with suppress(OSError):
                    self._path(each).unlink()
                    with self._state:
                        del self._sizes[each]

    # The end.

    def release(self) -> None:
        """Let another process have the lane."""
        fcntl.flock(self._held, fcntl.LOCK_UN)
        self.drop()

    def drop(self) -> None:
        """Close the files; all that a forked child may do, whose parent goes on holding the lane."""
        self._close_tail()
        for file in (self._marker, self._held):
            if file >= 0:
                os.close(file)
        self._marker = self._held = -1


def _open(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _write(file: int, block: bytes, start: int) -> None:
    view = memoryview(block)
    while view:
        written = os.pwrite(file, view, start)
        view, start = view[written:], start + written
    os.fsync(file)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def content(line: bytes) -> bytes | None:
    """The JSON of a whole line; None when the checksum does not fit."""
    text = line[9:-1]
    return text if line[:9] == b"%08x " % crc32(text) and line.endswith(b"\n") else None


def _cut(path: Path) -> None:
    """Cuts off what stands behind the last whole line: half a line, or what a power cut left."""
    good = end = 0
    with path.open("rb") as file:
        for line in file:
            end += len(line)
            if content(line) is not None:
                good = end
    if good < end:
        os.truncate(path, good)
