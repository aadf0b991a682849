"""What the installer reads in a unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from tapewatch import layout
from tapewatch.renderers.systemd import OURS, READS, unit_settings

__all__ = ["DROP_IN", "FOLDERS", "TARGET_WANTS", "UNITS", "USERS", "Unit", "folders", "told", "units", "users"]

UNITS = "systemd/system"
"""Folder of the units below `etc`."""

USERS = "sysusers.d/tapewatch.conf"
FOLDERS = "tmpfiles.d/tapewatch.conf"

DROP_IN = "/50-tapewatch.conf"
"""End of the path of what we have for a unit of somebody else."""

TARGET_WANTS = f"{UNITS}/multi-user.target.wants"
"""Where an enabled target has its link."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A service of ours.

    Parameters:
        name: `tapewatch-loki.service`.
        program: the executable.
        secrets: files that systemd loads for it.
        reads: files and folders below `/` that it reads when it starts or reloads.
        reloads: whether it can be told to read them again.
    """

    name: str
    program: str
    secrets: tuple[str, ...]
    reads: tuple[str, ...]
    reloads: bool

    @property
    def file(self) -> str:
        """The unit's own file, below `etc`."""
        return f"{UNITS}/{self.name}"


def units(files: Mapping[str, str]) -> list[Unit]:
    """The services of a set of files, by name."""
    mine = (path for path in sorted(files) if PurePosixPath(path).parent == PurePosixPath(UNITS))
    return [_unit(PurePosixPath(path).name, files[path]) for path in mine if path.endswith(".service")]


def users(files: Mapping[str, str]) -> list[str]:
    """The users that sysusers.d asks for."""
    return [words[1] for words in _lines(files.get(USERS, "")) if words[0] == "u"]


def folders(files: Mapping[str, str]) -> list[str]:
    """The folders that tmpfiles.d asks for."""
    return [words[1] for words in _lines(files.get(FOLDERS, "")) if words[0] == "d"]


def told(path: str) -> str:
    """A file of the host by the name that it has in the project, where plans know it."""
    inner = path.removeprefix("tapewatch/")
    return f"{layout.PROVISIONING}/{inner}" if inner != path else f"{layout.SYSTEMD}/etc/{path}"


def _unit(name: str, text: str) -> Unit:
    found: dict[tuple[str, str], list[str]] = {}
    for section, key, value in unit_settings(text):
        found.setdefault((section, key), []).append(value)
    return Unit(
        name,
        found["Service", "ExecStart"][0].split()[0],
        tuple(each.partition(":")[2] for each in found.get(("Service", "LoadCredential"), ())),
        tuple(found.get((OURS, READS), ())),
        ("Service", "ExecReload") in found,
    )


def _lines(text: str) -> Iterable[list[str]]:
    return (line.split() for line in text.splitlines() if line and not line.startswith("#"))
