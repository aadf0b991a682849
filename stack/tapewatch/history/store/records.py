"""A batch as the journal keeps it: a head as JSON, then numbers of series and values as they lie in memory."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapewatch.history.samples import Values

__all__ = ["Record", "Seen", "SeriesRow", "joined", "united"]

_LENGTH = struct.Struct("<I")

SeriesRow = tuple[int, str, str | None, str, str, list[list[str]], str]
"""A series: its number, name, symbol, service, target, labels and type."""

Seen = tuple[int, int, str, str, float, str]
"""A scrape: when (milliseconds), how many samples, service, target, seconds that it took, error."""


@dataclass(slots=True)
class Record:
    """One batch.

    Parameters:
        series: those that appear for the first time.
        scrapes: in the order of their samples.
        rows: by table, the values of each column.
        events: as `Event.to_dict` gives them.
        orders: what the events say of orders, as rows of `orders`.
        ids, values: the samples.
    """

    series: list[SeriesRow] = field(default_factory=list)
    scrapes: list[Seen] = field(default_factory=list)
    rows: dict[str, list[list[Any]]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    orders: list[list[Any]] = field(default_factory=list)
    ids: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    values: Values = field(default_factory=lambda: np.empty(0))

    def encoded(self) -> bytes:
        """The record as bytes."""
        head = json.dumps([self.series, self.scrapes, self.rows, self.events, self.orders]).encode()
        return b"".join((_LENGTH.pack(len(head)), head, self.ids.tobytes(), self.values.tobytes()))

    @classmethod
    def decoded(cls, body: bytes) -> Record:
        """The record that `encoded` gave."""
        (length,) = _LENGTH.unpack_from(body)
        begin = _LENGTH.size + length
        series, scrapes, rows, events, orders = json.loads(body[_LENGTH.size : begin])
        count = (len(body) - begin) // 12
        ids = np.frombuffer(body, np.int32, count, begin)
        values = np.frombuffer(body[begin + 4 * count :], np.float64)
        return cls(
            [tuple(each) for each in series], [tuple(each) for each in scrapes], rows, events, orders, ids, values
        )

    @property
    def times(self) -> NDArray[Any]:
        """The moment of each sample."""
        return np.repeat(
            np.array([each[0] for each in self.scrapes], "datetime64[ms]"), [each[1] for each in self.scrapes]
        )


def joined(arrays: Sequence[NDArray[Any]], kind: type) -> NDArray[Any]:
    """Arrays one after another."""
    return np.concatenate(arrays) if arrays else np.empty(0, kind)


def united(records: Sequence[Record]) -> Record:
    """Several records as one; of the rows of an order the last one."""
    if len(records) == 1:
        return records[0]
    whole = Record()
    for record in records:
        whole.series += record.series
        whole.scrapes += record.scrapes
        whole.events += record.events
        for name, columns in record.rows.items():
            have = whole.rows.get(name)
            whole.rows[name] = [a + b for a, b in zip(have, columns, strict=True)] if have else columns
    whole.orders = list({row[0]: row for record in records for row in record.orders}.values())
    whole.ids = joined([record.ids for record in records], np.int32)
    whole.values = joined([record.values for record in records], np.float64)
    return whole
