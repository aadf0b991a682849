"""A dashboard, looked at: what can be chosen at its top, and every panel with its answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from tapewatch.panels import datasource_of, drawn_panels, variable_query
from tapewatch.schema.types import seconds
from tapewatch.viewing.answers import PanelView
from tapewatch.viewing.moment import Moment
from tapewatch.viewing.sources import Sources
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.names import DATASOURCE_PROMETHEUS
from tapewatch_sdk.plugins import Dashboard

__all__ = ["View", "view"]

AT_ONCE = 6
"""Queries that are asked at the same time; a browser asks as many of one server."""


@dataclass(frozen=True, slots=True)
class View:
    """A dashboard with one choice of its variables.

    Parameters:
        dashboard: the dashboard.
        chosen: variable -> what stands in its place in a query.
        panels: its panels, rows left out, in the order of the dashboard.
        failures: variable -> why nothing can be chosen.
    """

    dashboard: Dashboard
    chosen: Mapping[str, str]
    panels: Sequence[PanelView]
    failures: Mapping[str, str]


def view(
    dashboards: Iterable[Dashboard],
    sources: Sources,
    moment: Moment,
    *,
    every_choice: bool = False,
    at_once: int = AT_ONCE,
) -> Iterator[View]:
    """Look at dashboards.

    Parameters:
        dashboards: which.
        sources: where the data sources are. Without a Prometheus nothing is asked, and panels have no answers.
        moment: the time range.
        every_choice: look once for each value of a variable of which one value is chosen; else at the first one.
        at_once: how many queries are asked at the same time.
    """
    with ThreadPoolExecutor(at_once) as pool:
        for dashboard in dashboards:
            chosen, failures = _choices(dashboard, sources, moment)
            for choice in chosen if every_choice else chosen[:1]:
                drawn = drawn_panels(dashboard.model)
                waiting = [(panel, _asked(panel, sources, moment, choice)) for panel in drawn]
                futures = [[pool.submit(*ask) for ask in asks] for _, asks in waiting]
                panels = [
                    PanelView(dashboard, panel, choice, [future.result() for future in answers])
                    for (panel, _), answers in zip(waiting, futures, strict=True)
                ]
                yield View(dashboard, choice, panels, failures)


def _asked(panel: Mapping[str, Any], sources: Sources, moment: Moment, chosen: Mapping[str, str]) -> list[Any]:
    least = _seconds(panel.get("interval"))
    asks = []
    for target in panel.get("targets", ()):
        uid = datasource_of(target.get("datasource") or panel.get("datasource"))
        if sources.asks(uid):
            # A query's own smallest step stands in for the scrape interval that the data source was told.
            own = replace(moment, scrape=_seconds(target.get("interval")) or moment.scrape)
            asks.append((sources.ask, uid, target, own, chosen, least))
    return asks


def _seconds(interval: object) -> float:
    return seconds(str(interval)) if interval else 0.0


def _choices(dashboard: Dashboard, sources: Sources, moment: Moment) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Every combination of what can be chosen, and the variables of which nothing can."""
    chosen: list[dict[str, str]] = [{}]
    failures: dict[str, str] = {}
    for variable in dashboard.model.get("templating", {}).get("list", ()):
        name = str(variable["name"])
        following = []
        for before in chosen:
            values, failure = _values(variable, sources, moment, before)
            if failure:
                failures[name] = failure
            following += [{**before, name: value} for value in values]
        chosen = following
    return chosen, failures


def _values(
    variable: Mapping[str, Any], sources: Sources, moment: Moment, chosen: Mapping[str, str]
) -> tuple[list[str], str]:
    """What may stand in a query for a variable: all values as one pattern where several can be chosen."""
    if variable["type"] == "datasource":
        return [DATASOURCE_PROMETHEUS], ""
    if variable["type"] != "query":
        return [_current(variable)], ""
    if not sources.prometheus:
        return [str(variable.get("allValue") or ".*")], ""
    selector, label = variable_query(variable)
    try:
        found = sources.values(moment.fill(selector, chosen), label, moment)
    except ToolError as error:
        return [".*"], str(error)
    if not found:
        return [".*"], f"label_values({selector}, {label}) has no values"
    if variable.get("includeAll"):
        return [str(variable.get("allValue") or f"({'|'.join(map(re.escape, found))})")], ""
    return [re.escape(value).replace(r"\-", "-") for value in found], ""


def _current(variable: Mapping[str, Any]) -> str:
    value = variable.get("current", {}).get("value", variable.get("query", ""))
    return str(value[0] if isinstance(value, list) and value else value or "")
