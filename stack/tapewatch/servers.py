"""Finds the real programs (Prometheus, promtool, Alertmanager, ...) that tests, `tapewatch test` and images run.

A program is looked for in three places, and the first that answers is taken:

1. the environment variable `TAPEWATCH_<NAME>`, such as `TAPEWATCH_PROMTOOL=/usr/bin/promtool` or
   `TAPEWATCH_DOCKER_COMPOSE`;
2. the cache folder, `<name>-<version>/<name>`, which `make servers` fills; the newest version wins;
3. the folders of `PATH`, also under Debian's names (`prometheus-alertmanager`, `prometheus-node-exporter`).

Only the standard library is imported, so that asking for a program costs next to nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["PROGRAMS", "Program", "cache_folder", "cached", "find", "folder_for", "program_at"]

FROM_DEBIAN = ("blackbox_exporter", "docker-compose")
"""Programs that `make servers` takes from Debian when OLDEST=1 is given; it compiles the others."""

ONLY_TESTED = ("minio", "mimir", "thanos", "kube-apiserver", "operator", "etcd")
"""Programs that only tests run; `make servers` makes them when BEYOND=1 is given. `operator` is Prometheus's."""

PROGRAMS = (
    "prometheus",
    "promtool",
    "alertmanager",
    "amtool",
    "node_exporter",
    "loki",
    "jaeger",
    *FROM_DEBIAN,
    *ONLY_TESTED,
)
"""Names that `find` knows; `make servers` makes every one of them."""

VERSION_TIMEOUT = 20.0
"""Seconds that a program may take to print its version; a cold start of a 100 MB binary on a busy disk takes a few."""

_VERSION = re.compile(r"\b(?:[Vv]ersion|Kubernetes)[ :=]*v?(\d+(?:\.\d+)+(?:-rc\.?\d+)?)")


@dataclass(frozen=True, slots=True)
class Program:
    """A server program on this machine.

    Parameters:
        name: one of `PROGRAMS`.
        path: absolute path of the executable.
        version: what the program itself prints for `--version`, such as `3.13.5`.
    """

    name: str
    path: Path
    version: str


def cache_folder() -> Path:
    """The folder that holds one folder for each program and version: `$TAPEWATCH_CACHE`, by default in `~/.cache`."""
    chosen = os.environ.get("TAPEWATCH_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else Path.home() / ".cache" / "tapewatch" / "servers"


def folder_for(name: str, version: str) -> Path:
    """Where in the cache folder the program `name` of exactly this `version` belongs, whether it is there or not."""
    return cache_folder() / f"{name}-{version}"


def cached(name: str, version: str | None = None) -> list[Path]:
    """Executables of `name` in the cache folder, newest first.

    Parameters:
        name: one of `PROGRAMS`.
        version: only versions that begin with this one: `3.5` takes 3.5.3 and leaves 3.50.0 out.
    """
    found = []
    for path in cache_folder().glob(f"{name}-*/{name}"):
        label = path.parent.name.removeprefix(f"{name}-")
        if _matches(label, version) and _is_executable(path):
            found.append((_sort_key(label), path))
    return [path for _, path in sorted(found, reverse=True)]


def find(name: str, version: str | None = None) -> Program:
    """The program `name`, ready to be run.

    Parameters:
        name: one of `PROGRAMS`.
        version: a version or the beginning of one (`3.5`); without it, the newest in the cache folder, which is the
            pinned one after `make servers`.

    Raises:
        ToolError: no such program (of that version) is here, or the one that is here does not start.
    """
    if name not in PROGRAMS:
        raise ToolError([_unknown(name)])
    for path in _candidates(name, version):
        program = program_at(name, path)
        if _matches(program.version, version):
            return program
    raise ToolError([_missing(name, version)])


def program_at(name: str, path: Path) -> Program:
    """The program that lies at `path`, with the version that it prints.

    Parameters:
        name: one of `PROGRAMS`.
        path: absolute path of the executable.

    Raises:
        ToolError: it does not start, or prints no version.
    """
    return Program(name, path, _ask_version(path))


def _candidates(name: str, version: str | None) -> Iterator[Path]:
    """Executables to ask for their version, in the order of preference."""
    variable = _variable(name)
    if chosen := os.environ.get(variable):
        path = Path(chosen).expanduser().absolute()
        if not _is_executable(path):
            raise ToolError([_bad_variable(variable, path)])
        yield path
    yield from cached(name, version)
    for command in (name, f"prometheus-{name.replace('_', '-')}"):
        if on_path := shutil.which(command):
            yield Path(on_path).absolute()


def _ask_version(path: Path) -> str:
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, errors="replace", timeout=VERSION_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError([_broken(path, str(error))]) from error
    # Older programs of the Prometheus family print their version on standard error.
    found = _VERSION.search(answer.stdout + answer.stderr)
    if found is None:
        said = (answer.stdout + answer.stderr).strip()[:200] or "nothing"
        raise ToolError([_broken(path, f"exit code {answer.returncode}, it printed {said}")])
    return found.group(1)


def _matches(version: str, wanted: str | None) -> bool:
    """Whether `version` is `wanted` or begins with it at a dot (`3.5` matches `3.5.3`, not `3.50.0`)."""
    return wanted is None or f"{version}.".startswith(f"{wanted.removeprefix('v')}.")


def _sort_key(version: str) -> tuple[tuple[int, ...], bool]:
    """Orders by number, with a release after its candidates."""
    release, _, candidate = version.partition("-")
    return tuple(int(part) for part in re.findall(r"\d+", release)), not candidate


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _variable(name: str) -> str:
    return f"TAPEWATCH_{name.upper().replace('-', '_')}"


def _missing(name: str, version: str | None) -> Problem:
    wanted = f"{name} {version}" if version else name
    more = " OLDEST=1" if version or name in FROM_DEBIAN else " BEYOND=1" if name in ONLY_TESTED else ""
    return Problem(
        code="tool/missing",
        summary=f"the program {wanted} is not on this machine",
        must=f"{wanted} must be in {cache_folder()}, on PATH, or named by {_variable(name)}",
        fix=f"run `make servers{more}`, or set {_variable(name)}=/path/to/{name}",
        where=Place(path=name),
    )


def _bad_variable(variable: str, path: Path) -> Problem:
    return Problem(
        code="tool/not-executable",
        summary=f"{variable} names {path}, which is no executable file",
        must=f"{variable} must hold the path of a program that this user may run",
        fix=f"correct {variable}, or unset it to use what `make servers` built",
        where=Place(file=str(path)),
    )


def _broken(path: Path, reason: str) -> Problem:
    return Problem(
        code="tool/broken",
        summary=f"{path} did not tell its version: {reason}",
        must=f"`{path} --version` must print a version such as 3.13.5",
        fix=f"delete {path} and run `make servers`, or install the program again",
        where=Place(file=str(path)),
    )


def _unknown(name: str) -> Problem:
    return Problem(
        code="tool/unknown",
        summary=f"{name} is no server program that tapewatch knows",
        must=f"the name must be one of {', '.join(PROGRAMS)}",
        fix="correct the name",
        where=Place(path=name),
    )
