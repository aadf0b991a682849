"""Starts all parts, watches them, and ends them all together."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tapewatch.catalogue import load
from tapewatch.embedded.local import LOOPBACK, local_history, local_text
from tapewatch.embedded.parts import Part, parts, write_configuration
from tapewatch.project import CATALOGUE, Project, open_project
from tapewatch.running.here import FOLDER, digest, held
from tapewatch.writing import disk_problems, write_whole
from tapewatch_sdk.errors import ProblemsError, ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Running", "ended", "run"]

LOOK = 0.5
"""Seconds between two looks at whether everything still runs."""

Told = Callable[[str, str], None]


@dataclass(frozen=True)
class Running:
    """The stack while it runs.

    Parameters:
        parts: all of them, also those that are not on this machine.
    """

    parts: Sequence[Part]

    def watch(self, over: threading.Event) -> Part | None:
        """Wait until it is over, or a part ends by itself: gives that part."""
        while not over.wait(LOOK):
            for part in self.parts:
                if part.process is not None and part.process.ended() is not None:
                    return part
        return None


@contextmanager
def run(home: Path, environ: Mapping[str, str], told: Told) -> Iterator[Running]:
    """Start everything; all of it ends with the `with` block, or with this process, however that ends.

    Parameters:
        home: the user's project.
        environ: variables for the catalogue's `${NAME:-default}`.
        told: is told what happens to which part.

    Raises:
        ProblemsError: the catalogue is wrong, a port is taken, the stack runs here already, or what it needs cannot be
            written.
        ToolError: a part does not become ready.
    """
    catalogue = digest(home / CATALOGUE)
    text = local_text(load(home / CATALOGUE, environ))
    folder = (home / FOLDER).absolute()
    with disk_problems(FOLDER, "nothing was started"):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    with ExitStack() as running:
        tell = running.enter_context(held(folder, catalogue))
        project = _written(text, folder, environ)
        found = list(parts(project, home.absolute(), folder))
        _try_ports(project, found)
        tell([part.told() for part in found])
        for part in found:
            if part.process is None:
                told(part.name, "left out")
                continue
            told(part.name, "starting")
            running.enter_context(part.process)
            told(part.name, "running")
        yield Running(found)


def _written(text: str, folder: Path, environ: Mapping[str, str]) -> Project:
    """Write the copy of the catalogue and what the servers read, and open it."""
    write_whole(folder / CATALOGUE, text)
    project = open_project(folder, environ)
    write_configuration(project, folder)
    return project


def _try_ports(project: Project, found: Sequence[Part]) -> None:
    """All ports that are taken are told at once; the platform itself tells of those of its services."""
    ports = project.catalogue.stack.ports
    wanted = {
        "prometheus": f"{LOOPBACK}:{ports.prometheus}",
        "alertmanager": f"{LOOPBACK}:{ports.alertmanager}",
        "history": local_history(project.catalogue),
    }
    used = [(part.name, wanted[part.name]) for part in found if part.process is not None and part.name in wanted]
    if taken := [_taken(name, address) for name, address in used if not _is_free(address)]:
        raise ProblemsError(taken)


def _is_free(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_server((host, int(port))):
            return True
    except OSError:
        return False


def _taken(name: str, address: str) -> Problem:
    port = address.rpartition(":")[2]
    setting = "stack.history.address" if name == "history" else f"stack.ports.{name}"
    return Problem(
        code="embedded/port-taken",
        summary=f"{name} cannot listen on {address}: another program does",
        must=f"port {port} of this machine is free",
        fix=f"end that program (`ss -ltnp 'sport = :{port}'` names it), or set another port: {setting}",
        where=Place(path=setting),
    )


def ended(part: Part) -> ToolError:
    """What is told of a part that ended by itself."""
    assert part.process is not None
    code, log = part.process.ended(), part.process.log_tail()
    problem = Problem(
        code="embedded/ended",
        summary=f"{part.name} ended with code {code}; the end of its log:\n{log}",
        must=f"{part.name} runs until Ctrl-C",
        fix=f"mend what its log names: {FOLDER}/logs/{part.name}.log",
        where=Place(path=part.name),
    )
    return ToolError([problem])
