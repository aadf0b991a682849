"""Pictures of dashboards, looked at as SVG: what stands in them, and that nothing leaves its panel."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from support.samples import ROOT
from tapewatch.panels import all_panels
from tapewatch.previewing import picture
from tapewatch.previewing.cells import buckets
from tapewatch.previewing.graph import layers
from tapewatch.previewing.numbers import formatted, ticks
from tapewatch.project import open_project
from tapewatch.viewing import Answer, Line, Moment, PanelView, Series, Sources, View, view
from tapewatch_sdk.plugins import Dashboard

MOMENT = Moment(start=1_700_000_000, end=1_700_003_600, scrape=5)
STEPS = [{"color": "green", "value": None}, {"color": "red", "value": 100}]


def board(*panels: dict[str, Any]) -> Dashboard:
    """A dashboard with panels of half a width, two in a row."""
    placed = [
        {"id": index, "gridPos": {"x": index % 2 * 12, "y": index // 2 * 8, "w": 12, "h": 8}, **panel}
        for index, panel in enumerate(panels)
    ]
    return Dashboard("desk", "acme", {"uid": "desk", "title": "Desk", "description": "Do we trade?", "panels": placed})


def panel(kind: str, **more: Any) -> dict[str, Any]:
    defaults = {"unit": "ms", "thresholds": {"steps": STEPS}, **more.pop("defaults", {})}
    return {
        "type": kind, "title": "Latency", "targets": [{"refId": "A", "expr": "latency"}],
        "fieldConfig": {"defaults": defaults}, **more,
    }  # fmt: skip


def drawn(kind: dict[str, Any], *series: Series, lines: tuple[Line, ...] = (), error: str = "") -> str:
    """The texts of a picture of one panel with this answer, one a line."""
    desk = board(kind)
    answer = Answer("A", "latency", series, lines, error)
    shown = View(desk, {}, [PanelView(desk, desk.model["panels"][0], {}, [answer])], {})
    return texts(picture(shown, MOMENT))


def texts(svg: str) -> str:
    root = ElementTree.fromstring(svg)
    return "\n".join(node.text or "" for node in root.iter() if node.tag.endswith("text"))


def line(name: str, *values: float) -> Series:
    return Series(name, {"service": name}, [(MOMENT.start + 600 * index, value) for index, value in enumerate(values)])


def test_a_graph_has_its_title_its_legend_its_unit_and_its_limit() -> None:
    custom = {"thresholdsStyle": {"mode": "dashed"}, "axisSoftMin": 0, "axisSoftMax": 100}
    graph = panel("timeseries", defaults={"custom": custom})

    words = drawn(graph, line("p99", 20, 80, 40), line("p50", 10, 20, 10)).splitlines()

    assert {"Latency", "p99", "p50", "100 ms", "50 ms"} <= {*words}


def test_a_number_has_its_unit_and_the_colour_of_its_threshold() -> None:
    desk = board(panel("stat", options={"colorMode": "background"}))
    answer = Answer("A", "latency", [line("p99", 20, 180)])
    svg = picture(View(desk, {}, [PanelView(desk, desk.model["panels"][0], {}, [answer])], {}), MOMENT)

    assert "180 ms" in texts(svg)
    assert 'fill="#d6374b"' in svg


def test_a_state_has_its_word() -> None:
    mapping = {"type": "value", "options": {"1": {"text": "connected", "color": "green"}}}

    assert "connected" in drawn(panel("stat", defaults={"mappings": [mapping]}), line("feed", 1))


@pytest.mark.parametrize(
    "kind", ["timeseries", "stat", "gauge", "bargauge", "table", "state-timeline", "heatmap", "candlestick"]
)
def test_every_kind_survives_odd_values(kind: str) -> None:
    odd = [
        line("nan", float("nan"), float("nan")), line("inf", float("inf"), 1.0), line("one", 5.0),
        line("zeros", 0.0, 0.0, 0.0), line('<&"', -1e-12, 1e15), line("x" * 300, 1.0),
    ]  # fmt: skip

    words = drawn(panel(kind), *odd)

    assert "Latency" in words
    assert "nan" not in re.findall(r"\d*nan\d*px", words)


def test_a_panel_with_nothing_shows_its_own_text() -> None:
    assert "no orders" in drawn(panel("stat", defaults={"noValue": "no orders"}))
    assert "No data" in drawn(panel("stat"))


def test_a_refused_query_is_shown_with_the_reason() -> None:
    assert "parse error: unexpected end" in drawn(panel("timeseries"), error="parse error: unexpected end")


def test_logs_traces_and_calls_are_drawn() -> None:
    log = Line(MOMENT.end, "order rejected", {"level": "warning"})
    trace = Line(MOMENT.end, "api: GET", {"trace_id": "ab" * 16, "time": "12:00:00", "duration_ms": "1.5"})
    call = Line(0, "", {"parent": "market-data", "child": "signal-bridge", "calls": "12"})

    assert "order rejected" in drawn(panel("logs"), lines=(log,))
    assert "ab" * 8 in drawn(panel("table"), lines=(trace,))
    assert {"market-data", "signal-bridge", "12"} <= {*drawn(panel("nodeGraph"), lines=(call,)).splitlines()}


def test_services_stand_in_the_order_in_which_they_call_each_other() -> None:
    assert layers([("b", "c"), ("a", "b"), ("a", "c")]) == [["a"], ["b"], ["c"]]
    assert sum(len(layer) for layer in layers([("a", "b"), ("b", "a")])) == 2


def test_a_bucket_is_drawn_without_those_below_it() -> None:
    found = buckets([line("+Inf", 10, 10), line("0.5", 4, 4), line("1", 9, 10)])

    assert [[value for _, value in each.points] for each in found] == [[4, 4], [5, 6], [1, 0]]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0421, "percentunit", "4.21%"), (1234.5, "short", "1.23K"), (63_800, "currencyUSD", "$63.8K"),
        (-5.5, "currencyUSD", "-$5.5"), (0.00002, "s", "20 µs"), (90, "s", "1.5 min"), (250, "µs", "250 µs"),
        (1500, "ms", "1.5 s"), (3.2, "cps", "3.2 c/s"), (2_000_000, "bytes", "1.91 MiB"), (0, "s", "0 s"),
        (0.2, "suffix:bps", "0.2 bps"), (float("nan"), "s", "NaN"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_grafana_writes_them(value: float, unit: str, text: str) -> None:
    assert formatted(value, unit) == text


def test_ticks_are_round_numbers() -> None:
    assert ticks(0, 97, 4) == [0, 50] or ticks(0, 97, 4) == [0, 20, 40, 60, 80]
    assert ticks(5, 5, 4) == [5]


def test_without_data_every_panel_shows_its_queries() -> None:
    project = open_project(ROOT)

    for each in view(project.dashboards, Sources(), MOMENT):
        words = texts(picture(each, MOMENT))
        for shown in each.panels:
            assert shown.answers == []
        titles = [panel["title"] for panel in all_panels(each.dashboard.model) if "$" not in panel["title"]]
        assert [title for title in titles if title[:8] not in words] == []


def test_a_picture_is_xml_that_stands_alone() -> None:
    for each in view(open_project(ROOT).dashboards, Sources(), MOMENT):
        svg = picture(each, MOMENT)
        ElementTree.fromstring(svg)
        assert not re.search(r'(?:href|src)="(?!#)', svg)
        assert "<script" not in svg
