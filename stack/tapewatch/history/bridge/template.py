"""What a target's answer looked like, so that of the next one only the numbers are read.

An answer fits when every line but its value is the same, byte for byte. What is run over all lines is C: a list is
compared, a slice taken, a number made, without one step of Python for a line.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import compress
from operator import getitem
from typing import cast

import numpy as np

from tapewatch.history.bridge.numbers import has_more, numbers
from tapewatch.history.bridge.reading import Reading
from tapewatch.history.samples import Layout, Series, Values
from tapewatch.verifying.lines import Syntax

__all__ = ["Template"]

_tail = cast(Callable[[bytes, slice], bytes], getitem)
"""What stands in a slice of a line. `bytes.__getitem__` would take twice as long."""


class Template:
    """One answer that was read.

    Parameters:
        lines: the answer's.
        syntax: its format.
        reading: what stood in it.
        layout: the series that are kept.
    """

    def __init__(self, lines: list[bytes], syntax: Syntax, reading: Reading, layout: Layout) -> None:
        self.syntax = syntax
        self.layout = layout
        self._series = reading.series
        self._heads = reading.heads
        self._count = len(lines)
        places = set(reading.numbers)
        self._samples = bytes(number in places for number in range(1, len(lines) + 1))
        self._others = bytes(1 - each for each in self._samples)
        self._rest = list(compress(lines, self._others))
        lengths = {len(head) for head in self._heads}
        slices = {length: slice(length, None) for length in lengths}
        self._slices = [slices[len(head)] for head in self._heads]
        self._kept = None if reading.kept is None else np.array(reading.kept)

    @property
    def known(self) -> dict[bytes, Series]:
        """The series by the bytes before their values."""
        return dict(zip(self._heads, self._series, strict=True))

    def values(self, lines: list[bytes]) -> Values | None:
        """The values of an answer; None if anything else about it is new."""
        if len(lines) != self._count or list(compress(lines, self._others)) != self._rest:
            return None
        samples = list(compress(lines, self._samples))
        if not all(map(bytes.startswith, samples, self._heads)):
            return None
        tails = list(map(_tail, samples, self._slices))
        if self._kept is not None and has_more(tails):
            return None  # with a timestamp another line of the same series may be the one that is kept
        values = numbers(tails, self.syntax)
        return values if values is None or self._kept is None else values[self._kept]
