"""The journal: what was acknowledged and is not in the DuckDB file yet, in files beside it.

Each chunk of batches has a file of its own, `NAME.journal-NUMBER`, which is removed when the chunk is in the DuckDB
file. A batch is one record, with its length and a checksum before it; a record that is not whole was never
acknowledged.
A journal of our own, because it costs one fsync a batch, and because what DuckDB does to its file (checkpoints,
retention, compaction) then never holds a batch up.
"""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

__all__ = ["Journal", "sync_folder"]

_HEAD = struct.Struct("<4sII")
_MARK = b"twj1"

RESERVE = 1 << 20
"""Bytes by which a file is made longer at a time: a full disk shows before a record is half written, and fsync has no
new length to write each time."""


_log = logging.getLogger("tapewatch.history.store")


class Journal:
    """The files of one store.

    Parameters:
        path: of the DuckDB file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._end = 0
        self._reserved = 0
        self._prepared = -1

    def chunks(self) -> list[int]:
        """The numbers of the files that are there, in their order."""
        found = (
            each.suffix.removeprefix(".journal-") for each in self._path.parent.glob(f"{self._path.name}.journal-*")
        )
        return sorted(int(number) for number in found if number.isdigit())

    def read(self, chunk: int, offset: int = 0) -> Iterator[tuple[bytes, int]]:
        """The whole records of a file from an offset on, each with the offset of the next.

        After a record that is not whole there is none, unless the disk has damaged it since: then those after it are
        given, and the loss is told.
        """
        path = self._file(chunk)
        body = path.read_bytes()
        whole = ((at, _whole(body, at)) for at in _marks(body, offset))
        for begin, record in whole:
            if record is None or begin < offset:  # not one, or within the one before
                continue
            if begin > offset:
                _log.warning("%s is damaged: the batches in %d bytes of it are lost", path, begin - offset)
            offset = begin + _HEAD.size + len(record)
            yield record, offset

    def prepare(self, chunk: int) -> None:
        """Make the file of a chunk, so that `begin` costs nothing.

        Raises:
            OSError: it cannot be made.
        """
        path = self._file(chunk)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            sync_folder(path.parent)
        except OSError:
            os.close(descriptor)
            raise
        if self._prepared >= 0:
            os.close(self._prepared)
        self._prepared = descriptor

    def begin(self) -> None:
        """Go on in the file that was prepared."""
        old = self._descriptor
        self._descriptor, self._end, self._reserved, self._prepared = self._prepared, 0, 0, -1
        if old >= 0:
            os.close(old)

    @property
    def open(self) -> bool:
        """Whether there is a file that is written to."""
        return self._descriptor >= 0

    def append(self, record: bytes) -> None:
        """Write a record; it is on disk when this returns.

        Raises:
            OSError: nothing of it will be read again.
        """
        framed = _HEAD.pack(_MARK, len(record), crc32(record)) + record
        try:
            self.reserve(len(framed))
            done = 0
            while done < len(framed):
                done += os.pwrite(self._descriptor, framed[done:], self._end + done)
            os.fdatasync(self._descriptor)
        except OSError:
            # The mark is wiped so that a later record of another length cannot make sense of what is left of this one.
            os.pwrite(self._descriptor, bytes(min(_HEAD.size, max(0, self._reserved - self._end))), self._end)
            raise
        self._end += len(framed)

    def reserve(self, size: int) -> None:
        """Make sure that there is room for more.

        Raises:
            OSError: there is none.
        """
        if self._end + size <= self._reserved:
            return
        more = max(size, RESERVE)
        try:
            os.posix_fallocate(self._descriptor, self._end, more)
        except OSError:
            more = size  # there may be room for this one yet
            os.posix_fallocate(self._descriptor, self._end, more)
        self._reserved = self._end + more

    @property
    def size(self) -> int:
        """Bytes of the records in the file that is in use."""
        return self._end

    def remove(self, chunk: int) -> None:
        """Remove a file whose batches are in the DuckDB file."""
        self._file(chunk).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the files."""
        for descriptor in (self._descriptor, self._prepared):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._prepared = -1

    def _file(self, chunk: int) -> Path:
        return self._path.with_name(f"{self._path.name}.journal-{chunk}")


def _marks(body: bytes, offset: int) -> Iterator[int]:
    """Where a record may begin."""
    while (offset := body.find(_MARK, offset)) >= 0:
        yield offset
        offset += 1


def _whole(body: bytes, offset: int) -> bytes | None:
    """The record that begins there, if it is as it was written."""
    if offset + _HEAD.size > len(body):
        return None
    _, length, checksum = _HEAD.unpack_from(body, offset)
    record = body[offset + _HEAD.size : offset + _HEAD.size + length]
    return record if len(record) == length and crc32(record) == checksum else None


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder's files to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
