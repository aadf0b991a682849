"""The store: one DuckDB file with one writer and any number of readers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from tapewatch.history.store.contract import Batch, Reader, State, Written
from tapewatch_sdk.collectors import Table

__all__ = ["BATCH_SIZE", "WRITE_INTERVAL", "Store"]

BATCH_SIZE = 100
"""Samples, rows and events that are grouped into one transaction before the interval is over (`BATCH_SIZE`)."""

WRITE_INTERVAL = 1.0
"""Seconds that what was handed in may wait for more (`WRITE_INTERVAL`)."""


class Store:
    """An open store; `close` it, or use it in a `with` statement."""

    @classmethod
    def open(cls, path: Path, *, batch_size: int = BATCH_SIZE, write_interval: float = WRITE_INTERVAL) -> Store:
        """Open the file, or make it, for this process alone.

        Parameters:
            path: the file; its folder is made, for this user alone, if it is not there.
            batch_size: how much `submit` gathers before it writes.
            write_interval: seconds after which `submit` writes in any case.

        Raises:
            ProblemsError: it is no store, a newer one, damaged, or another process has it open.
        """
        raise NotImplementedError

    def define(self, tables: Sequence[Table]) -> None:
        """Make the tables of collectors, where they are not there.

        Raises:
            ProblemsError: a table is there with other columns, or its name is taken.
        """
        raise NotImplementedError

    def write(self, batch: Batch) -> Written:
        """Write a batch in a transaction of its own; it is on disk when this returns.

        Raises:
            StoreFullError: the disk is full; nothing of the batch was written.
            ProblemsError: a row's table was never defined; nothing of the batch was written.
        """
        raise NotImplementedError

    def submit(self, batch: Batch) -> Future[Written]:
        """Hand a batch to the writer's thread, which groups what comes in.

        Returns:
            Done when the batch is on disk; raises what `write` does.
        """
        raise NotImplementedError

    @property
    def state(self) -> State:
        """How the store is; costs next to nothing."""
        raise NotImplementedError

    def reader(self) -> Reader:
        """A reader in this process; close it after use."""
        raise NotImplementedError

    def serve(self, socket: Path) -> None:
        """Answer other processes of this user at a socket (see `connect`) until the store is closed."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what was handed in, and let the file go."""
        raise NotImplementedError

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
