"""Runs the tools (go, apt-get, dpkg) that make the server programs, and says clearly what went wrong."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BuildError", "Made", "MissingToolError", "run", "run_again"]

ATTEMPTS = 3
"""Mirrors and module proxies answer a cold request for something big with a timeout now and then."""

PAUSE = 2.0
"""Seconds between two attempts."""


class BuildError(Exception):
    """A program could not be made; the message says why, with the tail of what the tool printed."""


class MissingToolError(BuildError):
    """The tool itself is not on this machine, so trying again does not help."""


@dataclass(frozen=True, slots=True)
class Made:
    """A program that is finished and waits to be moved into the cache folder.

    Parameters:
        name: the program's name, such as `promtool`.
        version: its true version, such as `3.13.5`.
        path: the executable.
        data: a folder that it reads at run time and that is kept beside it; None when it needs none.
    """

    name: str
    version: str
    path: Path
    data: Path | None = None


def run(command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Runs a tool to its end and gives what it printed on standard output.

    Parameters:
        command: program and arguments.
        folder: where it runs.
        environment: variables to add to our own.

    Raises:
        MissingToolError: the tool is not on this machine.
        BuildError: it ended with another code than 0.
    """
    try:
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise MissingToolError(
            f"`{command[0]}` is not on this machine, and it is needed to make this program"
        ) from error
    if done.returncode != 0:
        tail = "\n".join(done.stderr.strip().splitlines()[-15:])
        raise BuildError(f"`{' '.join(command)}` ended with code {done.returncode}:\n{tail}")
    return done.stdout


def run_again(command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """Like `run`, for a command that uses the network: a failure is tried again, `ATTEMPTS` times in all."""
    for _ in range(ATTEMPTS - 1):
        try:
            return run(command, folder, environment)
        except MissingToolError:
            raise
        except BuildError:
            time.sleep(PAUSE)
    return run(command, folder, environment)
