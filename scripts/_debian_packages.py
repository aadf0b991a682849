"""Downloads packages of any Debian suite, without touching the system's packages.

The suite is read through a configuration and list folders of its own, so that the system's `apt` never learns of it.
Nothing is installed: the packages are downloaded, and what is inside is read out of them. No root is needed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from _tools import BuildError, run, run_again

__all__ = ["Package", "download", "download_with_dependencies", "open_suite", "unpack"]

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, slots=True)
class Package:
    """A downloaded package.

    Parameters:
        name: such as `prometheus-alertmanager`.
        version: upstream's version: 1:3.5.3+ds1-6 is upstream's 3.5.3, what stands before and behind it is Debian's.
        architecture: such as `amd64`, or `all`.
        archive: the `.deb` file.
        control: the package's own description, as `dpkg` keeps it.
    """

    name: str
    version: str
    architecture: str
    archive: Path
    control: str


def open_suite(suite: str, workshop: Path) -> Mapping[str, str]:
    """Reads a suite's package lists, inside `workshop`; gives the variables with which `apt-get` sees that suite alone.

    Parameters:
        suite: such as `sid` or `bookworm`.
        workshop: an empty folder; the caller removes it.

    Raises:
        BuildError: this is no Debian, or the mirror does not answer.
    """
    apt = {"APT_CONFIG": str(_write_configuration(suite, workshop))}
    run_again(["apt-get", "update", "--error-on=any"], workshop, apt)
    return apt


def download(names: list[str], workshop: Path, apt: Mapping[str, str]) -> list[Package]:
    """Downloads exactly the named packages into `workshop`, in the order of the names.

    Raises:
        BuildError: there is no such package, or the mirror does not answer.
    """
    run_again(["apt-get", "download", *names], workshop, apt)
    archives = [next(workshop.glob(f"{name}_*.deb")) for name in names]
    return [_read(archive, workshop) for archive in archives]


def download_with_dependencies(names: list[str], workshop: Path, apt: Mapping[str, str]) -> list[Package]:
    """Downloads the named packages and everything that they depend on, sorted by name.

    Parameters:
        names: packages, or one of apt's patterns such as `?essential`.
        workshop: the folder of `open_suite`.
        apt: what `open_suite` gave.
    """
    command = ["apt-get", "install", "--yes", "--download-only", "--no-install-recommends", *names]
    run_again(command, workshop, apt)
    return [_read(archive, workshop) for archive in sorted((workshop / "cache" / "archives").glob("*.deb"))]


def unpack(package: Package, workshop: Path) -> Path:
    """The folder inside `workshop` into which the package was unpacked."""
    root = workshop / "unpacked" / package.name
    root.mkdir(parents=True)
    run(["dpkg", "-x", str(package.archive), str(root)], workshop, {})
    return root


def _write_configuration(suite: str, workshop: Path) -> Path:
    """An apt configuration in which the suite is the only source and every folder lies in the workshop."""
    for folder in ("lists/partial", "cache/archives/partial"):
        (workshop / folder).mkdir(parents=True)
    sources = workshop / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {_mirror(workshop)} {suite} main\n", encoding="utf-8")
    # No package is installed, as apt shall see it: so all that a package depends on is downloaded with it.
    status = workshop / "status"
    status.touch()
    configuration = workshop / "apt.conf"
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State": workshop,
        "Dir::State::lists": workshop / "lists",
        "Dir::State::status": status,
        "Dir::Cache": workshop / "cache",
        # As root, apt would download as a user who cannot enter the workshop.
        "APT::Sandbox::User": "root",
        # The system's lock belongs to the system's packages.
        "Debug::NoLocking": "true",
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


def _read(archive: Path, workshop: Path) -> Package:
    control = run(["dpkg-deb", "--field", str(archive)], workshop, {})
    fields = dict(re.findall(r"^(\S+): (.*)$", control, re.MULTILINE))
    upstream = re.search(r"(?:^\d+:)?(\d+(?:\.\d+)*)", fields["Version"])
    if upstream is None:
        raise BuildError(f"{archive.name} has the version {fields['Version']!r}, in which no number is to be found")
    return Package(fields["Package"], upstream.group(1), fields["Architecture"], archive, control)
