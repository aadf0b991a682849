"""What the journal has, put into memory."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from tapewatch.history.store.engine import Engine
from tapewatch.history.store.journal import Journal
from tapewatch.history.store.latest import Latest
from tapewatch.history.store.records import Record, united

__all__ = ["replay"]

TOGETHER = 500
"""Batches that are put into memory by one statement: a minute of ten targets, a few MB."""


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
    records = (Record.decoded(body) for chunk in chunks for body, _ in journal.read(chunk))
    while some := list(islice(records, TOGETHER)):
        record = united(some)
        latest.take(record)
        engine.apply(record, into, latest.columns())
        samples += len(record.ids)
    return samples
