"""Takes the oldest server versions that tapewatch supports from Debian sid, without touching the system's packages.

Sid is read through a configuration and list folders of its own, so that the system's `apt` never learns of it. Nothing
is installed: the packages are downloaded and unpacked. No root is needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from _tools import BuildError, Made, run, run_again

__all__ = ["OLDEST", "OldProgram", "unpack_programs"]

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, slots=True)
class OldProgram:
    """A program that comes from a Debian package.

    Parameters:
        version: the oldest version that tapewatch supports: 3.5 means any 3.5.x.
        package: the package that holds it.
        path: where it lies in the package.
        data: a folder of the package that it reads and that is kept beside it; empty for none.
    """

    version: str
    package: str
    path: str
    data: str = ""


OLDEST: Mapping[str, OldProgram] = {
    "prometheus": OldProgram("3.5", "prometheus", "usr/bin/prometheus"),
    "promtool": OldProgram("3.5", "promtool", "usr/bin/promtool"),
    "alertmanager": OldProgram(
        "0.33", "prometheus-alertmanager", "usr/bin/prometheus-alertmanager", "usr/share/prometheus/alertmanager"
    ),
    "amtool": OldProgram("0.33", "prometheus-alertmanager", "usr/bin/amtool"),
}


def unpack_programs(names: list[str], workshop: Path) -> list[Made]:
    """Downloads and unpacks the packages of the named programs, inside `workshop`.

    Parameters:
        names: keys of `OLDEST`.
        workshop: an empty folder for the lists, the packages and the results; the caller removes it.

    Raises:
        BuildError: this is no Debian, the mirror does not answer, or sid has moved on to another version.
    """
    apt = {"APT_CONFIG": str(_write_configuration(workshop))}
    run_again(["apt-get", "update", "--error-on=any"], workshop, apt)
    unpacked = {package: _unpack(package, workshop, apt) for package in {OLDEST[name].package for name in names}}
    made = []
    for name in names:
        wanted = OLDEST[name]
        version, root = unpacked[wanted.package]
        if not f"{version}.".startswith(f"{wanted.version}."):
            raise BuildError(f"Debian sid holds {name} {version} now, and {wanted.version} is wanted")
        made.append(Made(name, version, root / wanted.path, root / wanted.data if wanted.data else None))
    return made


def _write_configuration(workshop: Path) -> Path:
    """An apt configuration in which sid is the only source and every folder lies in the workshop."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (workshop / folder).mkdir(parents=True)
    sources = workshop / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {_mirror(workshop)} sid main\n", encoding="utf-8")
    configuration = workshop / "apt.conf"
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": workshop / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": workshop / "cache",
        # As root, apt would download as a user who cannot enter the workshop.
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    lines = [f'{name} "{value}";' for name, value in settings.items()]
    configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return configuration


def _mirror(workshop: Path) -> str:
    """The Debian mirror that this machine uses already."""
    listing = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"], workshop, {})
    for address in listing.splitlines():
        if address.rstrip("/").endswith("/debian"):
            return address
    raise BuildError("the apt sources of this machine name no Debian mirror, so Debian's packages cannot be had here")


def _unpack(package: str, workshop: Path, apt: Mapping[str, str]) -> tuple[str, Path]:
    """Upstream's version of the package and the folder into which it was unpacked."""
    run_again(["apt-get", "download", package], workshop, apt)
    (archive,) = workshop.glob(f"{package}_*.deb")
    root = workshop / "unpacked" / package
    root.mkdir(parents=True)
    run(["dpkg", "-x", str(archive), str(root)], workshop, {})
    version = run(["dpkg-deb", "--field", str(archive), "Version"], workshop, {}).strip()
    # 1:3.5.3+ds1-6 is upstream's 3.5.3: what stands before and behind it is Debian's.
    upstream = re.search(r"(?:^\d+:)?(\d+(?:\.\d+)+)", version)
    if upstream is None:
        raise BuildError(f"the package {package} has the version {version!r}, in which no number is to be found")
    return upstream.group(1), root
