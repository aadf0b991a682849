"""What the instruments raise: when the program starts, and later in strict mode alone."""

from __future__ import annotations

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["InstrumentError"]


class InstrumentError(ProblemsError, ValueError):
    """An instrument is declared wrongly, or in strict mode used wrongly.

    It is a `ValueError` as well, which is what prometheus-client raises in the same places.
    """


def instrument_error(code: str, summary: str, *, must: str, fix: str, name: str) -> InstrumentError:
    """The error with one problem about the instrument `name`; the code goes without its area."""
    return InstrumentError([Problem(f"instruments/{code}", summary, must, fix, Place(path=name))])
