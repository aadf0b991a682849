"""Grafana's password, which the stack makes at its first start and keeps in a volume."""

from __future__ import annotations

import io
import subprocess
import tarfile

from tapewatch.running.containers import containers
from tapewatch.running.docker import TIMEOUT, failure
from tapewatch.running.project import ComposeProject
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["PASSWORD_FILE", "grafana_password"]

PASSWORD_FILE = "grafana-password"  # noqa: S105 -- a file's name
_VOLUME = "secrets"


def grafana_password(project: ComposeProject) -> str:
    """The password of Grafana's user admin.

    It is copied out of a container that has the volume, whether that runs or not: nothing is started for it.

    Raises:
        ToolError: the stack was never started, or the file is not in its volume.
    """
    volume = f"{project.name}_{_VOLUME}"
    for container in containers(project).values():
        if folder := container.volumes.get(volume):
            return _copied(container.id, f"{folder}/{PASSWORD_FILE}")
    raise ToolError([_no_password(f"no container of the stack {project.name} has the volume {_VOLUME}")])


def _copied(container: str, path: str) -> str:
    command = ["docker", "cp", f"{container}:{path}", "-"]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        said = failure(done.stderr.decode(errors="replace"), "docker cp")
        raise ToolError([_no_password(said.summary) if said.code == "compose/failed" else said])
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        file = archive.extractfile(PASSWORD_FILE)
        return file.read().decode().strip() if file else ""


def _no_password(reason: str) -> Problem:
    return Problem(
        code="compose/no-password",
        summary=f"Grafana's password is not there: {reason}",
        must=f"the stack was started once, which makes {PASSWORD_FILE} in the volume {_VOLUME}",
        fix="run `tapewatch up`",
        where=Place(path="grafana"),
    )
