"""Panels' expressions: variables are replaced in place, and never give a false finding."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tapewatch.promql.grafana import substitute, variables
from tapewatch.promql.tree import parse
from tapewatch_sdk.problems import Problem

Check = Callable[..., list[Problem]]

PANELS = [
    "sum by (symbol) (rate(ticks_total[$__rate_interval]))",
    "avg_over_time(price_usd[$__range:$__interval])",
    "increase(ticks_total[${__range}]) / $__range_s",
    "price_usd offset $shift",
    "price_usd offset ${days}d",
    "max_over_time(price_usd[${minutes}m])",
    'price_usd{service="$service", symbol=~"${symbol:regex}"}',
    'price_usd{service=~"[[service]]|$other"}',
    "sum by ($group, symbol) (price_usd)",
    "sum without ([[group]]) (price_usd)",
    "price_usd * on ($key) group_left (${extra}) feed_connected",
    "topk($n, price_usd)",
    "histogram_quantile($q, sum by (le) (rate(placement_ms_bucket[5m]))) > $limit",
    "clamp_max(price_usd, $limit)",
    "$metric{symbol='a'}",
    "rate($metric[5m])",
    "${metric}",
    "execution_${side}_total > 5",
    "rate(execution_${side}_total[5m])",
    "$function(price_usd)",
    "$aggregation by (symbol) (price_usd)",
    'label_replace(price_usd, "$target", "$1", "$source", "(.*)")',
    "price_usd # of $symbol, [[x]]",
]


@pytest.mark.parametrize("expr", PANELS)
def test_a_substituted_expression_parses_and_keeps_every_position(expr: str) -> None:
    replaced = substitute(expr)
    parse(replaced)
    assert len(replaced) == len(expr)
    spans = variables(expr)
    outside = [i for i in range(len(expr)) if not any(start <= i < end for start, end in spans)]
    assert all(expr[i] == replaced[i] for i in outside)


@pytest.mark.parametrize("expr", PANELS)
def test_what_a_variable_stands_for_is_not_judged(check: Check, expr: str) -> None:
    assert check(expr, grafana=True, allow_raw_counters=True) == []


def test_dollars_that_are_no_variables_stay() -> None:
    expr = 'label_replace(foo{a=~"b$"}, "x", "$1-${2}", "y", "(.*)$")'
    assert substitute(expr) == expr


def test_a_fault_beside_a_variable_is_found_at_its_place_in_the_panel(check: Check) -> None:
    expr = 'sum by ($group) (rate(price_usd{symbl="$symbol"}[$__rate_interval]))'
    found = {problem.code: problem.where for problem in check(expr, grafana=True)}
    assert set(found) == {"lineage/rate-on-gauge", "lineage/unknown-label"}
    where = found["lineage/unknown-label"]
    assert where.excerpt == expr
    assert expr[where.excerpt_column - 1 :][: where.length] == "symbl"


def test_a_panel_that_does_not_parse_is_shown_as_it_was_written(check: Check) -> None:
    expr = "rate(ticks_total[$__rate_interval]\n + $x"
    (problem,) = check(expr, grafana=True)
    assert (problem.code, problem.where.excerpt) == ("promql/syntax", "rate(ticks_total[$__rate_interval]")
