"""A real Prometheus with the generated rules looks at the simulated sample: all of it is there, nothing is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from support.rendering import write
from support.servers import Server, free_port, start_prometheus
from support.simulated import SCRAPED, Sample
from support.waiting import wait_for
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.stack import PARTS
from tapewatch.project import open_project
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.where import native
from tapewatch.simulating.meters import SIMULATED
from tapewatch_sdk.families import Family, MetricType

pytestmark = pytest.mark.needs("prometheus")

LOOK = 40
"""Scrapes, one a second: more than MarketDataStale looks at; an alert that takes longer to fire is pending by then."""

PUSHED = "capture-pipeline"
TARGET = {"__name__", "environment", "instance", "job", "service", "team"}
OF_TYPE = {"le", "quantile"}

Series = dict[str, list[dict[str, str]]]


@dataclass
class Watched:
    """The sample after it was looked at for a while."""

    catalogue: Catalogue
    prometheus: Server
    simulate: Server

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        result: list[dict[str, Any]] = self.prometheus.get_json(f"/api/v1/query?query={quote(expr)}")["data"]["result"]
        return result

    def series(self, service: str) -> Series:
        """Label sets of a service's series, by their name."""
        found: Series = {}
        selector = quote(f'{{service="{service}"}}')
        for labels in self.prometheus.get_json(f"/api/v1/series?match[]={selector}")["data"]:
            found.setdefault(labels["__name__"], []).append(labels)
        return found

    def families(self, service: str) -> list[Family]:
        """What a service emits by the catalogue."""
        return [each for each in self.catalogue.families.values() if each.domain in self.catalogue.emits[service]]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("simulated")
    sample, port = Sample(folder), free_port()
    project = open_project(folder, sample.environ)
    write(project.render(), folder)
    write({file.path: file.text for file in PrometheusRenderer(native).render(project.request)}, folder)
    config = folder / "provisioning/prometheus/prometheus.yml"
    flags = ("--web.enable-otlp-receiver",)
    with (
        start_prometheus(config, folder, *flags, port=port) as prometheus,
        sample.server(f"--push-url=http://127.0.0.1:{port}/api/v1/otlp").start() as simulate,
    ):
        running = Watched(project.catalogue, prometheus, simulate)
        wait_for(
            f"every service is seen for {LOOK} s",
            lambda: long_enough(running),
            LOOK * 4,
            lambda: f"{prometheus.log_tail()}\n{simulate.log_tail()}",
        )
        yield running


def long_enough(running: Watched) -> bool:
    seen = running.query('sum by (service) (count_over_time(system_uptime_seconds{job=~"services|"}[5m]))')
    counts = {each["metric"]["service"]: float(each["value"][1]) for each in seen}
    return counts.keys() >= {*SCRAPED, PUSHED} and min(counts.values()) >= LOOK


@pytest.mark.parametrize("service", [*SCRAPED, PUSHED])
def test_every_family_is_there_with_its_labels_and_buckets(watched: Watched, service: str) -> None:
    series = watched.series(service)
    for family in watched.families(service):
        for name in (each for each in family.series_names if family.type is not MetricType.SUMMARY):
            assert name in series, f"{service} does not emit {name}"
            own = {frozenset(labels.keys() - TARGET - OF_TYPE) for labels in series[name]}
            assert own == {frozenset(family.labels)}, name
        if family.type is MetricType.HISTOGRAM:
            bounds = {float(labels["le"]) for labels in series[f"{family.name}_bucket"]}
            assert bounds == {*family.buckets, float("inf")}


def test_nothing_is_there_that_the_catalogue_does_not_declare(watched: Watched) -> None:
    ours = {"ALERTS", "ALERTS_FOR_STATE", "up", "tapewatch_expected", SIMULATED}
    for service in (*SCRAPED, PUSHED):
        declared = {name for family in watched.families(service) for name in family.series_names}
        found = {
            name for name in watched.series(service) if ":" not in name and not name.startswith("scrape_")
        }  # what has a colon was recorded by a rule
        assert found - ours == declared


@pytest.mark.parametrize("service", SCRAPED)
def test_every_scraped_family_has_its_declared_type(watched: Watched, service: str) -> None:
    metadata = watched.prometheus.get_json("/api/v1/metadata")["data"]
    for family in watched.families(service):
        # In OpenMetrics, which is what Prometheus asks for first, a counter's name is without its ending.
        told = metadata[family.name.removesuffix("_total") if family.type is MetricType.COUNTER else family.name]
        assert [(each["type"], each["help"]) for each in told] == [(str(family.type), family.help)]


def test_what_is_pushed_has_the_target_labels_and_nothing_else_beside_its_own(watched: Watched) -> None:
    for labels in watched.series(PUSHED)["system_uptime_seconds"]:
        assert labels == {
            "__name__": "system_uptime_seconds", "environment": "local", "service": PUSHED, "team": "data",
        }  # fmt: skip


def test_no_rule_fails_and_29_alerts_are_evaluated(watched: Watched) -> None:
    groups = watched.prometheus.get_json("/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    assert len({rule["name"] for rule in rules if rule["type"] == "alerting"}) == 29
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []


def test_no_alert_was_ever_pending_but_for_the_parts_of_the_stack_that_are_not_here(watched: Watched) -> None:
    alerts = watched.query("count by (alertname, service) (count_over_time(ALERTS[10m]))")
    found = {(each["metric"]["alertname"], each["metric"]["service"]) for each in alerts}

    assert {each for each in found if each[1] not in PARTS} == set()
    assert ("ServiceDown", "grafana") in found, "the rules see nothing at all"


def test_the_rules_have_something_to_judge(watched: Watched) -> None:
    """An alert is silent without data too; the records that the alerts compare are therefore looked at."""
    latency = ("market-data", "service:market_data_processing_latency_microseconds:p99_5m", 100)
    check = ("risk-manager", "service:risk_check_duration_microseconds:p99_5m", 20)
    order = ("execution-engine", "service:order_placement_latency_milliseconds:p99_5m", 100)
    delay = (PUSHED, "service:pipeline_message_latency_seconds:p99_5m", 1)
    for service, record, limit in (latency, check, order, delay):
        (value,) = watched.query(f'{record}{{service="{service}"}}')
        assert 0 < float(value["value"][1]) < limit, record
    (filled,) = watched.query("service:execution_orders_filled:ratio15m")
    assert 0.8 < float(filled["value"][1]) <= 1
    complete = watched.query("service_table:iceberg_rows_written:ratio10m")
    assert {each["metric"]["table"] for each in complete} == {"raw_trades", "raw_orderbook"}
    ratios = {each["metric"]["table"]: float(each["value"][1]) for each in complete}
    assert ratios["raw_orderbook"] == 1
    assert 0.8 < ratios["raw_trades"] <= 1, "some trades may be in the buffer"
