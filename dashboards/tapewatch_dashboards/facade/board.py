"""A dashboard as a whole, and its JSON as Grafana's current schema has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from grafanalib import core

from tapewatch_dashboards.facade.layout import Row, placed
from tapewatch_dashboards.facade.look import COLORS
from tapewatch_dashboards.facade.queries import PROMETHEUS
from tapewatch_sdk.plugins import Dashboard

__all__ = ["FIRING", "SCHEMA_VERSION", "board"]

SCHEMA_VERSION = 42
"""Grafana's current dashboard schema."""

TAG = "tapewatch"
"""Every dashboard carries it, so that each can link to all others."""

FIRING = 'ALERTS{alertstate="firing", severity!="none", environment=~"$environment", service=~"$service"}'
"""The alerts that fire among what is selected."""

_FIRING_ANYWHERE = FIRING.replace(', service=~"$service"', "")
"""The same where no service can be selected."""

_PANEL = frozenset(
    {"type", "id", "targets", "title", "description", "transparent", "datasource", "gridPos", "links", "repeat"}
    | {"repeatDirection", "maxPerRow", "maxDataPoints", "transformations", "interval", "timeFrom", "timeShift"}
    | {"options", "fieldConfig", "collapsed", "panels"}
)
_DASHBOARD = frozenset(
    {"uid", "title", "description", "tags", "timezone", "editable", "graphTooltip", "time", "timepicker", "refresh"}
    | {"schemaVersion", "panels", "templating", "annotations", "links"}
)
_VARIABLE = frozenset(
    {"type", "name", "label", "hide", "query", "datasource", "current", "multi", "refresh", "sort", "includeAll"}
    | {"allValue", "regex"}
)
"""The keys that the current schema knows, of those that grafanalib writes."""

_CUSTOM: Mapping[str, Any] = {
    "axisLabel": "",
    "axisPlacement": "auto",
    "barAlignment": 0,
    "drawStyle": "line",
    "hideFrom": {"tooltip": False, "viz": False, "legend": False},
    "insertNulls": False,
    "lineInterpolation": "linear",
    "pointSize": 5,
    "scaleDistribution": {"type": "linear", "log": 2},
    "spanNulls": False,
    "stacking": {"mode": "none"},
    "thresholdsStyle": {"mode": "off"},
}
"""What grafanalib writes out and Grafana takes anyway: left out, so that a diff shows what an author decided."""

_NO_FIELDS = frozenset({"row", "text"})
"""Kinds of panels that draw no data."""


def board(
    uid: str,
    title: str,
    question: str,
    rows: Iterable[Row],
    *,
    folder: str = "tapewatch",
    tags: Sequence[str] = (),
    variables: Sequence[core.Template] = (),
    since: str = "now-1h",
    refresh: str = "10s",
) -> Dashboard:
    """A dashboard.

    Parameters:
        uid: its UID, at most 40 characters.
        title: its title.
        question: the question that it answers; its description.
        rows: top row first; the answer belongs there.
        folder: title of the Grafana folder.
        tags: further tags.
        variables: what can be chosen at the top. Where `environment` is among them, and perhaps `service`, the firing
            alerts of what is chosen are drawn into every graph.
        since: the time range that is shown at first.
        refresh: how often it is drawn anew.

    Raises:
        ValueError: two panels have one title, the widths of a row are wrong, or the UID is too long.
    """
    if len(uid) > 40:
        raise ValueError(f"the UID {uid!r} has {len(uid)} characters, Grafana allows 40")
    names = {variable.name for variable in variables}
    firing = FIRING if "service" in names else _FIRING_ANYWHERE
    annotations = [_firing(firing)] if "environment" in names else []
    model = core.Dashboard(
        title=title,
        uid=uid,
        description=question,
        panels=placed(rows),
        annotations=core.Annotations(annotations),
        templating=core.Templating(list(variables)),
        links=[_others()],
        schemaVersion=SCHEMA_VERSION,
        editable=False,
        graphTooltip=core.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
        tags=[TAG, *tags],
        timezone="browser",
        time=core.Time(since, "now"),
        refresh=refresh,
    )
    return Dashboard(uid, folder, _finished(_plain(model)))


def _firing(expr: str) -> dict[str, Any]:
    """A mark where an alert begins to fire: one at every moment at which it does would be a wall of them."""
    return {
        "name": "Alerts",
        "datasource": PROMETHEUS,
        "enable": True,
        "iconColor": COLORS["critical"],
        "expr": f"{expr} unless {expr} offset $__interval",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{service}}, {{severity}}",
        "tagKeys": "severity,service",
        "step": "15s",
    }


def _others() -> dict[str, Any]:
    return {
        "title": "Dashboards",
        "type": "dashboards",
        "tags": [TAG],
        "asDropdown": True,
        "icon": "external link",
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
        "tooltip": "Another dashboard, at the same time",
    }


def _finished(model: Mapping[str, Any]) -> dict[str, Any]:
    kept = _only(model, _DASHBOARD)
    variables = [
        {key: value for key, value in _only(each, _VARIABLE).items() if value != {}}
        for each in model["templating"]["list"]
    ]
    return {
        **kept,
        "timepicker": {},
        "templating": {"list": variables},
        "panels": [_panel(panel) for panel in model["panels"]],
    }


def _panel(panel: Mapping[str, Any]) -> dict[str, Any]:
    made = _only(panel, _PANEL)
    if made["type"] == "row":
        inner = [_panel(each) for each in panel["panels"]]
        return {key: made[key] for key in ("type", "id", "title", "gridPos", "collapsed")} | {"panels": inner}
    if made["type"] in _NO_FIELDS:
        return {key: value for key, value in made.items() if key not in ("fieldConfig", "targets", "datasource")}
    fields = made["fieldConfig"]
    kept = {key: value for key, value in fields["defaults"].items() if value not in ([], {})}
    if "custom" in kept:
        kept["custom"] = {key: value for key, value in kept["custom"].items() if value != _CUSTOM.get(key)}
    made["fieldConfig"] = {"defaults": kept, "overrides": fields.get("overrides", [])}
    return {key: value for key, value in made.items() if value not in ([], False)}


def _only(node: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key in keys}


def _plain(node: Any) -> Any:
    """Plain data without what grafanalib left open (None); a threshold's null stays, it means -infinity."""
    if hasattr(node, "to_json_data"):
        return _plain(node.to_json_data())
    if isinstance(node, Mapping):
        return {key: _plain(value) for key, value in node.items() if value is not None or key == "value"}
    if isinstance(node, list | tuple):
        return [_plain(each) for each in node]
    return node
