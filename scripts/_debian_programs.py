"""Takes server programs from Debian sid: the oldest versions that tapewatch supports, and what only Debian has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from _debian_packages import Package, download, open_suite, unpack
from _tools import BuildError, Made

__all__ = ["DEBIAN_BEYOND", "DEBIAN_ONLY", "OLDEST", "DebianProgram", "unpack_programs"]


@dataclass(frozen=True, slots=True)
class DebianProgram:
    """A program that comes from a Debian package.

    Parameters:
        package: the package that holds it.
        path: where it lies in the package.
        version: the version that must be in it: 3.5 means any 3.5.x; empty for any at all.
        data: a folder of the package that it reads and that is kept beside it; empty for none.
    """

    package: str
    path: str
    version: str = ""
    data: str = ""


OLDEST: Mapping[str, DebianProgram] = {
    "prometheus": DebianProgram("prometheus", "usr/bin/prometheus", "3.5"),
    "promtool": DebianProgram("promtool", "usr/bin/promtool", "3.5"),
    "alertmanager": DebianProgram(
        "prometheus-alertmanager", "usr/bin/prometheus-alertmanager", "0.33", "usr/share/prometheus/alertmanager"
    ),
    "amtool": DebianProgram("prometheus-alertmanager", "usr/bin/amtool", "0.33"),
}
"""The oldest versions in which the generated files must load."""

DEBIAN_ONLY: Mapping[str, DebianProgram] = {
    "blackbox_exporter": DebianProgram(
        "prometheus-blackbox-exporter", "usr/bin/prometheus-blackbox-exporter", data="etc/prometheus"
    ),
    "docker-compose": DebianProgram("docker-compose", "usr/libexec/docker/cli-plugins/docker-compose"),
}
"""Programs that the Go module proxy does not have. They need the system's libc, unlike those that we compile."""

DEBIAN_BEYOND: Mapping[str, DebianProgram] = {"etcd": DebianProgram("etcd-server", "usr/bin/etcd")}
"""What only tests run, of the suite beyond one machine: where a Kubernetes API server keeps its objects."""


def unpack_programs(programs: Mapping[str, DebianProgram], workshop: Path) -> list[Made]:
    """Downloads and unpacks the packages of the programs, inside `workshop`.

    Parameters:
        programs: by name, such as `OLDEST`.
        workshop: an empty folder for the lists, the packages and the results; the caller removes it.

    Raises:
        BuildError: this is no Debian, the mirror does not answer, or sid has moved on to another version.
    """
    apt = open_suite("sid", workshop)
    packages = download(sorted({program.package for program in programs.values()}), workshop, apt)
    unpacked = {package.name: (package, unpack(package, workshop)) for package in packages}
    return [_take(name, program, *unpacked[program.package]) for name, program in programs.items()]


def _take(name: str, program: DebianProgram, package: Package, root: Path) -> Made:
    if program.version and not f"{package.version}.".startswith(f"{program.version}."):
        raise BuildError(f"Debian sid holds {name} {package.version} now, and {program.version} is wanted")
    if not (root / program.path).is_file():
        raise BuildError(f"Debian's {package.name} {package.version} holds no {program.path}; another package does now")
    return Made(name, package.version, root / program.path, root / program.data if program.data else None)
