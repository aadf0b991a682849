"""How a test of a suite fails: what is wrong, what must hold, how to mend it."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["hold", "skip"]


def hold(condition: object, wrong: str, must: str, fix: str) -> None:
    """Fails the test unless a condition holds.

    Parameters:
        condition: what must be true.
        wrong: what is wrong if it is not, in one sentence, with what was found.
        must: what must hold.
        fix: what to do about it.
    """
    __tracebackhide__ = True  # pytest shows the author the failed sentence, not the suite's code
    if not condition:
        raise AssertionError(f"{wrong}\n  must hold: {must}\n  fix: {fix}")


def skip(reason: str) -> NoReturn:
    """Skips the test, and says why."""
    import pytest

    pytest.skip(reason)
