"""Sees what a piece of code does to disk, network and other processes, by the interpreter's own audit events."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

__all__ = ["watched"]

_OTHERS = {
    "os.system": "starts a program",
    "subprocess.Popen": "starts a program",
    "socket.connect": "connects to a server",
    "socket.bind": "listens at a port",
    "socket.sendto": "sends to a server",
    "socket.getaddrinfo": "looks up a host",
}
_CHANGES = {"os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"}
_READS = {"os.listdir", "os.scandir"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_here = threading.local()
_installed: list[bool] = []


@contextmanager
def watched() -> Iterator[list[str]]:
    """What this thread does in the block beyond computing, a line for each thing; it runs in an empty folder.

    Reading what is installed is left out: packages come with files of their own, and are imported when needed.
    """
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_hook)  # it stays for the rest of the process, and does nothing outside such a block
    found: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tapewatch-") as folder, chdir(folder):
        _here.seen = found
        try:
            yield found
        finally:
            _here.seen = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    seen: list[str] | None = getattr(_here, "seen", None)
    if seen is None:
        return
    _here.seen = None  # what is done here is not the watched code's
    try:
        if line := _told(event, arguments):
            seen.append(line)
    finally:
        _here.seen = seen


def _told(event: str, arguments: tuple[Any, ...]) -> str:
    if event in _OTHERS:
        return _OTHERS[event]
    if event == "open":
        path, _, flags = arguments
        writes = isinstance(flags, int) and flags & _WRITING
        return _of_file(path, "writes" if writes else "reads")
    if event in _CHANGES:
        return _of_file(arguments[0], "changes")
    return _of_file(arguments[0], "reads") if event in _READS else ""


def _of_file(path: Any, verb: str) -> str:
    if not isinstance(path, str | bytes | os.PathLike):
        return ""  # a file that is open already
    place = Path(os.fsdecode(path)).absolute()
    cached = "__pycache__" in place.parts  # Python itself keeps there what it has compiled
    if cached or (verb == "reads" and any(map(place.is_relative_to, _installation()))):
        return ""
    return f"{verb} {place}"


def _installation() -> Iterator[Path]:
    temporary, here = Path(tempfile.gettempdir()), Path.cwd()
    for each in (*sys.path, sys.prefix, sys.base_prefix, os.devnull, "/proc/self"):
        folder = Path(each or ".").absolute()
        if folder not in (temporary, here, *here.parents):
            yield folder
