"""Puts a root file system together as one tar file, without root and without unpacking anything.

Owners, modes and links come from the Debian packages themselves. The same content gives the same bytes: paths are
sorted, and every file carries the same time.
"""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
from pathlib import Path

from _debian_packages import Package
from _tools import BuildError

__all__ = ["RootFileSystem"]

TIME = 0
"""Seconds since 1970 that every file carries; what the packages say would change with each of Debian's rebuilds."""

MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Folders that are links into /usr, as on every Debian since 12."""

LEFT_OUT = re.compile(r"usr/share/(doc/(?!.*/copyright$)|man/|info/|locale/|lintian/|bug/|doc-base/|menu/)|var/cache/")
"""What slim images leave out of a package as well."""


class RootFileSystem:
    """A root file system that is being put together; what is added later replaces what stands at the same path."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[tarfile.TarInfo, bytes | Path]] = {}

    def paths(self) -> list[str]:
        """Every path in it, without the leading slash, sorted."""
        return sorted(self._entries)

    def read(self, path: str) -> bytes:
        """The content of a file in it.

        Raises:
            KeyError: there is no such path.
        """
        content = self._entries[_inside(path)][1]
        return content if isinstance(content, bytes) else content.read_bytes()

    def add_package(self, package: Package) -> list[str]:
        """Adds what a Debian package holds, without manuals and translations; gives the paths in the package.

        Raises:
            BuildError: the archive cannot be read.
        """
        command = ["dpkg-deb", "--fsys-tarfile", str(package.archive)]
        unpacked = subprocess.run(command, capture_output=True, check=False)
        if unpacked.returncode != 0:
            raise BuildError(f"`{' '.join(command)}` failed: {unpacked.stderr.decode(errors='replace').strip()}")
        with tarfile.open(fileobj=io.BytesIO(unpacked.stdout)) as archive:
            return self._add_members(archive)

    def add_tar(self, path: Path) -> None:
        """Adds everything that a tar file holds."""
        with tarfile.open(path) as archive:
            self._add_members(archive)

    def add_file(self, path: str, source: Path, mode: int = 0o644) -> None:
        """Adds a file of this machine, owned by root; it must stay there until `write` has ended."""
        member = self._member(path, mode)
        member.size = source.stat().st_size
        self._put(member, source)

    def add_text(self, path: str, text: str, owner: int = 0, mode: int = 0o644) -> None:
        """Adds a file with this text, owned by the user and group of this number."""
        content = text.encode()
        member = self._member(path, mode, owner)
        member.size = len(content)
        self._put(member, content)

    def add_folder(self, path: str, owner: int = 0, mode: int = 0o755) -> None:
        """Adds a folder, owned by the user and group of this number."""
        member = self._member(path, mode, owner)
        member.type = tarfile.DIRTYPE
        self._put(member, b"")

    def add_link(self, path: str, target: str) -> None:
        """Adds a symbolic link, unless something stands there already."""
        member = self._member(path, 0o777)
        if member.name not in self._entries:
            member.type = tarfile.SYMTYPE
            member.linkname = target
            self._put(member, b"")

    def remove(self, path: str) -> None:
        """Takes a file out again; nothing happens when it is not there."""
        self._entries.pop(_inside(path), None)

    def write(self, target: Path) -> None:
        """Writes the tar file."""
        entries = {**self._merged_folders(), **self._entries}
        # A hard link comes after what it links to.
        ordered = sorted(entries.values(), key=lambda entry: (entry[0].islnk(), entry[0].name))
        # GNU's format: no extra headers, which would hold the time again.
        with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
            for member, content in ordered:
                if isinstance(content, bytes):
                    archive.addfile(member, io.BytesIO(content))
                else:
                    with content.open("rb") as file:
                        archive.addfile(member, file)

    def _add_members(self, archive: tarfile.TarFile) -> list[str]:
        paths = []
        for member in archive:
            paths.append(member.name)
            name = _inside(member.name)
            if not name or LEFT_OUT.match(f"{name}/" if member.isdir() else name):
                continue
            file = archive.extractfile(member) if member.isreg() else None
            content = file.read() if file else b""
            if member.islnk():
                member.linkname = _inside(member.linkname)
            member.name = name
            self._put(member, content)
        return paths

    def _put(self, member: tarfile.TarInfo, content: bytes | Path) -> None:
        member.mtime = TIME
        member.uname = member.gname = ""
        member.pax_headers = {}
        for parent in reversed(Path(member.name).parents):
            if str(parent) != "." and str(parent) not in self._entries:
                self.add_folder(str(parent))
        self._entries[member.name] = (member, content)

    @staticmethod
    def _member(path: str, mode: int, owner: int = 0) -> tarfile.TarInfo:
        member = tarfile.TarInfo(_inside(path))
        member.mode, member.uid, member.gid = mode, owner, owner
        return member

    def _merged_folders(self) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
        links = {}
        for folder in MERGED:
            if f"usr/{folder}" in self._entries:
                link = tarfile.TarInfo(folder)
                link.type, link.linkname, link.mode = tarfile.SYMTYPE, f"usr/{folder}", 0o777
                links[folder] = (link, b"")
        return links


def _inside(path: str) -> str:
    """The path without a leading `/` or `./`, and inside /usr where Debian merged folders."""
    plain = re.sub(r"^(\.?/)+|^\.$", "", path).rstrip("/")
    return f"usr/{plain}" if plain.split("/", 1)[0] in MERGED else plain
