"""What exists: declared families, records, and the servers' own metrics."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tapewatch.promql.universe import Kind, Labels, Universe

TARGET = {"environment", "service", "team", "job", "instance"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ticks_total", Kind.COUNTER),
        ("placement_ms_bucket", Kind.BUCKET),
        ("placement_ms_count", Kind.COUNTER),
        ("request_seconds", Kind.GAUGE),
        ("request_seconds_sum", Kind.COUNTER),
        ("service:orders:sum", Kind.COUNTER),
        ("up", Kind.GAUGE),
        ("ALERTS", Kind.GAUGE),
        ("prometheus_tsdb_head_series", Kind.GAUGE),
        ("prometheus_http_request_duration_seconds_bucket", Kind.BUCKET),
        ("prometheus_http_request_duration_seconds_count", Kind.COUNTER),
        ("otelcol_exporter_sent_spans_total", Kind.COUNTER),
        ("traces_span_metrics_duration_milliseconds_bucket", Kind.BUCKET),
        ("loki_something_new", Kind.UNKNOWN),
    ],
)
def test_every_name_under_which_samples_are_stored_has_its_kind(universe: Universe, name: str, kind: Kind) -> None:
    series = universe.series(name)
    assert series is not None
    assert series.kind is kind


@pytest.mark.parametrize("name", ["ticks", "placement_ms", "kube_pod_info", "service:orders"])
def test_other_names_are_not_known(universe: Universe, name: str) -> None:
    assert universe.series(name) is None


def test_a_family_carries_its_own_labels_and_those_of_the_target(universe: Universe) -> None:
    series = universe.series("placement_ms_bucket")
    assert series is not None
    assert series.labels.known == {"symbol", "le"} | TARGET
    assert series.labels.sure == {"symbol", "le", "environment", "service", "team"}
    assert (series.upper_bound, series.domain) == (50.0, "execution")


def test_labels_of_the_servers_own_metrics_are_open_but_those_of_up_are_the_targets(universe: Universe) -> None:
    for name, anything in (("up", False), ("prometheus_build_info", True)):
        series = universe.series(name)
        assert series is not None
        assert series.labels.may_have("service")
        assert series.labels.may_have("anything") is anything


@pytest.mark.parametrize(
    ("wrong", "right"), [("tick_total", "ticks_total"), ("placement_ms", "placement_ms_bucket"), ("zzz", None)]
)
def test_the_nearest_name_is_offered(universe: Universe, wrong: str, right: str | None) -> None:
    assert universe.nearest(wrong) == right


def test_labels_that_an_aggregation_keeps_are_those_that_were_there() -> None:
    assert Labels.of("a", "b").keep(("b", "c")) == Labels.of("b")
    kept = Labels(open=True).keep(("b",))
    assert kept == Labels(frozenset(("b",)))


def test_the_analysis_loads_no_heavy_library() -> None:
    code = "import sys, tapewatch.promql.lineage; print(*{'pydantic', 'rich', 'jinja2', 'yaml'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == ""
