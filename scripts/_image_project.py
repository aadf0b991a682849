"""The Python base of the project's own image, and that image itself, built from the repository's Dockerfile."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from _image_bases import base_key, base_tar
from _image_engine import STAND_IN, Image
from _image_stand_ins import INPUTS, PROGRAM, VERSION, import_root
from _image_tar import RootFileSystem
from _server_jobs import WORKSHOP_PREFIX
from _tools import BuildError, run, run_again

__all__ = ["PROJECT", "PYTHON", "build_project", "make_python", "project_inputs", "python_inputs"]

PYTHON = "python:3.11-slim-bookworm"
"""The base of the project's Dockerfile, for which there is a Debian stand-in."""

PROJECT = "tapewatch/tapewatch"
"""The project's own image, which is never pulled but built."""

WHEEL_PORT = 47311
"""Loopback port at which a build finds its wheels. It is always the same, so that docker's own cache of the build's
steps holds, in which the address stands; any number that nothing else uses would do."""

PIP_SETTINGS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")
"""pip's settings that hold inside a container as they do on this machine; the Dockerfile takes them as arguments."""

GLIBC = range(17, 37)
"""Minor numbers of glibc 2 for which a wheel may be built so that it runs in the base: bookworm has 2.36."""

PYTHON_CHANGES = (
    "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin",
    "ENV LANG=C.UTF-8",
    'CMD ["python3"]',
)


def python_inputs() -> str:
    """The check sum of what the Python stand-in is made from."""
    return hashlib.sha256(repr((PYTHON_CHANGES, base_key("python"))).encode()).hexdigest()[:16]


def make_python(folder: Path) -> str:
    """Makes the stand-in for the Python base; gives Python's true version.

    Parameters:
        folder: the cache folder for images.

    Raises:
        BuildError: this is no Debian, the mirror does not answer, or the engine refuses the image.
    """
    root = RootFileSystem()
    root.add_tar(base_tar("python", folder))
    status = root.read("/var/lib/dpkg/status").decode()
    found = re.search(r"^Package: python3\.11\n(?:\S.*\n| .*\n)*?Version: ([\d.]+)", status, re.MULTILINE)
    if found is None:
        raise BuildError("the Debian packages of the base hold no Python 3.11")
    labels = {STAND_IN: "true", PROGRAM: "python", VERSION: found.group(1), INPUTS: python_inputs()}
    import_root(root, PYTHON, [*PYTHON_CHANGES, *(f"LABEL {key}={text}" for key, text in labels.items())], folder)
    return found.group(1)


def project_inputs(root: Path, base: Image | None) -> str:
    """The check sum of what the project's image is built from: the Dockerfile, what it copies, and its base."""
    digest = hashlib.sha256((base.id if base else "").encode())
    for path in _copied(root):
        digest.update(f"{path.relative_to(root)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def build_project(root: Path, name: str, base: Image | None, folder: Path) -> None:
    """Builds the project's image from the repository's Dockerfile.

    On a Python base of ours, wheels come from this machine: pip downloads them here, with this machine's settings and
    certificates, and the build takes them from a loopback port. So neither of them gets into the image.

    Parameters:
        root: the repository.
        name: image with tag.
        base: the Python image that the engine has.
        folder: the cache folder for images.

    Raises:
        BuildError: wheels cannot be had, or the build fails.
    """
    version = name.rpartition(":")[2]
    # It is real, whatever its base says, whose labels it would inherit.
    labels = {STAND_IN: "false", PROGRAM: "tapewatch", VERSION: version, INPUTS: project_inputs(root, base)}
    command = [
        "docker",
        "build",
        "--tag",
        name,
        *(word for key in labels for word in ("--label", f"{key}={labels[key]}")),
    ]
    if base is None or not base.stands_in:
        # An argument without a value takes it from our environment.
        settings = [word for key in PIP_SETTINGS if key in os.environ for word in ("--build-arg", key)]
        run([*command, *settings, "."], root, {})
        return
    address = f"http://127.0.0.1:{WHEEL_PORT}/"
    settings = ["--build-arg", "PIP_NO_INDEX=1", "--build-arg", f"PIP_FIND_LINKS={address}", "--network", "host"]
    with _served(_wheels(root, folder)):
        run([*command, *settings, "."], root, {})


def _copied(root: Path) -> list[Path]:
    """The Dockerfile, what belongs to it and every file that it copies, sorted."""
    text = (root / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    copies = re.findall(r"^\s*(?:COPY|ADD)\s+(?!--from)(.*)$", text, re.MULTILINE | re.IGNORECASE)
    sources = [word for words in copies for word in words.split()[:-1] if not word.startswith("--")]
    files: set[Path] = set()
    for source in ("Dockerfile", ".dockerignore", *sources):
        for path in root.glob(source):
            files.update([path] if path.is_file() else (each for each in path.rglob("*") if each.is_file()))
    return sorted(path for path in files if "__pycache__" not in path.parts)


def _wheels(root: Path, folder: Path) -> Path:
    """A folder with a wheel for everything in requirements.lock."""
    lock = root / "requirements.lock"
    target = folder / f"wheels-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not target.exists():
        with tempfile.TemporaryDirectory(prefix=WORKSHOP_PREFIX, dir=folder) as workshop:
            wheels = Path(workshop) / "wheels"
            run_again([*_pip_download(), "--requirement", str(lock), "--dest", str(wheels)], root, {})
            for older in folder.glob("wheels-*"):
                shutil.rmtree(older)
            wheels.rename(target)
    return target


def _pip_download() -> list[str]:
    """`pip download` for the base's Python, whatever Python runs here; pip's own settings on this machine hold."""
    machine = run(["uname", "-m"], Path.cwd(), {}).strip()
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in GLIBC]
    chosen = ["--python-version=3.11", "--implementation=cp", "--only-binary=:all:", "--require-hashes"]
    return [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        *chosen,
        *platforms,
        f"--platform=manylinux2014_{machine}",
    ]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Says nothing: the build prints what goes wrong."""


@contextmanager
def _served(wheels: Path) -> Iterator[None]:
    """The wheels at the port where pip in the Python stand-in looks for them."""
    try:
        server = ThreadingHTTPServer(("127.0.0.1", WHEEL_PORT), partial(_Quiet, directory=str(wheels)))
    except OSError as error:
        raise BuildError(f"the loopback port {WHEEL_PORT}, at which the build looks for its wheels: {error}") from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
