"""Remembers what was made of the labels of each series, from one batch to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

__all__ = ["Known"]

Made = TypeVar("Made")
Labels = Mapping[str, str]


class Known(Generic[Made]):
    """What was made of labels. Those of a series are one object as long as it is read; that is what it is known by."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[Labels, Made]] = {}
        self._now: dict[int, tuple[Labels, Made]] = {}

    def begin(self) -> None:
        """A new batch begins: what the batch before did not have is forgotten."""
        self._before, self._now = self._now, {}

    def of(self, labels: Labels, make: Callable[[Labels], Made]) -> Made:
        """What was made of these labels; it is made now if it was not."""
        key = id(labels)
        found = self._before.get(key)
        if found is None or found[0] is not labels:  # an id may be given anew, once its labels are gone
            found = (labels, make(labels))
        self._now[key] = found
        return found[1]
