"""Says what to install, where an import fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.exporters.contract import Destination
from tapewatch_sdk.problems import Place, Problem

__all__ = ["needs"]


@contextmanager
def needs(extra: str, destination: Destination) -> Iterator[None]:
    """Around the imports that an exporter needs.

    Parameters:
        extra: the extra that brings them.
        destination: what they are needed for.

    Raises:
        ProblemsError: something is not installed, or too old.
    """
    try:
        yield
    except ImportError as error:
        raise ProblemsError(
            [
                Problem(
                    "push/not-installed",
                    f"nothing can be pushed to {destination.shown}: {error}",
                    must=f"the extra `{extra}` is installed",
                    fix=f"install `tapewatch[{extra}]`, or leave out the URL",
                    where=Place(path=destination.shown),
                )
            ]
        ) from error
