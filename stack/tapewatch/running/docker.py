"""Runs `docker` and `docker compose`, and says in plain words why they cannot be run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Problem

__all__ = ["TIMEOUT", "Completed", "Docker", "failure", "last_words", "run"]

TIMEOUT = 60.0
"""Seconds that a command may take which only asks the daemon for something."""

Completed = subprocess.CompletedProcess[str]

_VERSION = re.compile(r"v?(\d+)\.\d+")
_UNREACHABLE = re.compile(r"cannot connect to the docker daemon|failed to connect to the docker api", re.IGNORECASE)
_FORBIDDEN = re.compile(r"permission denied", re.IGNORECASE)


@dataclass(frozen=True)
class Docker:
    """The docker command with its part compose, and a daemon that answers.

    Parameters:
        compose: how compose is called: `docker compose`, or the program `docker-compose`.
    """

    compose: tuple[str, ...]

    @classmethod
    def find(cls) -> Docker:
        """Docker on this machine.

        Raises:
            ToolError: docker or compose is not installed, or the daemon does not answer.
        """
        if shutil.which("docker") is None:
            raise ToolError([_not_installed()])
        compose = next(
            (command for command in (("docker", "compose"), ("docker-compose",)) if _is_compose(command)), None
        )
        if compose is None:
            raise ToolError([_no_compose()])
        docker = cls(compose)
        docker.ask("version", "--format", "{{.Server.Version}}")
        return docker

    def call(self, *arguments: str, timeout: float = TIMEOUT) -> Completed:
        """Run `docker ARGUMENTS`, however it ends.

        Raises:
            ToolError: it did not end in time, which is the daemon's doing.
        """
        return run(("docker", *arguments), timeout)

    def ask(self, *arguments: str, timeout: float = TIMEOUT) -> str:
        """What `docker ARGUMENTS` prints.

        Raises:
            ToolError: it failed.
        """
        done = self.call(*arguments, timeout=timeout)
        if done.returncode != 0:
            raise ToolError([failure(done.stderr, f"docker {arguments[0]}")])
        return done.stdout

    def inspect(self, *names: str, kind: str = "container") -> list[dict[str, Any]]:
        """What the daemon knows of some things, in the order of their names; what is not there is left out.

        Parameters:
            names: names or identifiers.
            kind: `container`, `image` or `volume`.
        """
        if not names:
            return []
        done = self.call(kind, "inspect", *names)
        if done.returncode != 0 and "no such" not in done.stderr.lower():
            raise ToolError([failure(done.stderr, f"docker {kind} inspect")])
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
        return found

    @cached_property
    def is_local(self) -> bool:
        """Whether the daemon runs on this machine, so that its ports are this machine's."""
        done = self.call("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
        return done.returncode == 0 and done.stdout.startswith(("unix:", "npipe:"))


def failure(said: str, command: str) -> Problem:
    """The problem behind what docker printed on standard error.

    Parameters:
        said: what it printed.
        command: what was called, such as `docker compose up`.
    """
    reason = last_words(said)
    if _UNREACHABLE.search(said):
        return _no_daemon(reason)
    if _FORBIDDEN.search(said) and "docker.sock" in said:
        return _forbidden(reason)
    return Problem(
        code="compose/failed",
        summary=f"`{command}` failed: {reason}",
        must=f"`{command}` does what it is asked for",
        fix="mend what docker names",
    )


def last_words(said: str) -> str:
    """The line that tells why something failed: the last one that is no line of progress."""
    lines = [line.rstrip() for line in said.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(" ")] or lines
    return told[-1].strip()[:500] if told else "it said nothing"


def run(command: Sequence[str], timeout: float = TIMEOUT) -> Completed:
    """Run a command that asks the daemon for something, however it ends.

    Raises:
        ToolError: it did not end in time, which is the daemon's doing.
    """
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError([_no_daemon(f"`{' '.join(command[:3])}` did not end within {timeout:.0f} s")]) from error


def _is_compose(command: tuple[str, ...]) -> bool:
    """Whether a command is compose in a version that reads our file."""
    if shutil.which(command[0]) is None:
        return False
    done = run((*command, "version", "--short"))
    version = _VERSION.match(done.stdout)
    return done.returncode == 0 and version is not None and int(version[1]) >= 2


def _not_installed() -> Problem:
    return Problem(
        code="compose/no-docker",
        summary="the program docker is not on this machine",
        must="docker, with its part compose, is on PATH",
        fix="install Docker Engine or Docker Desktop; `tapewatch up` does without it",
    )


def _no_compose() -> Problem:
    return Problem(
        code="compose/missing",
        summary="docker is here, its part compose is not, or it is older than version 2",
        must="`docker compose version` answers with version 2 or later",
        fix="install Docker's package docker-compose-plugin, or put the program docker-compose on PATH",
    )


def _no_daemon(reason: str) -> Problem:
    return Problem(
        code="compose/daemon",
        summary=f"the docker daemon does not answer: {reason}",
        must="the docker daemon runs; DOCKER_HOST or the docker context may name another one",
        fix="start it: `sudo systemctl start docker`, or open Docker Desktop; `tapewatch up` does without it",
    )


def _forbidden(reason: str) -> Problem:
    return Problem(
        code="compose/permission",
        summary=f"this user may not speak to the docker daemon: {reason}",
        must="the user may open the daemon's socket",
        fix="run `sudo usermod -aG docker $USER` and log in again, or use sudo",
    )
