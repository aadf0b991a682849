"""What an expression yields: the record of a recording rule, and what a rule on top of it can rely on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tapewatch.promql.lineage import check_expression, infer, recorded
from tapewatch.promql.universe import Kind, Universe
from tapewatch_sdk.errors import ProblemsError

TARGET = ("environment", "service", "team", "job", "instance")
P99 = "histogram_quantile(0.99, sum by (service, le) (rate(placement_ms_bucket[5m])))"


@pytest.mark.parametrize(
    ("expr", "kind", "labels", "bound"),
    [
        ("sum by (service) (rate(ticks_total[5m]))", Kind.GAUGE, {"service"}, None),
        ("sum by (service) (ticks_total)", Kind.COUNTER, {"service"}, None),
        ("sum by (service, le) (rate(placement_ms_bucket[5m]))", Kind.BUCKET_RATE, {"service", "le"}, 50.0),
        ("sum by (service, le) (placement_ms_bucket)", Kind.BUCKET, {"service", "le"}, 50.0),
        (P99, Kind.GAUGE, {"service"}, 50.0),
        (f"{P99} / 1000", Kind.GAUGE, {"service"}, 0.05),
        (f"{P99} + 1", Kind.GAUGE, {"service"}, None),
        (f"max({P99})", Kind.GAUGE, set(), 50.0),
        (f"sum({P99})", Kind.GAUGE, set(), None),
        ("price_usd", Kind.GAUGE, {"symbol", *TARGET}, None),
        ('count_values by (service) ("value", price_usd)', Kind.GAUGE, {"service", "value"}, None),
        ("vector(1)", Kind.GAUGE, set(), 1.0),
        ("price_usd * on (service) group_left () feed_connected", Kind.GAUGE, {"symbol", *TARGET}, None),
        ("price_usd - on (symbol, service) price_usd", Kind.GAUGE, {"symbol", "service"}, None),
    ],
)  # fmt: skip
def test_kind_labels_and_bound_of_a_record_follow_from_its_expression(
    universe: Universe, expr: str, kind: Kind, labels: set[str], bound: float | None
) -> None:
    record = recorded(expr, universe)
    assert (record.kind, set(record.labels.known), record.labels.open) == (kind, labels, False)
    assert record.upper_bound == (pytest.approx(bound) if bound is not None else None)


@pytest.mark.parametrize(
    "increase",
    [
        "max_over_time(placement_ms_bucket[5m]) - last_over_time(placement_ms_bucket[5m] offset 5m)",
        "round(increase(placement_ms_bucket[5m]) * (1 - 1 / count_over_time(placement_ms_bucket[5m])))",
        "max_over_time(placement_ms_bucket[5m]) and resets(placement_ms_bucket[5m]) > 0",
        "placement_ms_bucket unless placement_ms_bucket offset 5m",
        "placement_ms_bucket - placement_ms_bucket offset 5m",
        "rate(placement_ms_bucket[5m]) / 2 or increase(placement_ms_bucket[5m])",
    ],
)
def test_the_bound_of_a_quantile_is_known_through_every_way_to_take_an_increase(
    universe: Universe, increase: str
) -> None:
    quantile = f"histogram_quantile(0.99, sum by (le) ({increase}))"
    assert infer(quantile, universe).upper_bound == 50
    assert check_expression(f"{quantile} > 49", universe, "Rule") == []


def test_labels_that_the_rule_adds_belong_to_the_record(universe: Universe) -> None:
    record = recorded("sum(price_usd)", universe, labels=["window"])
    assert record.labels.sure == {"window"}


def test_a_rule_on_a_record_is_held_against_what_the_record_yields(universe: Universe) -> None:
    records = {**universe.records, "service:p99": recorded(P99, universe)}
    extended = replace(universe, records=records)
    assert check_expression("service:p99 > 40", extended, "Rule") == []
    (problem,) = check_expression("service:p99 > 50", extended, "Rule")
    assert problem.code == "lineage/threshold-unreachable"
    (problem,) = check_expression("sum by (symbol) (service:p99) > 1", extended, "Rule")
    assert problem.code == "lineage/unknown-label"


def test_matchers_make_labels_sure_or_take_them_away(universe: Universe) -> None:
    assert "job" in infer('price_usd{job="a"}', universe).labels.sure
    assert not infer('price_usd{symbol=""}', universe).labels.may_have("symbol")


def test_an_expression_that_does_not_parse_yields_nothing(universe: Universe) -> None:
    with pytest.raises(ProblemsError):
        recorded("sum(", universe)
