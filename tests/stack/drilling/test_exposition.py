"""What a drill target says: the text of a scrape as a parser reads it, and a push as Prometheus stores it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from support.rendering import render
from support.servers import Server, start_prometheus
from support.waiting import wait_for
from tapewatch.drilling.exposition import Families, otlp_request, scrape_text
from tapewatch.drilling.scenario import START, DrillTarget, Moment, Scenario, Series
from tapewatch.project import Project
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.running.clients import Prometheus
from tapewatch_sdk.families import Family, MetricType

LABELS = {"environment": "local", "service": "drill-made", "team": "data"}
ODD = 'a "quoted" \\ back\nslash, {brace}'
BUCKETS = {"0.5": 3.0, "1": 3.0, "2.5": 10.0, "+Inf": 12.0}


def target(*series: Series, service: str = "drill-made", instance: str = "") -> DrillTarget:
    labels = {**LABELS, "service": service}
    return DrillTarget(labels, instance, series, Series("up", {}, (1.0,)), expected=False, pushed=True)


def one(name: str, value: float, **labels: str) -> Series:
    return Series(name, labels, (value,))


def test_every_scrape_of_every_drill_is_read_as_it_was_meant(drills: list[Scenario], families: Families) -> None:
    for drill in drills:
        for each in drill.targets:
            for moment in (START, Moment(drill.hold, drill.hold), Moment(drill.hold + 1, drill.hold, 3)):
                exposed = [(series.name, dict(series.labels), value) for series, value in each.exposes(moment)]

                found = list(text_string_to_metric_families(scrape_text(each, moment, families)))

                read = [
                    (sample.name, dict(sample.labels), sample.value) for family in found for sample in family.samples
                ]
                assert sorted(map(repr, read)) == sorted(map(repr, exposed)), drill.title


def test_each_family_of_a_scrape_has_the_catalogues_type(
    drills: list[Scenario], families: Families, sample: Project
) -> None:
    seen = set()
    for drill in drills:
        for each in drill.targets:
            for family in text_string_to_metric_families(scrape_text(each, Moment(drill.hold), families)):
                declared = (
                    sample.catalogue.families.get(family.name) or sample.catalogue.families[f"{family.name}_total"]
                )
                assert family.type == declared.type, family.name
                seen.add(family.type)

    assert seen == {"counter", "gauge", "histogram"}


def test_a_scrape_keeps_odd_label_values_and_every_digit(families: Families) -> None:
    text = scrape_text(target(one("made", 0.1 + 0.2, reason=ODD), one("made", 1700000000.25)), START, families)

    (family,) = text_string_to_metric_families(text)

    assert [(sample.labels, sample.value) for sample in family.samples] == [
        ({"reason": ODD}, 0.1 + 0.2),
        ({}, 1700000000.25),
    ]


@pytest.fixture(scope="module")
def prometheus(sample: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prometheus that takes pushes as the generated one does, and scrapes nothing."""
    files = render(PrometheusRenderer(), sample.catalogue)
    whole = yaml.safe_load(files["provisioning/prometheus/prometheus.yml"])
    config = {key: whole[key] for key in ("otlp", "storage")}
    folder: Path = tmp_path_factory.mktemp("otlp")
    with start_prometheus(yaml.safe_dump(config), folder, "--web.enable-otlp-receiver") as running:
        yield running


def push(server: Server, pushed: DrillTarget, moment: Moment, families: Families) -> None:
    now = time.time()
    body = otlp_request(pushed, moment, families, now - 60, now)
    Prometheus(server.url).post("/api/v1/otlp/v1/metrics", body, {"Content-Type": "application/json"})


def stored(server: Server, service: str) -> dict[str, float]:
    """What Prometheus has of a service: series in Prometheus's notation and their last values."""
    selector = quote(f'{{service="{service}",__name__!="target_info"}}')
    found = server.get_json(f"/api/v1/query?query={selector}")["data"]["result"]
    return {written(each["metric"]): float(each["value"][1]) for each in found}


def written(metric: dict[str, Any]) -> str:
    labels = {name: value for name, value in metric.items() if name != "__name__"}
    return str(metric["__name__"]) + json.dumps(labels, sort_keys=True)


@pytest.mark.needs("prometheus")
def test_what_every_pushed_drill_pushes_is_stored_byte_for_byte(
    prometheus: Server, drills: list[Scenario], families: Families
) -> None:
    pushed = [(drill, each) for drill in drills if drill.case.pushed for each in drill.targets]
    assert len(pushed) > 10
    for drill, each in pushed:
        push(prometheus, each, Moment(drill.hold, drill.hold), families)

        meant = {
            written({"__name__": series.name, **each.labels, **series.labels}): value
            for series, value in each.exposes(Moment(drill.hold, drill.hold))
        }

        def look(service: str = each.service, meant: dict[str, float] = meant) -> bool:
            return meant.keys() <= stored(prometheus, service).keys()

        if meant:
            wait_for(f"everything of {each.service} is stored", look, 20, prometheus.log_tail)
        found = stored(prometheus, each.service)
        assert {name: found[name] for name in meant} == meant
        assert all(name.partition("{")[0].endswith(("_sum", "_count")) for name in found.keys() - meant.keys())


@pytest.mark.needs("prometheus")
def test_a_histogram_comes_out_with_the_buckets_count_and_sum_that_went_in(prometheus: Server) -> None:
    known = Families([Family("latency_seconds", MetricType.HISTOGRAM, domain="made", buckets=(0.5, 1, 2.5))])
    parts = [one("latency_seconds_bucket", value, le=bound, route=ODD) for bound, value in BUCKETS.items()]
    whole = (*parts, one("latency_seconds_sum", 17.25, route=ODD), one("latency_seconds_count", 12, route=ODD))

    push(prometheus, target(*whole, service="drill-histogram"), START, known)
    wait_for("it is stored", lambda: stored(prometheus, "drill-histogram"), 20, prometheus.log_tail)

    own = {"environment": "local", "service": "drill-histogram", "team": "data", "route": ODD}
    assert stored(prometheus, "drill-histogram") == {
        **{written({"__name__": "latency_seconds_bucket", **own, "le": le}): value for le, value in BUCKETS.items()},
        written({"__name__": "latency_seconds_sum", **own}): 17.25,
        written({"__name__": "latency_seconds_count", **own}): 12,
    }


@pytest.mark.needs("prometheus")
def test_a_histogram_of_which_a_proof_gives_the_count_alone_is_there_all_the_same(prometheus: Server) -> None:
    known = Families([Family("flush_seconds", MetricType.HISTOGRAM, domain="made", buckets=(1,))])

    push(prometheus, target(one("flush_seconds_count", 4), service="drill-count"), START, known)
    wait_for("it is stored", lambda: stored(prometheus, "drill-count"), 20, prometheus.log_tail)

    found = stored(prometheus, "drill-count")
    assert found[written({"__name__": "flush_seconds_count", **LABELS, "service": "drill-count"})] == 4


@pytest.mark.needs("prometheus")
def test_a_summary_comes_out_with_its_quantiles(prometheus: Server) -> None:
    known = Families([Family("rpc_seconds", MetricType.SUMMARY, domain="made")])
    whole = (one("rpc_seconds", 0.75, quantile="0.5"), one("rpc_seconds_sum", 8.5), one("rpc_seconds_count", 6))

    push(prometheus, target(*whole, service="drill-summary"), START, known)
    wait_for("it is stored", lambda: stored(prometheus, "drill-summary"), 20, prometheus.log_tail)

    own = {**LABELS, "service": "drill-summary"}
    assert stored(prometheus, "drill-summary") == {
        written({"__name__": "rpc_seconds", **own, "quantile": "0.5"}): 0.75,
        written({"__name__": "rpc_seconds_sum", **own}): 8.5,
        written({"__name__": "rpc_seconds_count", **own}): 6,
    }


@pytest.mark.needs("prometheus")
def test_numbers_that_json_does_not_have_arrive_and_instances_are_told_apart(prometheus: Server) -> None:
    for instance, value in (("1", math.inf), ("2", -math.inf), ("3", math.nan)):
        push(prometheus, target(one("made", value), service="drill-odd", instance=instance), START, Families([]))
    wait_for("all are stored", lambda: len(stored(prometheus, "drill-odd")) == 3, 20, prometheus.log_tail)

    found = stored(prometheus, "drill-odd")
    values = {json.loads(name.removeprefix("made"))["instance"]: value for name, value in found.items()}
    assert (values["1"], values["2"]) == (math.inf, -math.inf)
    assert math.isnan(values["3"])
