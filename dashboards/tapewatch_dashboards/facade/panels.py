"""The kinds of panels. Each answers one question, which is its description; the look is decided here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from grafanalib import core

from tapewatch_dashboards.facade.fields import in_background, in_color, names_of, of_words, with_unit
from tapewatch_dashboards.facade.look import Limit, State, mappings, steps
from tapewatch_dashboards.facade.queries import AnyQuery, Dependencies, LogQuery, Query, Spans, targets_of
from tapewatch_dashboards.facade.visuals import BarGauge, Candlestick, Gauge, Heatmap, NodeGraph

__all__ = [
    "bars",
    "candlestick",
    "distribution",
    "gauge",
    "heatmap",
    "logs",
    "node_graph",
    "spans",
    "stat",
    "state_timeline",
    "table",
    "text",
    "timeseries",
]


def timeseries(
    title: str,
    question: str,
    *queries: Query,
    unit: str,
    limits: Sequence[Limit | None] = (),
    stack: bool = False,
    bars: bool = False,
    legend: Literal["list", "table", "hidden"] = "list",
    no_value: str = "",
    links: Sequence[Mapping[str, Any]] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    right: Mapping[str, str] | None = None,
    colors: Mapping[str, str] | None = None,
) -> core.Panel:
    """Lines over time.

    Parameters:
        title: the panel's title, unique in its dashboard.
        question: what the panel answers.
        queries: one or more.
        unit: a Grafana unit id such as `s`, `cps`, `percentunit`; `Sheet.unit` knows that of a family.
        limits: lines at which alerts begin.
        stack: whether the lines are stacked.
        bars: bars in place of lines, for counts.
        legend: a list, or a table with the last value and the largest.
        no_value: what is shown instead of nothing; only a panel that has one may be empty.
        links: data links, of `Sheet.links`.
        minimum, maximum: the axis' ends, where they are fixed.
        right: regular expression of series -> unit, for those that are drawn against an axis on the right.
        colors: regular expression of series -> colour, where a colour has a meaning.
    """
    held = [limit for limit in limits if limit is not None]
    defaults = {
        "min": minimum,
        "max": maximum,
        "noValue": no_value or None,
        "links": list(links),
        "custom": {**_soft_ends(held, unit, minimum, maximum), "insertNulls": False},
    }
    return core.TimeSeries(
        **_with_units(_common(title, question, queries), right or {}, queries),
        unit=unit,
        drawStyle="bars" if bars else "line",
        fillOpacity=60 if bars else 30 if stack else 8,
        gradientMode="none" if stack or bars else "opacity",
        stacking={"mode": "normal", "group": "A"} if stack else {"mode": "none"},
        showPoints="never",
        lineWidth=1,
        legendDisplayMode=legend,
        legendCalcs=["lastNotNull", "max"] if legend == "table" else [],
        tooltipMode="multi",
        tooltipSort="desc",
        thresholds=steps(held),
        thresholdsStyleMode="dashed" if held else "off",
        overrides=[in_color(names_of(pattern, queries), color) for pattern, color in (colors or {}).items()],
        extraJson={"fieldConfig": {"defaults": defaults}},
    )


def stat(
    title: str,
    question: str,
    *queries: Query,
    unit: str,
    limits: Sequence[Limit | None] = (),
    states: Sequence[State] = (),
    no_value: str = "",
    spark: bool = False,
    links: Sequence[Mapping[str, Any]] = (),
) -> core.Panel:
    """One number, or one for each series, as it is at the end of the time shown; what has stopped has none.

    Parameters:
        states: words and colours of the values, for a gauge that is 0 or 1.
        spark: whether the past is drawn behind the number; the query must not be instant then.
    """
    coloured = bool(states) or any(limits)
    return core.Stat(
        **_common(title, question, queries if spark else _newest(queries)),
        format=unit,
        reduceCalc="lastNotNull",
        colorMode="background" if coloured else "value",
        graphMode="area" if spark else "none",
        noValue=no_value or None,
        mappings=mappings(states),
        color={"mode": "thresholds"},
        thresholds=steps(limits, "green" if coloured else "text"),
        extraJson={"fieldConfig": {"defaults": {"links": list(links)}}},
    )


def gauge(
    title: str,
    question: str,
    *queries: Query,
    unit: str = "percentunit",
    limits: Sequence[Limit | None] = (),
    minimum: float = 0,
    maximum: float = 1,
    no_value: str = "",
) -> core.Panel:
    """A dial for each series, with the limits on its rim.

    Parameters:
        minimum, maximum: the ends of the dial.
    """
    return Gauge(
        **_common(title, question, _newest(queries)),
        unit=unit,
        minimum=minimum,
        maximum=maximum,
        thresholds=steps(limits),
        no_value=no_value,
    )


def bars(
    title: str,
    question: str,
    *queries: Query,
    unit: str,
    limits: Sequence[Limit | None] = (),
    minimum: float | None = None,
    maximum: float | None = None,
    no_value: str = "",
) -> core.Panel:
    """A horizontal bar for each series, for few series that are compared."""
    return BarGauge(
        **_common(title, question, _newest(queries)),
        unit=unit,
        minimum=minimum,
        maximum=maximum,
        thresholds=steps(limits),
        no_value=no_value,
    )


def distribution(title: str, question: str, query: Query, *, unit: str, no_value: str = "") -> core.Panel:
    """How often each bucket of a histogram was met in the selected range; the query is `Sheet.buckets`.

    Parameters:
        unit: of the count, as a rule `short`.
    """
    return BarGauge(
        **_common(title, question, _newest([query])), unit=unit, vertical=True, minimum=0, no_value=no_value
    )


def heatmap(
    title: str, question: str, query: Query, *, unit: str, links: Sequence[Mapping[str, Any]] = (), no_value: str = ""
) -> core.Panel:
    """A histogram's buckets over time: the darker, the more often; the query is `Sheet.heat`.

    Parameters:
        unit: of what was observed.
    """
    return Heatmap(**_common(title, question, (query,)), unit=unit, data_links=links, no_value=no_value)


def table(
    title: str,
    question: str,
    *queries: Query,
    unit: str,
    hidden: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
    states: Sequence[State] = (),
    colored: Mapping[str, Mapping[str, str]] | None = None,
    no_value: str = "",
    links: Sequence[Mapping[str, Any]] = (),
) -> core.Panel:
    """One line for each series, with its labels as columns.

    Parameters:
        hidden: labels that are left out.
        names: label -> heading of its column.
        states: words and colours of the values.
        colored: heading of a column -> its words -> their colours.
        links: data links of the values.
    """
    organise = {
        "id": "organize",
        "options": {"excludeByName": dict.fromkeys(("Time", *hidden), True), "renameByName": dict(names or {})},
    }
    several = [{"id": "merge", "options": {}}] if len(queries) > 1 else []
    words = [mapping for each in (colored or {}).values() for mapping in of_words(each)]
    defaults = {"mappings": [*mappings(states), *words], "noValue": no_value or None, "links": list(links)}
    shown = {"custom": {"cellOptions": {"type": "color-text"}}} if states else {}
    return core.Table(
        **_common(title, question, queries),
        unit=unit,
        thresholds=steps(()),
        transformations=[*several, organise],
        overrides=[in_background(heading) for heading in colored or {}],
        extraJson={"fieldConfig": {"defaults": {**defaults, **shown}}},
    )


def state_timeline(
    title: str, question: str, *queries: Query, states: Sequence[State], no_value: str = ""
) -> core.Panel:
    """What state each series was in, over time.

    Parameters:
        states: words and colours of the values.
    """
    defaults = {"mappings": mappings(states), "noValue": no_value or None, "unit": "short"}
    return core.StateTimeline(
        **_common(title, question, queries),
        # By thresholds, the numbers would be merged into ranges, and the words not be looked at.
        colorMode="palette-classic",
        showValue="never",
        legendDisplayMode="list",
        tooltipMode="single",
        thresholds=steps(()),
        extraJson={"fieldConfig": {"defaults": defaults}},
    )


def candlestick(title: str, question: str, *queries: Query, unit: str, no_value: str = "") -> core.Panel:
    """Open, high, low and close; the queries are `Sheet.candles`."""
    return Candlestick(**_common(title, question, queries), unit=unit, no_value=no_value)


def logs(title: str, question: str, query: LogQuery, *, no_value: str = "No log lines") -> core.Panel:
    """Log lines, newest first."""
    return core.Logs(
        **_common(title, question, (query,)),
        showTime=True,
        wrapLogMessages=True,
        enableLogDetails=True,
        extraJson={"fieldConfig": {"defaults": {"noValue": no_value}}},
    )


def spans(title: str, question: str, query: Spans, *, no_value: str = "No traces") -> core.Panel:
    """Traces, a line each; the id opens the trace."""
    return core.Table(
        **_common(title, question, (query,)), extraJson={"fieldConfig": {"defaults": {"noValue": no_value}}}
    )


def node_graph(title: str, question: str, query: Dependencies, *, no_value: str = "No calls seen") -> core.Panel:
    """Services as nodes, calls as edges."""
    return NodeGraph(**_common(title, question, (query,)), no_value=no_value)


def text(title: str, question: str, markdown: str) -> core.Panel:
    """Words.

    Parameters:
        markdown: what is shown.
    """
    return core.Text(title=title, description=question, content=markdown, mode="markdown")


def _common(title: str, question: str, queries: Sequence[AnyQuery]) -> dict[str, Any]:
    return {
        "title": title,
        "description": question,
        "targets": list(targets_of(queries)),
        "dataSource": queries[0].source,
        "maxDataPoints": None,
    }


def _newest(queries: Sequence[Query]) -> list[Query]:
    """The queries as instant ones: over a range, the last value of what has stopped would pass for what is now."""
    return [
        each if each.instant else replace(each, instant=True, exemplar=False, format=each.format or "time_series")
        for each in queries
    ]


_LITTLE = 0.01
"""Share up to which an axis goes at least: Grafana draws one up to 10,000 % where all shares are 0."""


def _soft_ends(
    limits: Sequence[Limit], unit: str, minimum: float | None = None, maximum: float | None = None
) -> Mapping[str, float]:
    """Ends of the axis that the limits' lines and zero lie between, unless values go beyond or an end is fixed."""
    lowest = min((limit.value * 0.95 for limit in limits if limit.below), default=0)
    highest = max((limit.value * 1.05 for limit in limits), default=_LITTLE if unit == "percentunit" else None)
    ends = {"axisSoftMin": lowest if minimum is None else None, "axisSoftMax": highest if maximum is None else None}
    return {key: float(f"{value:.6g}") for key, value in ends.items() if value is not None}


def _with_units(common: Mapping[str, Any], units: Mapping[str, str], queries: Sequence[Query]) -> dict[str, Any]:
    """The same with a unit of their own for some series."""
    told = [with_unit(names_of(each, queries), unit, number) for number, (each, unit) in enumerate(units.items(), 1)]
    targets, transformations = [target for target, _ in told], [handed for _, handed in told]
    return {**common, "targets": [*common["targets"], *targets], "transformations": transformations}
