"""grafanalib behind one door: panels, units, thresholds, layout and variables are decided once, here.

grafanalib emits the shape of an older Grafana in places; what the current schema (42) refuses is taken off, so that
the JSON holds against Grafana's own strict schema.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grafanalib import core

from tapewatch_sdk.names import DATASOURCE_PROMETHEUS
from tapewatch_sdk.plugins import Dashboard

__all__ = ["Query", "board", "row", "stat", "table", "timeseries"]

SCHEMA_VERSION = 42
"""Grafana's current dashboard schema."""

_WIDTH = 24
"""Columns of Grafana's grid."""

_REFUSED = frozenset({"__inputs", "editable", "error", "hideControls", "rows", "sharedCrosshair", "style"})
"""Keys that grafanalib emits and the schema refuses."""

_NOT_OF_A_PANEL = frozenset({"color", "columns", "fontSize", "mappings", "styles", "showHeader"})
_NOT_OF_A_TARGET = frozenset({"hide", "interval", "intervalFactor", "metric", "query", "step", "target"})
"""Keys of an older Grafana's panels and targets that the current one no longer knows."""

_DATASOURCE = {"type": "prometheus", "uid": DATASOURCE_PROMETHEUS}


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel.

    Parameters:
        expr: PromQL; `$__rate_interval` and the dashboard's variables may be used.
        legend: template of the legend, `{{label}}`.
        instant: only the newest value, for stat panels and tables.
    """

    expr: str
    legend: str = ""
    instant: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, all of one height.

    Parameters:
        panels: grafanalib panels; they share the width.
        height: rows of Grafana's grid (30 pixels each).
    """

    panels: Sequence[core.Panel]
    height: int = 8
    title: str = field(default="")


def row(*panels: core.Panel, height: int = 8) -> Row:
    """Panels side by side."""
    return Row(panels, height)


def timeseries(title: str, question: str, *queries: Query, unit: str, **options: Any) -> core.Panel:
    """Lines over time.

    Parameters:
        title: the panel's title, unique in its dashboard.
        question: what the panel answers; shown as its description.
        unit: a Grafana unit id such as `s`, `reqps`, `percentunit`.
        options: further arguments of grafanalib's `TimeSeries`.
    """
    return core.TimeSeries(
        **_common(title, question, queries), unit=unit, legendDisplayMode="list", tooltipMode="multi", **options
    )


def stat(
    title: str,
    question: str,
    *queries: Query,
    unit: str,
    thresholds: Sequence[tuple[str, float | None]] = (),
    no_value: str = "0",
) -> core.Panel:
    """One number.

    Parameters:
        thresholds: colour and the value from which it holds, ascending; the first has None.
        no_value: what is shown while the query yields nothing.
    """
    steps = [{"color": color, "value": value} for color, value in thresholds or (("green", None),)]
    return core.Stat(
        **_common(title, question, queries),
        format=unit,
        reduceCalc="lastNotNull",
        colorMode="background" if thresholds else "value",
        noValue=no_value,
        thresholds=steps,
    )


def table(title: str, question: str, *queries: Query, unit: str, hidden: Sequence[str] = ()) -> core.Panel:
    """One line for each series, with its labels as columns."""
    organise = {"id": "organize", "options": {"excludeByName": dict.fromkeys(("Time", *hidden), True)}}
    return core.Table(**_common(title, question, queries), unit=unit, transformations=[organise], showHeader=True)


def board(
    uid: str, title: str, question: str, rows: Iterable[Row], folder: str = "tapewatch", tags: Sequence[str] = ()
) -> Dashboard:
    """A dashboard.

    Parameters:
        uid: its UID.
        question: the question that it answers; its description.
        rows: top row first; the answer belongs there.
    """
    panels = _placed(rows)
    model = core.Dashboard(
        title=title,
        uid=uid,
        description=question,
        panels=panels,
        schemaVersion=SCHEMA_VERSION,
        editable=False,
        tags=["tapewatch", *tags],
        timezone="browser",
        time=core.Time("now-1h", "now"),
        refresh="10s",
        sharedCrosshair=True,
    ).to_json_data()
    return Dashboard(uid, folder, _finished(model))


def _common(title: str, question: str, queries: Sequence[Query]) -> dict[str, Any]:
    targets = [
        core.Target(
            expr=query.expr,
            legendFormat=query.legend,
            refId=chr(ord("A") + index),
            instant=query.instant,
            format="table" if query.instant and not query.legend else "time_series",
            datasource=_DATASOURCE,
        )
        for index, query in enumerate(queries)
    ]
    return {"title": title, "description": question, "targets": targets, "dataSource": _DATASOURCE}


def _placed(rows: Iterable[Row]) -> list[core.Panel]:
    panels = []
    top = 0
    for each in rows:
        width = _WIDTH // len(each.panels)
        for index, panel in enumerate(each.panels):
            panel.gridPos = core.GridPos(h=each.height, w=width, x=index * width, y=top)
            panel.id = _panel_id(panel.title)
            panels.append(panel)
        top += each.height
    return panels


def _panel_id(title: str) -> int:
    """An id that follows from the title, so that a panel keeps its id when another one is added before it."""
    return zlib.crc32(title.encode()) % 1_000_000 + 1


def _finished(model: Mapping[str, Any]) -> dict[str, Any]:
    """The model as the current schema has it: plain data, without the keys that it refuses."""
    plain: dict[str, Any] = _plain(model)
    panels = [_without(panel, _NOT_OF_A_PANEL) for panel in plain["panels"]]
    for panel in panels:
        panel["targets"] = [_without(target, _NOT_OF_A_TARGET) for target in panel["targets"]]
    return {**plain, "panels": panels, "editable": False, "graphTooltip": 1, "timepicker": {}}


def _without(node: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in keys}


def _plain(node: Any) -> Any:
    """Plain data without what grafanalib left open (None); a threshold's null stays, it means -infinity."""
    if hasattr(node, "to_json_data"):
        return _plain(node.to_json_data())
    if isinstance(node, Mapping):
        return {
            key: _plain(value)
            for key, value in node.items()
            if key not in _REFUSED and (value is not None or key == "value")
        }
    if isinstance(node, list | tuple):
        return [_plain(each) for each in node]
    return node
