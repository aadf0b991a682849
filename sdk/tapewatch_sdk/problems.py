"""One shape for everything that is wrong: a `Problem`.

Catalogue errors, check findings, plan warnings and plugin failures are all problems, so the terminal,
the JSON output and the annotations in a pull request show the same thing in the same words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Place", "Problem", "Severity"]


class Severity(StrEnum):
    """How bad a problem is. An `error` stops the command; a `warning` is shown and the work goes on."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a problem is.

    Parameters:
        file: path as the user wrote it; empty when no file is involved.
        line, column: position in that file, both counted from 1; 0 when unknown.
        path: path inside the document (`services.market-data.address`), or the name of a rule, panel or plugin.
        excerpt: the offending line (or PromQL expression), shown with a caret under `excerpt_column`.
        excerpt_column: where the caret stands in `excerpt`, counted from 1; 0 for no caret.
        length: how many characters the caret underlines.
    """

    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    excerpt: str = ""
    excerpt_column: int = 0
    length: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, said so that it can be mended without reading our source.

    Parameters:
        code: stable identifier such as `catalogue/unknown-key`; each one is described in docs/problems.md.
        summary: what is wrong, in one sentence.
        must: what must hold.
        fix: what to do about it.
        where: the place.
        severity: error or warning.
    """

    code: str
    summary: str
    must: str = ""
    fix: str = ""
    where: Place = field(default_factory=Place)
    severity: Severity = Severity.ERROR

    def to_dict(self) -> dict[str, object]:
        """The problem as plain data; the form that `--format json` prints."""
        place = self.where
        return {
            "code": self.code,
            "severity": str(self.severity),
            "summary": self.summary,
            "must": self.must,
            "fix": self.fix,
            "file": place.file,
            "line": place.line,
            "column": place.column,
            "path": place.path,
            "excerpt": place.excerpt,
        }
