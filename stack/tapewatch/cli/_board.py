"""Shows how services come up: a table that changes on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import click

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Board", "board"]

_STYLES = {
    "healthy": "green",
    "running": "green",
    "done": "green",
    "unhealthy": "bold red",
    "exited": "bold red",
    "restarting": "red",
    "left out": "yellow",
}

_FINAL = frozenset({"healthy", "running", "done", "unhealthy", "exited", "left out"})
"""Words after which a service's clock stands still."""


class Board(Protocol):
    """Is told each change; works as long as its `with` block lasts."""

    def told(self, service: str, word: str) -> None:
        """A service is in another state. May be called from any thread."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def board(services: Sequence[str]) -> Board:
    """A board for these services, in their order."""
    if sys.stderr.isatty():
        return _Screen(services)
    return _Lines(services)


class _Lines:
    """One line for each change, on standard error."""

    def __init__(self, services: Sequence[str]) -> None:
        self._width = max(map(len, services), default=0)
        self._start = time.monotonic()

    def told(self, service: str, word: str) -> None:
        if word != "waiting":
            seconds = time.monotonic() - self._start
            click.echo(f"{service.ljust(self._width)}  {word.ljust(10)} {seconds:6.1f} s", err=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class _Screen:
    """A table that rich draws anew four times a second."""

    def __init__(self, services: Sequence[str]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._start = time.monotonic()
        self._lock = threading.Lock()
        self._words = dict.fromkeys(services, "")
        self._ends: dict[str, float] = {}
        console = Console(stderr=True)
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=4, transient=True)

    def told(self, service: str, word: str) -> None:
        with self._lock:
            self._words[service] = word
            self._ends.pop(service, None)
            if word in _FINAL:
                self._ends[service] = time.monotonic()

    def _table(self) -> Table:
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        with self._lock:
            now = time.monotonic()
            for service, word in self._words.items():
                seconds = f"{self._ends.get(service, now) - self._start:.1f} s" if word else ""
                table.add_row(service, word, seconds, style=_STYLES.get(word, "dim" if not word else ""))
        return table

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
