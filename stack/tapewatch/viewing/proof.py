"""The panel proof: every query of every panel has data, or its panel says what it shows instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tapewatch.viewing.answers import Answer, PanelView, State
from tapewatch.viewing.view import View
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Proof", "Verdict", "prove"]


_ORDER = (State.DATA, State.EMPTY, State.ERROR)
"""From good to bad."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one panel shows, over all choices of the dashboard's variables.

    Parameters:
        view: the panel where it is worst.
        choice: what was chosen there, in words; empty where there was one choice.
    """

    view: PanelView
    choice: str

    @property
    def red(self) -> bool:
        """Whether it shows what no panel may: an error, or nothing without a word."""
        return self.view.state is State.ERROR or (self.view.state is State.EMPTY and not self.view.no_value)


@dataclass(frozen=True, slots=True)
class Proof:
    """What a dashboard shows.

    Parameters:
        uid: its UID.
        title: its title.
        verdicts: one for each panel that was asked, in the order of the dashboard.
        queries: how many were asked.
        unresolved: variable -> why nothing can be chosen.
    """

    uid: str
    title: str
    verdicts: Sequence[Verdict]
    queries: int
    unresolved: Mapping[str, str]

    @property
    def seconds(self) -> float:
        """How long its slowest query took."""
        return max((answer.seconds for verdict in self.verdicts for answer in verdict.view.answers), default=0.0)

    def problems(self) -> Iterator[Problem]:
        """What is wrong."""
        for name, reason in self.unresolved.items():
            yield _no_values(f"{self.title} / variable {name}", reason)
        for verdict in self.verdicts:
            if verdict.red:
                yield from _of_panel(self.title, verdict)


def prove(views: Iterable[View]) -> list[Proof]:
    """Judge dashboards that were looked at, with every choice of their variables."""
    by_board: dict[str, list[View]] = {}
    for view in views:
        by_board.setdefault(view.dashboard.uid, []).append(view)
    return [_of_board(found) for found in by_board.values()]


def _of_board(views: Sequence[View]) -> Proof:
    varying = {name for name in views[0].chosen if len({view.chosen[name] for view in views}) > 1}
    verdicts: list[Verdict] = []
    for panels in zip(*(view.panels for view in views), strict=True):
        asked = [panel for panel in panels if panel.answers]
        if asked:
            worst = max(asked, key=lambda panel: _ORDER.index(panel.state))
            verdicts.append(Verdict(worst, ", ".join(f"{name} {worst.chosen[name]}" for name in sorted(varying))))
    board = views[0].dashboard
    queries = sum(len(panel.answers) for view in views for panel in view.panels)
    return Proof(board.uid, board.title, verdicts, queries, views[0].failures)


def _of_panel(board: str, verdict: Verdict) -> Iterator[Problem]:
    where = f" with {verdict.choice}" if verdict.choice else ""
    for answer in verdict.view.answers:
        subject = f"{board} / {verdict.view.title} ({answer.ref})"
        if answer.state is State.ERROR:
            yield _failed(subject, where, answer)
        elif answer.state is State.EMPTY and not verdict.view.no_value:
            yield _empty(subject, where, answer)


def _failed(subject: str, where: str, answer: Answer) -> Problem:
    return Problem(
        code="panels/error",
        summary=f"the query is refused{where}: {answer.error}",
        must="every query of a panel is answered",
        fix=f"mend {answer.query!r} in the dashboard's code",
        where=Place(path=subject),
    )


def _empty(subject: str, where: str, answer: Answer) -> Problem:
    return Problem(
        code="panels/empty",
        summary=f"the query brings nothing{where}: {answer.query}",
        must="every query of a panel has data while its services run, or the panel has a text for when it has none",
        fix="compare its names and labels with what the services expose; where nothing may rightly be there, "
        "give the panel `no_value`",
        where=Place(path=subject),
    )


def _no_values(subject: str, reason: str) -> Problem:
    return Problem(
        code="panels/no-values",
        summary=f"nothing can be chosen: {reason}",
        must="the query of a variable has values while the services run",
        fix="compare its names and labels with what the services expose",
        where=Place(path=subject),
    )
