"""What the journal has, put into memory."""

from __future__ import annotations

from collections.abc import Iterable

from tapewatch.history.store.engine import Engine
from tapewatch.history.store.journal import Journal
from tapewatch.history.store.latest import Latest
from tapewatch.history.store.records import Record

__all__ = ["replay"]


def replay(engine: Engine, journal: Journal, chunks: Iterable[int], into: int, latest: Latest) -> int:
    """Put the batches of chunks into memory.

    Parameters:
        engine: of the store.
        journal: has them.
        chunks: their numbers, in order.
        into: the chunk that they belong to from now on.
        latest: takes over the last values.

    Returns:
        How many samples there were.
    """
    samples = 0
    for chunk in chunks:
        for body, _ in journal.read(chunk):
            record = Record.decoded(body)
            latest.take(record)
            engine.apply(record, into, latest.columns())
            samples += len(record.ids)
    return samples
