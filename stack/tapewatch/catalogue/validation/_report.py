"""What the checks share: where a finding goes, and the type of a path in the catalogue."""

from __future__ import annotations

from collections.abc import Callable

from tapewatch.catalogue.inherit import written_path
from tapewatch.catalogue.model import Catalogue
from tapewatch.documents import Document
from tapewatch_sdk.problems import Problem, Severity

__all__ = ["Check", "Path", "Report", "suggestion"]

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the catalogue down to a value."""


class Report:
    """Collects findings and places each in the document.

    Parameters:
        document: the catalogue's document.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self.problems: list[Problem] = []

    def __call__(
        self,
        code: str,
        path: Path,
        summary: str,
        must: str,
        fix: str,
        *,
        key: bool = False,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Add a finding.

        Parameters:
            code: second part of the problem's code; the first is `catalogue`.
            path: where it stands; a value that is inherited is placed where `defaults` gives it.
            summary, must, fix: as for `Problem`.
            key: point at the key rather than at the value.
            severity: a warning is shown, and the catalogue is used all the same.
        """
        where = self._document.place(written_path(self._document, path), key=key)
        self.problems.append(Problem(f"catalogue/{code}", summary, must, fix, where, severity))


Check = Callable[[Catalogue, Report], None]
"""Looks at one part of a catalogue and reports what is wrong."""


def suggestion(near: str) -> str:
    """`; did you mean ...?`, or nothing when no known name is near."""
    return f"; did you mean `{near}`?" if near else ""
