"""A server program run on this machine, without containers; it ends with us, even if we are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tapewatch.running import guard
from tapewatch.running.clients import Server
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Process"]

READY_WITHIN = 60.0
"""Seconds that a server has to become ready; Prometheus first reads what it stored."""

STOPPED_WITHIN = 20.0
"""Seconds that a server has to end when it is asked to, before it is killed."""


class Process:
    """Runs as long as its `with` block lasts, and no longer than this process lives: a guard sees to that.

    Parameters:
        command: program and arguments.
        server: where it will answer.
        ready: the path that answers 200 once it is ready.
        log: the file that takes what it prints.
        environment: variables to add to our own.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        server: Server,
        ready: str,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = [str(word) for word in command]
        self._server = server
        self._ready = ready
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline = -1

    def __enter__(self) -> Self:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._process = self._started()
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def ready_url(self) -> str:
        """What answers 200 once it is ready, and for as long as it is well."""
        return f"{self._server.url}{self._ready}"

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the guard and the server
            process.wait()
        os.close(self._lifeline)

    def ended(self) -> int | None:
        """The exit code if it has ended by itself; None while it runs."""
        return self._process.poll() if self._process else None

    def log_tail(self, lines: int = 15) -> str:
        """The end of what it printed."""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def _started(self) -> subprocess.Popen[bytes]:
        """The guard's process, which runs the server; ours alone is the end of the pipe that it listens at."""
        theirs, self._lifeline = os.pipe()
        try:
            with self._log.open("ab") as log:
                # A group of its own: Ctrl-C is for us, who end it in good order.
                return subprocess.Popen(
                    [sys.executable, "-IS", guard.__file__, str(theirs), *self._command],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                    pass_fds=(theirs,), env=self._environment,
                )  # fmt: skip
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(theirs)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + READY_WITHIN
        while True:
            try:
                self._server.get(self._ready)
            except ToolError:
                if process.poll() is not None or time.monotonic() > end:
                    raise ToolError([self._not_ready(process)]) from None
                time.sleep(0.05)
            else:
                return

    def _not_ready(self, process: subprocess.Popen[bytes]) -> Problem:
        ended = process.poll()
        what = f"ended with code {ended}" if ended is not None else f"was not ready within {READY_WITHIN:.0f} s"
        return Problem(
            code="server/not-ready",
            summary=f"{self._server.name} {what}; the end of its log:\n{self.log_tail()}",
            must=f"it answers {self.ready_url}",
            fix="mend what its log names",
            where=Place(file=self._command[0]),
        )
