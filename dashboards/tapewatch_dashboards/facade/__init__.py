"""grafanalib behind one door: panels, units, limits, colours, links, layout and variables are decided once, here.

    from tapewatch_dashboards.facade import Sheet, row, stat, timeseries

    def desk(request):
        sheet = Sheet(request, "execution_orders_submitted_total", {"symbol": "execution_orders_submitted_total"})
        rate = sheet.rate("execution_orders_submitted_total", by=["symbol"])
        orders = timeseries("Orders", "How many orders are sent?", rate, unit="cps")
        return sheet.board("desk", "Desk", "Is the desk trading?", [row(orders)], folder="acme")

What grafanalib lacks, or makes for an older Grafana, stands in `visuals`; what the current schema refuses is taken off.
"""

from __future__ import annotations

from tapewatch_dashboards.facade.board import FIRING, board
from tapewatch_dashboards.facade.kinds import Kind, kinds_of
from tapewatch_dashboards.facade.layout import Row, row
from tapewatch_dashboards.facade.look import ACTIVE, CONNECTED, OPEN, UP, Limit, State
from tapewatch_dashboards.facade.panels import (
    bars,
    candlestick,
    distribution,
    gauge,
    heatmap,
    logs,
    node_graph,
    spans,
    stat,
    state_timeline,
    table,
    text,
    timeseries,
)
from tapewatch_dashboards.facade.queries import Dependencies, LogQuery, Query, Spans
from tapewatch_dashboards.facade.sheet import Sheet

__all__ = [
    "ACTIVE",
    "CONNECTED",
    "FIRING",
    "OPEN",
    "UP",
    "Dependencies",
    "Kind",
    "Limit",
    "LogQuery",
    "Query",
    "Row",
    "Sheet",
    "Spans",
    "State",
    "bars",
    "board",
    "candlestick",
    "distribution",
    "gauge",
    "heatmap",
    "kinds_of",
    "logs",
    "node_graph",
    "row",
    "spans",
    "stat",
    "state_timeline",
    "table",
    "text",
    "timeseries",
]
