"""The stack without containers, brought up by the command in a folder, as a user has it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from support.servers import free_port
from support.simulated import Sample
from support.waiting import wait_for

__all__ = ["Embedded"]


class Embedded:
    """The sample on free ports of this machine, brought up in a folder.

    Parameters:
        folder: an empty folder.
        more: variables besides our own.
    """

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None) -> None:
        self.sample = Sample(folder)
        self.folder = folder
        self.ports = {name: free_port() for name in ("prometheus", "alertmanager")}
        self.url = f"http://127.0.0.1:{self.sample.ports['api']}"
        path = folder / "catalogue.yaml"
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        data["stack"]["ports"] = self.ports
        data["stack"]["history"] = {"address": f"api:{self.sample.ports['api']}"}
        path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        names = {"API_ADDRESS": f"api:{self.sample.ports['api']}"}
        self.environ = {**os.environ, **self.sample.environ, **names, **(more or {})}
        self._log = folder / "up.log"

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        words = [sys.executable, "-m", "tapewatch.cli", "up", *arguments]
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                words, cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()  # what runs in the background of a shell does not hear of Ctrl-C
                process.wait(60)

    def wait_until_up(self) -> None:
        wait_for("the stack is up", lambda: "Ctrl-C ends everything" in self.said(), 120, self.said)

    def said(self) -> str:
        text = self._log.read_text(encoding="utf-8")
        logs = sorted((self.folder / "data/embedded/logs").glob("*.log"))
        return "\n".join([text, *(f"{each.name}: {each.read_text(errors='replace')[-1500:]}" for each in logs)])

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.ask("/api/events")["events"] if each["event_type"] == kind]

    def listening(self) -> set[int]:
        """Which of its ports somebody listens on."""
        found = set()
        for port in (*self.ports.values(), *self.sample.ports.values()):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                found.add(port)
        return found
