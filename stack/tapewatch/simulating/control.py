"""How faults are switched while the platform runs: a socket of the supervisor, and its channels to the services."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tapewatch.simulating.faults import FAULTS
from tapewatch.sockets import socket_folder

__all__ = ["Channel", "ask", "control_path", "running"]

ANSWER_WITHIN = 5.0
"""Seconds that the supervisor may take to answer; it does nothing else."""

LINE = 65_536
"""Bytes of a message at most."""


class Channel:
    """A service's end of its line to the supervisor.

    Parameters:
        line: a connected socket; its end is the end of the service.

    Attributes:
        stop: set when the service is to end.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._lock = threading.Lock()
        self.stop = threading.Event()

    def say(self, text: str) -> None:
        """Tell something that a person should read."""
        self._send({"say": text})

    def ready(self) -> None:
        """Tell that the service answers."""
        self._send({"ready": True})

    def faults(self, take: Callable[[Mapping[str, str]], None]) -> None:
        """Hand every change of the faults to a function, from a thread; the faults of now before this returns."""
        lines = self._line.makefile("r", encoding="utf-8")
        first = lines.readline()
        if first:
            take(json.loads(first))

        def listen() -> None:
            try:
                for line in lines:
                    take(json.loads(line))
            except OSError:  # ECONNRESET: the supervisor was killed before it read what we told
                pass
            finally:
                self.stop.set()

        threading.Thread(target=listen, name="faults", daemon=True).start()

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            with self._lock:
                self._line.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self.stop.set()


def control_path(project: Path) -> Path:
    """Where this process, as supervisor of a project's platform, listens.

    Parameters:
        project: the project's folder.
    """
    return socket_folder() / f"{_prefix(project)}{os.getpid()}.sock"


def running(project: Path) -> list[Path]:
    """The sockets of all platforms of a project that this user has running; those of dead ones are removed."""
    found = []
    for path in sorted(socket_folder().glob(f"{_prefix(project)}*.sock")):
        pid = path.stem.rpartition("-")[2]
        if Path("/proc/self").exists() and not Path(f"/proc/{pid}").exists():
            path.unlink(missing_ok=True)
        else:
            found.append(path)
    return found


def ask(path: Path, message: Mapping[str, Any]) -> dict[str, str]:
    """Send one message to a supervisor, and get the faults that are on then.

    Parameters:
        path: its socket.
        message: `on` with faults by name, `off` with names, or nothing to look.

    Raises:
        OSError: nobody answers there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(ANSWER_WITHIN)
        line.connect(str(path))
        line.sendall(json.dumps(message).encode() + b"\n")
        with line.makefile("r", encoding="utf-8") as answers:
            answer = answers.readline(LINE)
    if not answer:
        raise ConnectionError("the platform went away")
    return {name: str(value) for name, value in json.loads(answer).items() if name in FAULTS}


def _prefix(project: Path) -> str:
    return f"simulate-{hashlib.blake2b(str(project.resolve()).encode(), digest_size=6).hexdigest()}-"
