"""Archives: what a part's data is packed into, with a checksum of each file, and read back from."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

from tapewatch.saving.manifest import Saved

__all__ = ["Entry", "Hashed", "entries_of", "pack", "unsafe"]

CHUNK = 1 << 18


@dataclass(frozen=True)
class Entry:
    """A file of a part's data, while the stream that it comes from stands there.

    Parameters:
        name: its path, relative to the part's data.
        size: bytes.
        mtime: when it was changed last, in seconds of the epoch.
        content: its content.
        mode: its permissions.
    """

    name: str
    size: int
    mtime: float
    content: IO[bytes]
    mode: int = 0o600

    @classmethod
    def of(cls, name: str, content: bytes, mtime: float = 0.0) -> Entry:
        """A file whose content is at hand."""
        return cls(name, len(content), mtime, io.BytesIO(content))


class Hashed:
    """A stream that reckons the SHA-256 of what passes through, and its bytes.

    Parameters:
        stream: is written to, or read from.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._sum = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """Of what has passed through so far."""
        return self._sum.hexdigest()

    def write(self, data: Any) -> int:
        """Pass on what is written."""
        self._sum.update(data)
        self.size += len(data)
        return self._stream.write(data)

    def read(self, size: int = -1) -> bytes:
        """Pass on what is read."""
        data = self._stream.read(size)
        self._sum.update(data)
        self.size += len(data)
        return data

    def flush(self) -> None:
        """Pass it on."""
        self._stream.flush()


def pack(entries: Iterable[Entry], out: IO[bytes]) -> list[Saved]:
    """Write files to an archive (tar, as every machine reads it).

    Parameters:
        entries: the files.
        out: takes the archive.

    Returns:
        Each of them with its checksum.
    """
    saved = []
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            info.size, info.mtime, info.mode = entry.size, int(entry.mtime), entry.mode
            hashed = Hashed(entry.content)
            tar.addfile(info, hashed)
            saved.append(Saved(entry.name, entry.size, hashed.sha256))
    return saved


def entries_of(stream: IO[bytes]) -> Iterator[Entry]:
    """The files of a tar stream, one after the other; each has to be read before the next.

    Raises:
        tarfile.TarError: it is none, or ends too soon.
    """
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            if not member.isfile():
                continue
            content = tar.extractfile(member)
            assert content is not None
            yield Entry(str(PurePosixPath(member.name)), member.size, member.mtime, content, member.mode)


def unsafe(name: str) -> bool:
    """Whether a name of an archive would lie outside of the folder that it is unpacked into."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or not path.parts
