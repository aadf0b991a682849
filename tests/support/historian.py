"""The historian as a process of its own, on a catalogue and a store in a folder of the test.

with Historian(tmp_path) as historian:
    historian.ask("GET", "/health/ready")
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from support.history_api import Reply, ask
from support.samples import SAMPLE
from support.servers import free_port
from support.waiting import wait_for

__all__ = ["Historian"]

START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0


class Historian:
    """`tapewatch history serve`.

    Parameters:
        folder: of the test; the project is made in there, with the sample's catalogue unless there is one.
        options: further ones of the command.
        environment: variables to add to our own.
        port: where it listens.
    """

    def __init__(
        self, folder: Path, *options: str, environment: Mapping[str, str] | None = None, port: int | None = None
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = folder / "data" / "observability.duckdb"
        if not (folder / "catalogue.yaml").exists():
            (folder / "catalogue.yaml").write_text(SAMPLE, encoding="utf-8")
        self._command = [
            sys.executable, "-P", "-m", "tapewatch.cli", "history", "serve", f"--project={folder}",
            f"--port={self.port}", *options,
        ]  # fmt: skip
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, path: str = "/health/live") -> Self:
        """Start it (again), and return when it answers."""
        self.launch()
        try:
            wait_for("the historian answers", lambda: self._answers(path), START_TIMEOUT, self.log)
        except BaseException:
            self.stop()
            raise
        return self

    def launch(self) -> None:
        """Start it, and return at once."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, by its own id; its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            return process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"it did not end within {STOP_TIMEOUT:g} s\nlog:\n{self.log()}") from None

    def wait(self) -> int:
        """Wait until it has ended by itself; its exit code."""
        process, self._process = self._process, None
        assert process is not None
        return process.wait(START_TIMEOUT)

    def ask(
        self, method: str, path: str, body: bytes | object | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        return ask(self.url + path, method, body, headers)

    def log(self) -> str:
        """All that it wrote, over all its starts."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _answers(self, path: str) -> bool:
        # An AssertionError ends the wait at once: a process that is gone never answers.
        assert self._process is not None
        assert self._process.poll() is None, f"it has ended\nlog:\n{self.log()}"
        return self.ask("GET", path).status == 200

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
