"""The last value of each series, always at hand: finding it among the samples would mean to look at all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapewatch.history.store.engine import Engine
from tapewatch.history.store.records import Record

__all__ = ["Latest", "known"]

_NEVER = np.iinfo(np.int64).min


class Latest:
    """The last values by the series' numbers.

    Parameters:
        series, times, values: what is known; times in milliseconds.
    """

    def __init__(self, series: NDArray[np.int32], times: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        self._times = np.full(1024, _NEVER, np.int64)
        self._values = np.zeros(1024)
        if len(series):
            self._grow(int(series.max()))
            self._times[series], self._values[series] = times, values

    def take(self, record: Record) -> None:
        """Take over what is newer."""
        begin = 0
        for at, count, *_ in record.scrapes:
            ids, values = record.ids[begin : begin + count], record.values[begin : begin + count]
            begin += count
            if not count:
                continue
            self._grow(int(ids.max()))
            newer = self._times[ids] <= at
            self._times[ids[newer]], self._values[ids[newer]] = at, values[newer]

    def columns(self) -> dict[str, NDArray[Any]]:
        """All of them, as columns of `last`."""
        known = np.flatnonzero(self._times != _NEVER)
        times = self._times[known].view("datetime64[ms]")
        return {"series": known.astype(np.int32), "ts": times, "value": self._values[known]}

    def _grow(self, most: int) -> None:
        if most >= len(self._times):
            more = 2 * most - len(self._times) + 1
            self._times = np.concatenate([self._times, np.full(more, _NEVER, np.int64)])
            self._values = np.concatenate([self._values, np.zeros(more)])


def known(engine: Engine) -> Latest:
    """The last values that the file has."""
    kept = engine.connection.execute("SELECT series, ts, value FROM store.last").fetchnumpy()
    return Latest(
        np.asarray(kept["series"], np.int32),
        np.asarray(kept["ts"]).astype("datetime64[ms]").astype(np.int64),
        np.asarray(kept["value"], np.float64),
    )
