"""Problems that point into a PromQL expression."""

from __future__ import annotations

from dataclasses import replace

from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = ["problem_at"]


def problem_at(
    expr: str,
    start: int,
    end: int,
    *,
    code: str,
    summary: str,
    must: str = "",
    fix: str = "",
    where: Place | None = None,
    severity: Severity = Severity.ERROR,
) -> Problem:
    """A problem whose excerpt is the line of `expr` in which the offset `start` lies, with a caret under it.

    Parameters:
        expr: the whole expression; it may have several lines.
        start, end: offsets in characters, counted from 0; `end` is exclusive. What reaches past the line is cut.
        where: file, line and path of the expression. Its `line`, if known, is taken as that of the first line of
            `expr`. Without a place, the problem's line is the one within `expr`, counted from 1.
    """
    place = Place(line=1) if where is None else where
    start = min(start, len(expr))
    line_start = expr.rfind("\n", 0, start) + 1
    line_end = expr.find("\n", start)
    line_end = len(expr) if line_end < 0 else line_end
    pointed = replace(
        place,
        line=place.line + expr.count("\n", 0, start) if place.line else 0,
        excerpt=expr[line_start:line_end],
        excerpt_column=start - line_start + 1,
        length=max(1, min(end, line_end) - start),
    )
    return Problem(code=code, summary=summary, must=must, fix=fix, where=pointed, severity=severity)
