"""Chooses dashboards by UID."""

from __future__ import annotations

from collections.abc import Sequence

from tapewatch.schema.nearest import nearest
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.plugins import Dashboard
from tapewatch_sdk.problems import Place, Problem

__all__ = ["picked"]


def picked(dashboards: Sequence[Dashboard], uids: Sequence[str]) -> list[Dashboard]:
    """The dashboards of these UIDs; all where none is given.

    Raises:
        ProblemsError: there is none of a UID.
    """
    known = {dashboard.uid: dashboard for dashboard in dashboards}
    problems = [_unknown(uid, list(known)) for uid in uids if uid not in known]
    if problems:
        raise ProblemsError(problems)
    return [known[uid] for uid in uids] or list(dashboards)


def _unknown(uid: str, known: list[str]) -> Problem:
    guess = nearest(uid, known)
    return Problem(
        code="panels/unknown-dashboard",
        summary=f"there is no dashboard `{uid}`",
        must=f"one of {', '.join(known) or 'none, since no installed plugin makes dashboards'}",
        fix=f"did you mean `{guess}`?" if guess else "name one of them",
        where=Place(path=uid),
    )
