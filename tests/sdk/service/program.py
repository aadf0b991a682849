"""Programs with a service in them, run on their own: what happens when a process starts, forks, is told to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

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

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._process.pid

    def wait_for(self, word: str) -> str:
        """Waits for a line that begins with this word; the rest of it."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.rstrip("\n"))
            if self._lines[-1].split(" ")[0] == word:
                return self._lines[-1].partition(" ")[2]
        raise AssertionError(f"it ended without saying `{word}`:\n{self.end()}")

    def send(self, number: int) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def end(self) -> Ended:
        """Waits for its end."""
        try:
            printed, errors = self._process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            printed, errors = self._process.communicate()
            told = f"{self._lines[-20:]}\n{printed[-2000:]}\n{errors[-2000:]}"
            raise AssertionError(f"it did not end; it printed\n{told}") from None
        return Ended(self._process.returncode, [*self._lines, *printed.splitlines()], errors)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


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
