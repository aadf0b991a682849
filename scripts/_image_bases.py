"""The root file systems that lie under the stand-in images, made from Debian packages and kept in the cache folder.

Debian's installer is not run, so that neither root nor a container is needed: what it would have made besides the
packages' own files (users, the bundle of certificates, a few links, the list of what is installed) is written here.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from _debian_packages import Package, download, download_with_dependencies, open_suite, unpack
from _image_tar import RootFileSystem
from _server_jobs import WORKSHOP_PREFIX
from _tools import BuildError

__all__ = ["BASES", "Base", "base_key", "base_tar"]

FORMAT = "1"
"""Changes when the code below makes other files from the same packages, so that what was cached is made again."""

USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
GROUPS = "root:x:0:\nnobody:x:65534:\n"
NAMES = "hosts: files dns\n"


@dataclass(frozen=True, slots=True)
class Base:
    """What lies under the program in an image.

    Parameters:
        suite: the Debian suite of the packages.
        packages: packages whose files are in it.
        finish: adds what Debian's installer would have made; gets the paths of each package.
        dependencies: whether all that the packages depend on is in it too.
    """

    suite: str
    packages: tuple[str, ...]
    finish: Callable[[RootFileSystem, Mapping[Package, list[str]], Path], None]
    dependencies: bool = False


def base_key(name: str) -> str:
    """What names the content of a base: it changes when the base is to be made from other packages or another way."""
    base = BASES[name]
    words = (FORMAT, name, base.suite, *base.packages)
    return f"{name}-{hashlib.sha256(' '.join(words).encode()).hexdigest()[:12]}"


def base_tar(name: str, folder: Path) -> Path:
    """The tar file of a base; it is made when it is not in the cache folder.

    Parameters:
        name: a name in `BASES`.
        folder: the cache folder for images.

    Raises:
        BuildError: this is no Debian, or the mirror does not answer.
    """
    target = folder / f"{base_key(name)}.tar"
    if not target.exists():
        with tempfile.TemporaryDirectory(prefix=WORKSHOP_PREFIX, dir=folder) as workshop:
            _make(BASES[name], Path(workshop)).rename(target)
    return target


def _make(base: Base, workshop: Path) -> Path:
    apt = open_suite(base.suite, workshop)
    load = download_with_dependencies if base.dependencies else download
    root = RootFileSystem()
    packages = {package: root.add_package(package) for package in load(list(base.packages), workshop, apt)}
    base.finish(root, packages, workshop)
    target = workshop / "root.tar"
    root.write(target)
    return target


def _finish_static(root: RootFileSystem, _packages: Mapping[Package, list[str]], _workshop: Path) -> None:
    """Users, the certificates as one file, and folders for what runs in it."""
    root.add_text("/etc/passwd", USERS)
    root.add_text("/etc/group", GROUPS)
    root.add_text("/etc/nsswitch.conf", NAMES)
    root.add_text("/etc/ssl/certs/ca-certificates.crt", _certificates(root))
    root.add_folder("/tmp", mode=0o1777)  # noqa: S108 - inside the image
    for folder in ("/root", "/home", "/run"):
        root.add_folder(folder)


def _finish_busybox(root: RootFileSystem, packages: Mapping[Package, list[str]], workshop: Path) -> None:
    """Each command of busybox by its name."""
    _finish_static(root, packages, workshop)
    busybox = next(package for package in packages if package.name == "busybox-static")
    program = unpack(busybox, workshop) / "usr" / "bin" / "busybox"
    try:
        commands = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError) as error:
        raise BuildError(f"busybox does not run on this machine: {error}") from error
    for command in commands:
        root.add_link(f"/bin/{command}", "busybox")


def _finish_python(root: RootFileSystem, packages: Mapping[Package, list[str]], _workshop: Path) -> None:
    """A Debian system with Python where the official image has it, and pip free to install."""
    for name in ("passwd", "group"):
        root.add_text(f"/etc/{name}", root.read(f"/usr/share/base-passwd/{name}.master").decode())
    # Accounts are locked, as after an installation without passwords.
    users = re.findall(r"^([^:]+):", root.read("/etc/passwd").decode(), re.MULTILINE)
    root.add_text("/etc/shadow", "".join(f"{user}:*:19000:0:99999:7:::\n" for user in users), mode=0o640)
    root.add_text("/etc/ssl/certs/ca-certificates.crt", _certificates(root))
    root.add_link("/usr/lib/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt")
    root.add_link("/usr/bin/awk", "mawk")
    root.add_link("/usr/bin/which", "which.debianutils")
    for name in ("python3.11", "python3", "pip", "pip3"):
        root.add_link(f"/usr/local/bin/{name}", f"/usr/bin/{name}")
    root.add_link("/usr/local/bin/python", "python3")
    # Debian asks pip to leave its own Python alone; in the official image nothing does.
    root.remove("/usr/lib/python3.11/EXTERNALLY-MANAGED")
    _list_installed(root, packages)


def _list_installed(root: RootFileSystem, packages: Mapping[Package, list[str]]) -> None:
    """What dpkg and apt read, so that they know what is there."""
    status = []
    for package, paths in packages.items():
        status.append(package.control.rstrip().replace("\n", "\nStatus: install ok installed\n", 1))
        label = f"{package.name}:{package.architecture}" if "\nMulti-Arch: same\n" in package.control else package.name
        lines = (path.removeprefix(".").rstrip("/") or "/." for path in paths)
        root.add_text(f"/var/lib/dpkg/info/{label}.list", "\n".join(lines) + "\n")
    root.add_text("/var/lib/dpkg/info/format", "1\n")  # so that a label with an architecture is understood
    root.add_text("/var/lib/dpkg/status", "\n\n".join(status) + "\n")
    for folder in ("/var/lib/dpkg/updates", "/var/cache/apt/archives/partial", "/var/lib/apt/lists/partial"):
        root.add_folder(folder)


def _certificates(root: RootFileSystem) -> str:
    return "".join(root.read(path).decode() for path in root.paths() if path.startswith("usr/share/ca-certificates/"))


BASES: Mapping[str, Base] = {
    "static": Base("sid", ("ca-certificates", "tzdata"), _finish_static),
    "busybox": Base("sid", ("busybox-static", "ca-certificates", "tzdata"), _finish_busybox),
    "busybox-libc": Base("sid", ("busybox-static", "ca-certificates", "libc6", "tzdata"), _finish_busybox),
    "python": Base(
        "bookworm",
        # The second says that bookworm's folders are merged into /usr already; else a program that does it comes along.
        ("?essential", "usr-is-merged", "apt", "ca-certificates", "netbase", "python3-pip", "python3-venv", "tzdata"),
        _finish_python,
        dependencies=True,
    ),
}
"""By name; `busybox-libc` is for programs from Debian, which need libc."""
