"""The Service dashboards: one for each kind, with all that a service of this kind emits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from support.rendering import varied_text
from support.samples import ROOT
from tapewatch.catalogue import Catalogue, load_text
from tapewatch.checks.lineage import LineageCheck
from tapewatch.panels import all_panels, variable_query
from tapewatch.project import Project, open_project
from tapewatch_dashboards.service import service_dashboards
from tapewatch_sdk.names import DATASOURCE_JAEGER, DATASOURCE_LOKI
from tapewatch_sdk.plugins import Dashboard, Request

MANY = 10_000

BREWING: Mapping[str, Mapping[str, Any]] = {
    "brewery_cups_total": {"type": "counter", "labels": ["drink"], "help": "Cups that were brewed"},
    "brewery_spills_failed_total": {"type": "counter", "help": "Cups that were spilt"},
    "brewery_water_level": {"type": "gauge", "labels": ["tank"], "unit": "ratio", "help": "How full a tank is"},
    "brewery_brew_duration_seconds": {
        "type": "histogram",
        "unit": "seconds",
        "buckets": [1, 10, 60, 120],
        "help": "Time of a brew",
    },
    "brewery_temperature": {"type": "summary", "unit": "celsius", "help": "Temperature of a cup."},
    "brewery_cleaned_timestamp_seconds": {"type": "gauge", "unit": "seconds", "help": "When it was cleaned"},
}
"""A domain of somebody's own, with a family of every type."""


@pytest.fixture(scope="module")
def sample() -> Project:
    return open_project(ROOT)


@pytest.fixture(scope="module")
def brewery(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The sample with a domain and a service of its own."""
    folder = tmp_path_factory.mktemp("brewery")
    text = varied_text(_with_a_brewery)
    (folder / "catalogue.yaml").write_text(text, encoding="utf-8")
    return open_project(folder)


def _with_a_brewery(data: dict[str, Any]) -> None:
    data["domains"]["brewery"] = BREWING
    data["services"]["kettle"] = {"address": "kettle:80", "emits": ["brewery", "host"]}


def by_uid(dashboards: Iterator[Dashboard] | list[Dashboard]) -> dict[str, Dashboard]:
    """The Service dashboards among some."""
    return {each.uid: each for each in dashboards if each.uid.startswith("service-")}


def panel_of(dashboard: Dashboard, title: str) -> Mapping[str, Any]:
    """A panel by its title."""
    found: Mapping[str, Any] = next(panel for panel in all_panels(dashboard.model) if panel["title"] == title)
    return found


def titles_of(dashboard: Dashboard) -> list[str]:
    """Titles of all panels and headings, from the top."""
    return [panel["title"] for panel in all_panels(dashboard.model)]


def queries_of(panel: Mapping[str, Any]) -> str:
    """All queries of a panel."""
    return "\n".join(target.get("expr", "") for target in panel["targets"])


def choice_of(dashboard: Dashboard) -> Mapping[str, Any]:
    """The variable `service`."""
    variables = dashboard.model["templating"]["list"]
    found: Mapping[str, Any] = next(each for each in variables if each["name"] == "service")
    return found


def many(kinds: list[list[str]]) -> Catalogue:
    """A catalogue of ten thousand services of these kinds."""

    def change(data: dict[str, Any]) -> None:
        data["routing"].pop("teams")
        data["services"] = {
            f"service-{number:05}": {"address": f"service-{number:05}:80", "emits": kinds[number % len(kinds)]}
            for number in range(MANY)
        }

    return load_text(varied_text(change)).catalogue


def test_each_kind_of_service_has_one_dashboard(sample: Project) -> None:
    assert set(by_uid(list(sample.dashboards))) == {
        "service-capture-dashboard-ml-pipeline",
        "service-execution",
        "service-host",
        "service-live-trading",
        "service-market-data",
        "service-position",
        "service-risk",
        "service-signal",
    }


def test_exactly_one_service_of_the_kind_is_chosen(sample: Project) -> None:
    choice = choice_of(by_uid(list(sample.dashboards))["service-execution"])

    assert variable_query(choice)[0] == 'tapewatch_expected{environment=~"$environment", service=~"execution-engine"}'
    assert not choice.get("multi")
    assert not choice.get("includeAll")


def test_a_service_dashboard_answers_from_top_to_bottom(sample: Project) -> None:
    for dashboard in by_uid(list(sample.dashboards)).values():
        titles = titles_of(dashboard)
        assert titles[:5] == ["State", "Alerts firing", "Rate", "Errors", "Duration"], dashboard.uid
        wanted = ["Calls", "Machine", "Its alerts", "Log lines", "Its traces", "Who calls whom", "Everything it emits"]
        assert [title for title in titles if title in wanted] == wanted, dashboard.uid


def test_rate_errors_and_duration_come_from_the_spans_of_the_service(sample: Project) -> None:
    dashboard = by_uid(list(sample.dashboards))["service-execution"]

    assert "traces_span_metrics_calls_total" in queries_of(panel_of(dashboard, "Rate"))
    assert 'status_code="STATUS_CODE_ERROR"' in queries_of(panel_of(dashboard, "Errors"))
    assert "histogram_quantile(0.99" in queries_of(panel_of(dashboard, "Duration"))
    for title in ("Rate", "Errors", "Duration", "Calls", "Failed calls", "Call duration"):
        panel = panel_of(dashboard, title)
        assert 'service_name=~"$service"' in queries_of(panel), "the label `service` of these series is Jaeger's"
        assert panel["fieldConfig"]["defaults"]["noValue"], "a service without traces has none of these"


def test_its_own_families_tell_work_trouble_and_durations_in_seconds(sample: Project) -> None:
    dashboard = by_uid(list(sample.dashboards))["service-execution"]

    assert "execution_orders_submitted_total" in queries_of(panel_of(dashboard, "Work"))
    assert "execution_orders_rejected_total" in queries_of(panel_of(dashboard, "Trouble"))
    assert "execution_orders_rejected_total" not in queries_of(panel_of(dashboard, "Work"))
    slowest = {each["legendFormat"]: each["expr"] for each in panel_of(dashboard, "Slowest")["targets"]}
    assert slowest["execution_fill_latency_ms"].endswith("* 0.001")
    assert "execution_slippage_bps" not in slowest, "basis points are no time"


def test_logs_traces_and_callers_are_those_of_the_service(sample: Project) -> None:
    dashboard = by_uid(list(sample.dashboards))["service-risk"]
    (lines,), (traces,), (callers,) = (
        panel_of(dashboard, title)["targets"] for title in ("Log lines", "Its traces", "Who calls whom")
    )

    assert (lines["datasource"]["uid"], traces["datasource"]["uid"]) == (DATASOURCE_LOKI, DATASOURCE_JAEGER)
    assert '{service="$service"' in lines["expr"]
    assert (traces["queryType"], traces["service"]) == ("search", "$service")
    assert callers["queryType"] == "dependencyGraph"


def test_everything_that_the_kind_emits_is_behind_one_heading(sample: Project) -> None:
    dashboard = by_uid(list(sample.dashboards))["service-capture-dashboard-ml-pipeline"]
    (row,) = (panel for panel in dashboard.model["panels"] if panel.get("collapsed"))
    families = [
        family.name
        for family in sample.catalogue.families.values()
        if family.domain in ("capture", "pipeline", "ml", "dashboard", "host")
    ]

    assert row["title"] == "Everything it emits"
    assert sorted(panel["title"] for panel in row["panels"]) == sorted(families)


def test_a_new_domain_has_its_panels_at_once(brewery: Project) -> None:
    dashboard = by_uid(list(brewery.dashboards))["service-brewery"]
    panels = {name: panel_of(dashboard, name) for name in BREWING}

    assert {name: panel["type"] for name, panel in panels.items()} == {
        name: "heatmap" if family["type"] == "histogram" else "timeseries" for name, family in BREWING.items()
    }
    queries = {name: queries_of(panel) for name, panel in panels.items()}
    assert queries["brewery_cups_total"].startswith("sum by (service, drink) (rate(brewery_cups_total{")
    assert queries["brewery_water_level"].startswith("max by (service, tank) (brewery_water_level{")
    assert queries["brewery_brew_duration_seconds"].startswith(
        "sum by (le) (rate(brewery_brew_duration_seconds_bucket{"
    )
    assert queries["brewery_temperature"].startswith("max by (service, quantile) (brewery_temperature{")
    assert queries["brewery_cleaned_timestamp_seconds"].startswith("time() - ")
    assert panels["brewery_water_level"]["fieldConfig"]["defaults"]["unit"] == "percentunit"
    assert panels["brewery_temperature"]["fieldConfig"]["defaults"]["unit"] == "suffix:celsius"
    assert panels["brewery_temperature"]["description"] == "Temperature of a cup: how much is it?"


def test_a_new_domain_is_sorted_into_work_and_trouble(brewery: Project) -> None:
    dashboard = by_uid(list(brewery.dashboards))["service-brewery"]

    assert "brewery_cups_total" in queries_of(panel_of(dashboard, "Work"))
    assert "brewery_spills_failed_total" in queries_of(panel_of(dashboard, "Trouble"))
    assert "brewery_brew_duration_seconds" in queries_of(panel_of(dashboard, "Slowest"))


def test_a_new_domain_changes_no_other_dashboard_and_asks_for_nothing_that_is_not_there(
    sample: Project, brewery: Project
) -> None:
    before, after = by_uid(list(sample.dashboards)), by_uid(list(brewery.dashboards))

    assert set(after) - set(before) == {"service-brewery"}
    assert {uid: after[uid].model for uid in before} == {uid: each.model for uid, each in before.items()}
    assert list(LineageCheck().run(brewery.request)) == []


def test_ten_thousand_services_of_eight_kinds_have_eight_small_dashboards() -> None:
    domains = ["market_data", "signal", "execution", "risk", "position", "live_trading", "capture", "ml"]
    catalogue = many([[domain, "host"] for domain in domains])

    dashboards = list(service_dashboards(Request(catalogue)))

    assert len(dashboards) == 8
    for dashboard in dashboards:
        text = json.dumps(dashboard.model)
        assert "service-0" not in text, "names of services"
        assert len(text) < 100_000


def test_services_of_a_large_kind_are_told_by_what_only_they_emit() -> None:
    catalogue = many([["market_data", "host"], ["execution", "host"], ["host"]])
    choices = {
        uid: variable_query(choice_of(each))[0] for uid, each in by_uid(service_dashboards(Request(catalogue))).items()
    }

    for uid, domain in (("service-market-data", "market_data"), ("service-execution", "execution")):
        name = choices[uid].partition("{")[0]
        assert catalogue.families[name].domain == domain
        assert not catalogue.families[name].labels, "it must be there from the first scrape on"
    assert catalogue.families[choices["service-host"].partition("{")[0]].domain == "host"


def test_a_service_that_emits_nothing_has_no_dashboard(tmp_path: Path) -> None:
    text = varied_text(lambda data: data["services"].update(mute={"address": "mute:80", "emits": []}))
    (tmp_path / "catalogue.yaml").write_text(text, encoding="utf-8")

    assert "mute" not in json.dumps([each.model for each in by_uid(list(open_project(tmp_path).dashboards)).values()])
