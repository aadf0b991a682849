"""A family with labels: from the values of its labels to a bound series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, ParamSpec, Protocol, TypeVar

__all__ = ["Keeps", "Labelled"]

P = ParamSpec("P")
S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)


class Keeps(Protocol[S_co]):
    """What keeps the series of a family: an instrument, or a summary."""

    @property
    def name(self) -> str:
        """The name of the family."""

    def labels(self, /, **labels: object) -> S_co:
        """The series with these labels."""

    def remove(self, labels: Mapping[str, object]) -> None:
        """Forget a series."""


class Labelled(Generic[P, S]):
    """A family with labels. Without a value for each of them there is nothing to count, set or observe.

    Parameters:
        instrument: keeps the series.
        values: a function whose keywords are the labels; it gives their values by the labels' true names.
    """

    __slots__ = ("_values", "instrument")

    def __init__(self, instrument: Keeps[S], values: Callable[P, dict[str, str]]) -> None:
        self.instrument = instrument
        self._values = values

    def labels(self, /, *args: P.args, **kwargs: P.kwargs) -> S:
        """The series with these labels, to be kept and used on hot paths. It is made if there is none.

        One series more than the budget allows gives one that counts each update as dropped. A value that is no text is
        taken as `str` shows it.

        Raises:
            TypeError: a label is missing, or there is none of that name.
            InstrumentError: in strict mode, beyond the budget.
        """
        return self.instrument.labels(**self._values(*args, **kwargs))

    def remove(self, /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Forget a series, such as that of a symbol that is traded no more; nothing happens if there is none.

        Raises:
            TypeError: as for `labels`.
        """
        self.instrument.remove(self._values(*args, **kwargs))

    def __repr__(self) -> str:
        return f"<labelled {self.instrument.name}>"
