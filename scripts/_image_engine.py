"""What we ask of the docker engine: which images it has, to pull one, to take in a tar file."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from _tools import BuildError

__all__ = ["STAND_IN", "EngineError", "Image", "check_engine", "find_images", "import_image", "remove_image"]

STAND_IN = "io.tapewatch.stand-in"
"""The label that every stand-in carries, and no real image."""

ANSWER_TIMEOUT = 30.0
"""Seconds that the engine may take for an answer; one that has just been started takes up to ten."""


class EngineError(Exception):
    """There is no docker engine to work with; the message says how to get one."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image on the engine.

    Parameters:
        id: its identity.
        labels: what it says about itself.
    """

    id: str
    labels: Mapping[str, str]

    @property
    def stands_in(self) -> bool:
        """Whether it is one of ours and not the real one."""
        return self.labels.get(STAND_IN) == "true"


def check_engine() -> None:
    """Makes sure that a docker engine answers.

    Raises:
        EngineError: there is none.
    """
    try:
        answer = _docker("version", "--format", "{{.Server.Version}}", timeout=ANSWER_TIMEOUT)
    except FileNotFoundError as error:
        raise EngineError(
            "the program docker is not on PATH: install Docker (on Debian: the package docker.io)"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"the docker daemon did not answer within {ANSWER_TIMEOUT:.0f} s: restart it") from error
    if answer.returncode != 0:
        raise EngineError(
            f"the docker daemon does not answer: {answer.stderr.strip()}\n"
            "start it (`systemctl start docker`, or `dockerd` as root; Docker Desktop: open it) and make sure that "
            "this user may use it (group docker), then run this again"
        )


def find_images(names: list[str]) -> dict[str, Image]:
    """Those of the named images that the engine has."""
    # It ends with code 1 when one is missing, and prints the others all the same.
    answer = _docker("image", "inspect", *names, timeout=ANSWER_TIMEOUT)
    found = {}
    for entry in json.loads(answer.stdout or "[]"):
        image = Image(entry["Id"], entry["Config"].get("Labels") or {})
        found.update({name: image for name in names if _short(name) in (entry["RepoTags"] or ())})
    return found


def _short(name: str) -> str:
    """The name as docker shows it, which leaves out its own registry."""
    return name.removeprefix("docker.io/").removeprefix("library/")


def import_image(tar: Path, name: str, changes: list[str]) -> None:
    """Makes an image out of a tar file; its name appears when it is complete, or never.

    Parameters:
        tar: the root file system.
        name: image with tag.
        changes: Dockerfile instructions for the image's settings.

    Raises:
        BuildError: the engine refuses it.
    """
    settings = [word for change in changes for word in ("--change", change)]
    answer = _docker("import", *settings, str(tar), name)
    if answer.returncode != 0:
        raise BuildError(f"`docker import` of {name} failed: {answer.stderr.strip()}")


def remove_image(image: Image) -> None:
    """Removes an image whose name another one has taken; one that a container still uses stays."""
    _docker("image", "rm", image.id)


def _docker(*arguments: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False)
