"""Every dashboard of the sample: what holds for all of them, whoever wrote them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest

from support.samples import ROOT
from tapewatch.checks.lineage import LineageCheck
from tapewatch.panels import all_panels, panel_queries, variable_query
from tapewatch.project import Project, open_project
from tapewatch.promql.grafana import substitute
from tapewatch.promql.selector import selectors
from tapewatch_sdk.names import DATASOURCE_PROMETHEUS, EXPECTED, TARGET_LABELS
from tapewatch_sdk.plugins import Dashboard

SCHEMA = ROOT.parent / "shared" / "data" / "grafana-dashboard.schema.json"

QUERIES = 60
"""Queries that one dashboard may ask."""

WITHOUT_NUMBERS = {"row", "text", "logs", "nodeGraph"}
"""Kinds of panels that have no unit; a table of traces has none either."""

ANGULAR = {"graph", "singlestat", "grafana-piechart-panel", "grafana-worldmap-panel", "alertlist", "table-old"}

FIELD = "${__data.fields.dashboard}"
"""A link of a table may lead to the dashboard that its query names, in the label `dashboard`."""


@pytest.fixture(scope="module")
def project() -> Project:
    return open_project(ROOT)


@pytest.fixture(scope="module")
def dashboards(project: Project) -> list[Dashboard]:
    return list(project.dashboards)


def shown(dashboard: Dashboard) -> Iterator[Mapping[str, Any]]:
    """Every panel that is no heading."""
    return (panel for panel in all_panels(dashboard.model) if panel["type"] != "row")


def named(dashboard: Dashboard) -> set[str]:
    """Every metric that a panel's query names."""
    queries = [query for query in panel_queries(dashboard) if query.datasource == DATASOURCE_PROMETHEUS and query.ref]
    return {name for query in queries for selector in selectors(substitute(query.expr)) for name in selector.names}


def links_in(node: object) -> Iterator[str]:
    """Every address in a dashboard's model, however deep."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "url" and isinstance(value, str))
        yield from (link for value in node.values() for link in links_in(value))
    elif isinstance(node, list):
        yield from (link for value in node for link in links_in(value))


@pytest.mark.skipif(
    not SCHEMA.is_file(), reason="needs grafana-dashboard.schema.json, which is not beside this checkout"
)
def test_each_holds_against_grafanas_strict_schema(dashboards: list[Dashboard]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)

    for dashboard in dashboards:
        assert [error.message for error in validator.iter_errors(dashboard.model)] == [], dashboard.uid


def test_no_panel_is_of_a_kind_that_grafana_no_longer_draws(dashboards: list[Dashboard]) -> None:
    for dashboard in dashboards:
        assert not {panel["type"] for panel in shown(dashboard)} & ANGULAR


def test_every_panel_says_what_it_answers_and_numbers_have_a_unit(dashboards: list[Dashboard]) -> None:
    for dashboard in dashboards:
        assert dashboard.model["description"].endswith("?")
        for panel in shown(dashboard):
            assert panel["description"].endswith("?"), f"{dashboard.uid}: {panel['title']}"
            spans = panel["type"] == "table" and panel["datasource"]["type"] == "jaeger"
            if panel["type"] not in WITHOUT_NUMBERS and not spans:
                assert panel["fieldConfig"]["defaults"]["unit"], f"{dashboard.uid}: {panel['title']}"


def test_titles_and_ids_are_unique(dashboards: list[Dashboard]) -> None:
    for dashboard in dashboards:
        ids = [panel["id"] for panel in all_panels(dashboard.model)]
        titles = [panel["title"] for panel in shown(dashboard)]
        assert len(ids) == len(set(ids)), dashboard.uid
        assert len(titles) == len(set(titles)), dashboard.uid
    assert len({dashboard.uid for dashboard in dashboards}) == len(dashboards)
    assert len({dashboard.title for dashboard in dashboards}) == len(dashboards)


def test_no_panel_lies_on_another_and_none_reaches_beyond_the_page(dashboards: list[Dashboard]) -> None:
    for dashboard in dashboards:
        taken: dict[tuple[int, int], str] = {}
        for panel in all_panels(dashboard.model):
            place = panel["gridPos"]
            assert place["x"] + place["w"] <= 24, f"{dashboard.uid}: {panel['title']}"
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    assert (x, y) not in taken, f"{dashboard.uid}: {panel['title']} lies on {taken[x, y]}"
                    taken[x, y] = panel["title"]


def test_every_row_is_as_wide_as_the_page_and_has_few_panels(dashboards: list[Dashboard]) -> None:
    for dashboard in dashboards:
        rows: dict[int, list[Mapping[str, Any]]] = {}
        for panel in shown(dashboard):
            rows.setdefault(panel["gridPos"]["y"], []).append(panel)
        for panels in rows.values():
            few = 6 if {panel["type"] for panel in panels} <= {"stat", "gauge"} else 4
            assert len(panels) <= few, f"{dashboard.uid}: {panels[0]['title']}"
            assert sum(panel["gridPos"]["w"] for panel in panels) == 24, f"{dashboard.uid}: {panels[0]['title']}"
            assert len({panel["gridPos"]["h"] for panel in panels}) == 1, f"{dashboard.uid}: {panels[0]['title']}"


def test_the_target_of_every_link_exists(project: Project, dashboards: list[Dashboard]) -> None:
    uids = {dashboard.uid for dashboard in dashboards}
    found = 0

    for dashboard in dashboards:
        for panel in shown(dashboard):
            for link in links_in(panel):
                target = re.fullmatch(r"/d/([^?]+)\?.*", link)
                assert target, f"{dashboard.uid}: {panel['title']} links to {link}"
                by_query = {
                    uid
                    for query in panel["targets"]
                    for uid in re.findall(r'"dashboard", "([^"]+)"', query.get("expr", ""))
                }
                assert (by_query if target[1] == FIELD else {target[1]}) <= uids
                found += 1
    assert found > 20

    for rule in project.rules:
        target = re.search(r"/d/([^?]+)\?", rule.annotations["dashboard_url"])
        assert target
        assert target[1] in uids, f"{rule.alert} links to a dashboard that is not there: {target[1]}"


def test_every_dashboard_lists_the_others(dashboards: list[Dashboard]) -> None:
    for dashboard in dashboards:
        (link,) = dashboard.model["links"]
        assert link["type"] == "dashboards"
        assert set(link["tags"]) <= set(dashboard.model["tags"])


def test_every_variable_is_filled_from_series_that_exist(project: Project, dashboards: list[Dashboard]) -> None:
    families = {name: each for each in project.catalogue.families.values() for name in each.series_names}
    found = 0

    for dashboard in dashboards:
        for variable in dashboard.model["templating"]["list"]:
            if variable["type"] != "query":
                continue
            selector, label = variable_query(variable)
            for name in {name for each in selectors(substitute(selector)) for name in each.names}:
                assert name == EXPECTED or name in families, f"{dashboard.uid}: {variable['name']}"
                own = families[name].labels if name in families else ()
                assert label in {*TARGET_LABELS, *own}, f"{dashboard.uid}: {variable['name']}"
                found += 1
    assert found > len(dashboards)


def test_every_variable_that_a_query_names_can_be_chosen(dashboards: list[Dashboard]) -> None:
    for dashboard in dashboards:
        chosen = {variable["name"] for variable in dashboard.model["templating"]["list"]}
        used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps([*shown(dashboard)])))
        assert used <= chosen, dashboard.uid


def test_alerts_that_fire_are_drawn_into_every_dashboard(dashboards: list[Dashboard]) -> None:
    for dashboard in dashboards:
        (annotation,) = dashboard.model["annotations"]["list"]
        assert 'alertstate="firing"' in annotation["expr"]


def test_no_query_asks_for_what_nobody_emits(project: Project) -> None:
    assert list(LineageCheck().run(project.request)) == []


def test_no_dashboard_asks_too_much_at_once(dashboards: list[Dashboard]) -> None:
    for dashboard in dashboards:
        assert sum(len(panel.get("targets", ())) for panel in shown(dashboard)) <= QUERIES, dashboard.uid


def test_every_family_is_on_a_panel_of_a_dashboard_and_on_one_of_a_service(
    project: Project, dashboards: list[Dashboard]
) -> None:
    boards = [each for each in dashboards if not each.uid.startswith("service-")]
    services = [each for each in dashboards if each.uid.startswith("service-")]
    on_boards = set().union(*(named(dashboard) for dashboard in boards))
    on_services = set().union(*(named(dashboard) for dashboard in services))

    for family in project.catalogue.families.values():
        assert on_boards & set(family.series_names), f"no dashboard shows {family.name}"
        assert on_services & set(family.series_names), f"no Service dashboard shows {family.name}"


def test_the_file_of_a_dashboard_is_named_after_its_uid(dashboards: list[Dashboard]) -> None:
    folder = ROOT / "provisioning/grafana/dashboards"

    assert {path.stem for path in folder.rglob("*.json")} == {dashboard.uid for dashboard in dashboards}
