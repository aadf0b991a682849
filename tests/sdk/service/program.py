"""Programs with a service in them, run on their own: what happens when a process starts, forks, is told to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Self

from support.waiting import wait_for

__all__ = ["Ended", "Program", "get", "run"]

TIMEOUT = 60.0
"""Seconds after which a program that does not end is a failure."""

_IMPORTS = """
import logging, os, signal, sys, threading, time
from tapewatch_sdk import start_service
from tapewatch_sdk.events import EventType
from tapewatch_sdk.tracing import span

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
"""

_OURS = ("OTEL_", "TAPEWATCH_", "GRAFANA_", "ENVIRONMENT")


@dataclass(frozen=True)
class Ended:
    """How a program has ended.

    Parameters:
        code: its exit code; that of a signal is negative.
        lines: its standard output.
        errors: its standard error.
    """

    code: int
    lines: list[str]
    errors: str

    @property
    def said(self) -> list[str]:
        """What it has said itself."""
        return [line for line in self.lines if not line.startswith("{")]

    @property
    def logged(self) -> list[dict[str, Any]]:
        """Its log lines."""
        return [json.loads(line) for line in self.lines if line.startswith("{")]


class Program:
    """A program that runs as long as its `with` block lasts, if it does not end before.

    Parameters:
        code: Python; `start_service` and other names are imported already, `say` prints at once.
        arguments: what is in `sys.argv`.
        env: environment variables besides those of the tests.
        before: a command that runs Python, such as `unshare`.
    """

    def __init__(self, code: str, *arguments: object, env: Mapping[str, str] | None = None, before: str = "") -> None:
        others = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        self._process = subprocess.Popen(
            [*before.split(), sys.executable, "-c", _IMPORTS + textwrap.dedent(code), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**others, **(env or {})},
        )
        self._lines: list[str] = []
        self._errors: list[str] = []
        self._looked = 0
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self._process.stdout, self._lines), (self._process.stderr, self._errors))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._process.pid

    def wait_for(self, word: str) -> str:
        """Waits for a line that begins with this word, after the one that was waited for before; the rest of it."""

        def found() -> str | None:
            over = not self._readers[0].is_alive()
            for number in range(self._looked, len(self._lines)):
                said, _, rest = self._lines[number].partition(" ")
                if said == word:
                    self._looked = number + 1
                    return f"{word} {rest}"
            assert not over, f"it ended without saying `{word}`:\n{self.end()}"
            return None

        return wait_for(f"it says `{word}`", found, TIMEOUT, self._told).partition(" ")[2]

    def send(self, number: int) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def end(self) -> Ended:
        """Waits for its end."""
        try:
            self._process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"it did not end; it printed\n{self._told()}") from None
        for reader in self._readers:
            reader.join(TIMEOUT)  # what it has started may hold its output open
        return Ended(self._process.returncode, list(self._lines), "".join(f"{line}\n" for line in self._errors))

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        with stream:
            lines.extend(line.rstrip("\n") for line in stream)

    def _told(self) -> str:
        return "\n".join([*self._lines[-20:], *self._errors[-20:]])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def run(code: str, *arguments: object, env: Mapping[str, str] | None = None) -> Ended:
    """Runs a program to its end."""
    with Program(code, *arguments, env=env) as program:
        return program.end()


def get(url: str) -> tuple[int, str]:
    """Status and body of an answer."""

    def answer() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(url, timeout=30) as taken:
                return taken.status, taken.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    return wait_for(f"{url} answers", answer)
