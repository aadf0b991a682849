"""Reading a store that another process has open, through its socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tapewatch.history.store.contract import ROWS, SECONDS, Answer, Cell, State
from tapewatch.history.store.failures import gone
from tapewatch.history.store.wire import decoded, encoded, failure_of, socket_of

__all__ = ["RemoteReader", "connect", "socket_of"]

PATIENCE = 5.0
"""Seconds beyond a question's own limit that its answer may take on the way."""

IDLE = 2
"""Connections that are kept for the next question; the store has room for 64, of all workers together."""

_Line = tuple[socket.socket, Any]


class RemoteReader:
    """Reads what a store of another process holds; any number of threads may ask at once.

    Parameters:
        path: the socket.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[_Line] = []
        self._lock = threading.Lock()

    def sql(
        self,
        text: str,
        parameters: Sequence[Cell] | Mapping[str, Cell] = (),
        *,
        limit: int = ROWS,
        timeout: float = SECONDS,
    ) -> Answer:
        """See `Reader`."""
        given = dict(parameters) if isinstance(parameters, Mapping) else list(parameters)
        question = {"ask": "sql", "text": text, "parameters": given, "limit": limit, "timeout": timeout}
        rows: list[tuple[Cell, ...]] = []
        head, *blocks, end = self.ask(question, timeout + PATIENCE)
        for block in blocks:
            rows += map(tuple, block)
        return Answer(tuple(head["columns"]), tuple(head["types"]), rows, end["truncated"])

    def state(self) -> State:
        """See `Reader`."""
        (found,) = self.ask({"ask": "state"}, PATIENCE)
        return State(**found["state"])

    def ask(self, question: Mapping[str, Any], timeout: float | None) -> list[Any]:
        """All lines of an answer.

        Parameters:
            question: what is asked.
            timeout: seconds from one line to the next; for ever if None.

        Raises:
            StoreGoneError: nobody answers.
            ProblemsError: what the other side raised.
        """
        try:
            return self._asked(question, timeout)
        except _StaleError:
            self.close()  # the process was started anew since
            try:
                return self._asked(question, timeout)
            except _StaleError as error:
                raise gone(self._path) from error

    def _asked(self, question: Mapping[str, Any], timeout: float | None) -> list[Any]:
        line, answers = self._line()
        try:
            line.settimeout(timeout)
            line.sendall(encoded(question))
            found = [_read(answers.readline())]
            while found[-1] is not None and not (isinstance(found[-1], dict) and found[-1].get("end")):
                found.append(_read(answers.readline()))
        except OSError as error:
            line.close()
            if isinstance(error, TimeoutError):
                raise gone(self._path, error) from error
            raise _StaleError from error
        if found[-1] is None:
            line.close()
            raise _StaleError
        with self._lock:
            kept = len(self._idle) < IDLE
            if kept:
                self._idle.append((line, answers))
        if not kept:
            line.close()
        if "problems" in found[-1]:
            raise failure_of(found[-1])
        return found

    def _line(self) -> _Line:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.settimeout(PATIENCE)
            line.connect(str(self._path))
        except OSError as error:
            line.close()
            raise gone(self._path, error) from error
        return line, line.makefile("rb")

    def close(self) -> None:
        """See `Reader`."""
        with self._lock:
            idle, self._idle = self._idle, []
        for line, answers in idle:
            with suppress(OSError):
                answers.close()
                line.close()


class _StaleError(Exception):
    """The other side closed a connection that was kept."""


def _read(line: bytes) -> Any:
    return decoded(line) if line.endswith(b"\n") else None


def connect(path: Path) -> RemoteReader:
    """A reader of a store that another process serves.

    Parameters:
        path: the socket; see `socket_of`.

    Raises:
        StoreGoneError: nobody answers there.
    """
    reader = RemoteReader(path)
    try:
        reader.state()
    except json.JSONDecodeError as error:
        raise gone(path) from error
    return reader
