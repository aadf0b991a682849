"""The queries of a dashboard, found in its JSON model: panels, rows, variables and annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tapewatch_sdk.names import DATASOURCE_PROMETHEUS
from tapewatch_sdk.plugins import Dashboard

__all__ = [
    "PanelQuery",
    "all_panels",
    "datasource_of",
    "drawn_panels",
    "panel_queries",
    "query_text",
    "variable_query",
]

_LABEL_VALUES = re.compile(r"label_values\((?P<selector>.*),\s*(?P<label>\w+)\s*\)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """One query as Grafana would send it.

    Parameters:
        dashboard: the dashboard.
        owner: title of the panel, or `variable NAME`, or `annotation NAME`.
        ref: the query's letter; empty for variables and annotations.
        expr: the query's text, macros and variables not yet replaced.
        legend: the legend's template.
        datasource: UID of the data source; a variable for it counts as Prometheus.
    """

    dashboard: Dashboard
    owner: str
    ref: str
    expr: str
    legend: str
    datasource: str

    @property
    def subject(self) -> str:
        """How a finding names the query: dashboard, panel and letter."""
        return f"{self.dashboard.title} / {self.owner}{f' ({self.ref})' if self.ref else ''}"


def all_panels(model: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every panel of a dashboard's model, those inside collapsed rows included."""
    for panel in model.get("panels", ()):
        yield panel
        yield from all_panels(panel)


def drawn_panels(model: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every panel but the headings of rows."""
    return (panel for panel in all_panels(model) if panel.get("type") != "row")


def query_text(target: Mapping[str, Any]) -> str:
    """What a target asks, in its data source's own words: an expression, or the service whose traces are searched."""
    return str(target.get("expr") or target.get("service") or target.get("queryType") or "")


def panel_queries(dashboard: Dashboard) -> Iterator[PanelQuery]:
    """Every query of a dashboard."""
    for panel in all_panels(dashboard.model):
        for target in panel.get("targets", ()):
            expr = target.get("expr") or target.get("query") or ""
            source = datasource_of(target.get("datasource") or panel.get("datasource"))
            yield PanelQuery(
                dashboard, panel.get("title", ""), target.get("refId", ""), expr, target.get("legendFormat", ""), source
            )
    yield from _variables(dashboard)
    for annotation in dashboard.model.get("annotations", {}).get("list", ()):
        if expr := annotation.get("expr"):
            owner, source = f"annotation {annotation.get('name', '')}", datasource_of(annotation.get("datasource"))
            yield PanelQuery(dashboard, owner, "", expr, annotation.get("titleFormat", ""), source)


def variable_query(variable: Mapping[str, Any]) -> tuple[str, str]:
    """Selector and label of a variable's `label_values`; the whole query and no label if it is something else."""
    query = variable.get("query") or ""
    text = str(query.get("query", "") if isinstance(query, Mapping) else query)
    match = _LABEL_VALUES.fullmatch(text)
    return (match["selector"], match["label"]) if match else (text, "")


def datasource_of(given: object) -> str:
    """The UID of what a panel, a target or a variable names as its data source; a variable counts as Prometheus."""
    uid = str(given.get("uid", "")) if isinstance(given, Mapping) else str(given or "")
    return DATASOURCE_PROMETHEUS if not uid or uid.startswith("$") else uid


def _variables(dashboard: Dashboard) -> Iterator[PanelQuery]:
    for variable in dashboard.model.get("templating", {}).get("list", ()):
        if variable.get("type") == "query":
            selector, source = variable_query(variable)[0], datasource_of(variable.get("datasource"))
            yield PanelQuery(dashboard, f"variable {variable['name']}", "", selector, "", source)
