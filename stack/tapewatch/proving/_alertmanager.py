"""A real Alertmanager for a moment: on a free loopback port, its data in a folder that is thrown away."""

from __future__ import annotations

import json
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tapewatch import servers
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Alertmanager"]

READY_TIMEOUT = 30.0
"""Seconds until it must be ready; it takes some tenths of one."""

REQUEST_TIMEOUT = 30.0
"""Seconds that one answer may take."""


class Alertmanager:
    """Runs inside a `with` block.

    Parameters:
        config: text of the configuration.
        version: a version such as `0.33`; the newest on this machine by default.
    """

    def __init__(self, config: str, version: str | None = None) -> None:
        self._program = servers.find("alertmanager", version).path
        self._config = config

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="tapewatch-")
        home = Path(self._folder.name)
        (home / "alertmanager.yml").write_text(self._config, encoding="utf-8")
        self._log = home / "log"
        self._url = f"127.0.0.1:{_free_port()}"
        command = [
            str(self._program),
            f"--config.file={home / 'alertmanager.yml'}",
            f"--storage.path={home / 'data'}",
            f"--web.listen-address={self._url}",
            "--cluster.listen-address=",
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Nothing of it is kept, so it need not end in good order; that would take it some seconds.
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def post(self, alerts: Sequence[Mapping[str, str]]) -> None:
        """Send alerts, given by their labels, in this order."""
        body = json.dumps([{"labels": dict(labels)} for labels in alerts]).encode()
        self._ask("/api/v2/alerts", body)

    def inhibited(self) -> frozenset[frozenset[tuple[str, str]]]:
        """The labels of each alert that another one silences at this moment."""
        alerts = json.loads(self._ask("/api/v2/alerts?active=false&silenced=false&inhibited=true"))
        return frozenset(frozenset(each["labels"].items()) for each in alerts if each["status"]["inhibitedBy"])

    def _wait(self) -> None:
        end = time.monotonic() + READY_TIMEOUT
        while self._process.poll() is None and time.monotonic() < end:
            try:
                self._ask("/-/ready")
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise ToolError([self._not_ready()])

    def _ask(self, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"http://{self._url}{path}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT) as answer:  # noqa: S310 -- always http, our own
            return bytes(answer.read())

    def _not_ready(self) -> Problem:
        said = " ".join(self._log.read_text(encoding="utf-8", errors="replace").split())[-400:]
        return Problem(
            "tool/broken",
            f"Alertmanager did not get ready: {said}",
            f"{self._program} starts with the rendered configuration",
            "look at what it says; `amtool check-config` tells what is wrong with a configuration",
            Place(path="alertmanager"),
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
