"""Each series by a number: what makes a sample small."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tapewatch.history.samples import Layout, Scrape
from tapewatch.history.store.records import SeriesRow

__all__ = ["Numbering"]

_Key = tuple[str, tuple[tuple[str, str], ...], str, str]


class Numbering:
    """The numbers of all series that were ever stored.

    Parameters:
        rows: those that are known.
        last: a number that was given, also to a series that is lost.
    """

    def __init__(self, rows: Iterable[SeriesRow], last: int = 0) -> None:
        self._numbers: dict[_Key, int] = {}
        self._last = last
        self._layouts: dict[tuple[str, str], tuple[Layout, tuple[tuple[str, str], ...], NDArray[np.int32]]] = {}
        for row in rows:
            self.learn(row)

    def learn(self, row: SeriesRow) -> None:
        """Take a number that was given before."""
        number, name, _, service, target, labels, _ = row
        self._numbers[name, tuple((key, value) for key, value in labels), service, target] = number
        self._last = max(self._last, number)

    def knows(self, scrape: Scrape) -> bool:
        """Whether the series of a scrape are those that its target had before."""
        known = self._layouts.get((scrape.service, scrape.target))
        return known is not None and known[0] is scrape.layout and known[1] == scrape.labels

    def of(self, scrape: Scrape, new: list[SeriesRow]) -> NDArray[np.int32]:
        """The numbers of a scrape's series; those that get one now are added to `new`."""
        place = scrape.service, scrape.target
        if not self.knows(scrape):
            numbers = np.array([self._one(scrape, index, new) for index in range(len(scrape.layout.series))], np.int32)
            self._layouts[place] = scrape.layout, scrape.labels, numbers
        return self._layouts[place][2]

    def forget(self, rows: Iterable[SeriesRow]) -> None:
        """Take numbers back that were not written down."""
        for _, name, _, service, target, labels, _ in rows:
            self._numbers.pop((name, tuple((key, value) for key, value in labels), service, target), None)
            self._layouts.pop((service, target), None)

    def _one(self, scrape: Scrape, index: int, new: list[SeriesRow]) -> int:
        series = scrape.layout.series[index]
        labels = dict(scrape.labels) | dict(series.labels) if scrape.labels else dict(series.labels)
        pairs = tuple(sorted(labels.items()))
        key = series.name, pairs, scrape.service, scrape.target
        number = self._numbers.get(key)
        if number is None:
            self._last += 1
            number = self._numbers[key] = self._last
            listed = [[name, value] for name, value in pairs]
            new.append((number, series.name, labels.get("symbol"), scrape.service, scrape.target, listed, series.type))
        return number
