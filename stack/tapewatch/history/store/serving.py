"""Answering other processes of the same user at a socket, a thread for each of them."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb

from tapewatch.history.store.contract import Reader
from tapewatch.history.store.failures import opening, query
from tapewatch.history.store.wire import decoded, encoded, problems_of
from tapewatch_sdk.errors import ProblemsError

__all__ = ["Server"]

BLOCK = 1_000
"""Rows of a line."""

CLIENTS = 64
"""Processes or threads that may ask at once; each costs a thread here."""

ROWS, SECONDS = 1_000_000, 300.0
"""The most that a question may ask for."""

PAUSE = 0.1
"""Seconds until clients are accepted again, when one could not be."""

LINE = 4 << 20
"""Bytes of a question at most."""

Work = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Server:
    """A socket of mode 0600 at which a store is read.

    Parameters:
        path: the socket; one that is left from a dead process is replaced.
        reader: answers.
        works: what can be asked for besides, by name; each takes the question and gives the answer.

    Raises:
        OSError: the socket cannot be made.
    """

    def __init__(self, path: Path, reader: Reader, works: Mapping[str, Work]) -> None:
        self.path = path
        self._reader = reader
        self._works = works
        self._room = threading.Semaphore(CLIENTS)
        self._lines: set[socket.socket] = set()
        self._closed = threading.Event()
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)  # the mode from the first moment on
        try:
            self._socket.bind(str(path))
        finally:
            os.umask(mask)
        self._socket.listen(CLIENTS)
        threading.Thread(target=self._accept, name="store socket", daemon=True).start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._closed.set()
        self.path.unlink(missing_ok=True)
        for line in (self._socket, *list(self._lines)):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            self._room.acquire()
            try:
                line, _ = self._socket.accept()
            except OSError:
                self._room.release()
                if self._closed.wait(PAUSE):
                    return
                continue  # this process has as many files open as it may; that passes
            self._lines.add(line)
            threading.Thread(target=self._talk, args=(line,), name="store client", daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        try:
            with line, line.makefile("rb") as questions:
                while (text := questions.readline(LINE)).endswith(b"\n"):
                    for answer in self._answers(text):
                        line.sendall(answer)
        except OSError:
            pass  # it went away
        finally:
            self._lines.discard(line)
            self._room.release()

    def _answers(self, text: bytes) -> Iterator[bytes]:
        try:
            question = decoded(text)
            match question:
                case {"ask": "sql", "text": str()}:
                    yield from self._sql(question)
                case {"ask": "state"}:
                    yield encoded({"end": True, "state": asdict(self._reader.state())})
                case {"ask": str(name)} if name in self._works:
                    yield encoded({"end": True, **self._works[name](question)})
                case _:
                    raise query(
                        "history/bad-question", "this is no question that a store knows", "use the same version"
                    )
        except ProblemsError as error:
            yield encoded(problems_of(error))
        except (OSError, duckdb.Error) as error:  # of a work; a client that is gone shows when it is answered
            yield encoded(problems_of(opening(self.path, error)))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            problem = query("history/bad-question", f"this cannot be read: {error}", "use the same version")
            yield encoded(problems_of(problem))

    def _sql(self, question: Mapping[str, Any]) -> Iterator[bytes]:
        limit, timeout = min(int(question["limit"]), ROWS), min(float(question["timeout"]), SECONDS)
        answer = self._reader.sql(question["text"], question["parameters"], limit=limit, timeout=timeout)
        yield encoded({"columns": answer.columns, "types": answer.types})
        for begin in range(0, len(answer.rows), BLOCK):
            yield encoded(answer.rows[begin : begin + BLOCK])
        yield encoded({"end": True, "truncated": answer.truncated})
