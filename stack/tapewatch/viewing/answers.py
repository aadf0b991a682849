"""What the data sources answer, and what that makes of a panel."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tapewatch_sdk.plugins import Dashboard

__all__ = ["Answer", "Line", "PanelView", "Series", "State"]


class State(StrEnum):
    """What a query, or a panel, shows."""

    DATA = "data"
    EMPTY = "empty"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a graph.

    Parameters:
        name: its legend.
        labels: its labels.
        points: seconds since 1970 and value, in the order of time; one of an instant query.
    """

    name: str
    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]

    @property
    def last(self) -> float:
        """The newest value that is a number; NaN without one."""
        return next((value for _, value in reversed(self.points) if math.isfinite(value)), math.nan)


@dataclass(frozen=True, slots=True)
class Line:
    """A log line, a trace, or a call from one service to another.

    Parameters:
        timestamp: seconds since 1970; 0 where it has none.
        text: what a person reads.
        labels: what else is known of it.
    """

    timestamp: float
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one query of a panel brought.

    Parameters:
        ref: the query's letter.
        query: what was asked, variables filled in.
        series: of Prometheus.
        lines: of Loki and Jaeger.
        error: why there is no answer.
        seconds: how long it took.
    """

    ref: str
    query: str
    series: Sequence[Series] = ()
    lines: Sequence[Line] = ()
    error: str = ""
    seconds: float = 0.0

    @property
    def state(self) -> State:
        """Data as soon as there is one number or one line."""
        if self.error:
            return State.ERROR
        numbers = any(math.isfinite(value) for series in self.series for _, value in series.points)
        return State.DATA if numbers or self.lines else State.EMPTY


@dataclass(frozen=True, slots=True)
class PanelView:
    """A panel with its answers.

    Parameters:
        dashboard: the dashboard.
        panel: the panel's model.
        chosen: what was chosen at the top, by variable.
        answers: one for each query, in their order; none for a panel without queries, or without a data source.
    """

    dashboard: Dashboard
    panel: Mapping[str, Any]
    chosen: Mapping[str, str]
    answers: Sequence[Answer] = ()

    @property
    def title(self) -> str:
        """The panel's title."""
        return str(self.panel.get("title", ""))

    @property
    def no_value(self) -> str:
        """What it shows instead of nothing; empty where it must not be empty."""
        return str(self.panel.get("fieldConfig", {}).get("defaults", {}).get("noValue") or "")

    @property
    def state(self) -> State:
        """The worst of its queries'."""
        states = {answer.state for answer in self.answers}
        return next((state for state in (State.ERROR, State.EMPTY) if state in states), State.DATA)
