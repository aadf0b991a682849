"""What Prometheus has loaded instead of a rule of the project is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tapewatch.drilling.differences import differences
from tapewatch.drilling.scenario import Scenario
from tapewatch.rules.resolve import Rule
from tapewatch.schema import seconds

ALERT = "OrderRejectionRateHigh"


@pytest.fixture
def rule(drills: list[Scenario]) -> Rule:
    return next(each.rule for each in drills if each.rule.alert == ALERT)


def loaded(rule: Rule, **changes: object) -> list[Mapping[str, Any]]:
    """What Prometheus says of its rules when it has exactly this one, but for the changes of the alert."""
    alert = {"type": "alerting", "name": rule.alert, "query": rule.expr, "duration": seconds(rule.for_)}
    records = [{"type": "recording", "name": each.record, "query": each.expr} for each in rule.records]
    return [{**alert, **changes}, *records]


def found(rule: Rule, has: list[Mapping[str, Any]]) -> str:
    # The layout plays no part here: everything is laid out alike.
    return "; ".join(differences(rule, has, lambda expr: " ".join(expr.split())))


def test_the_same_rule_has_none(rule: Rule) -> None:
    assert found(rule, loaded(rule)) == ""


def test_the_layout_is_none(rule: Rule) -> None:
    assert found(rule, loaded(rule, query=f"  {rule.expr}\n\n")) == ""


def test_another_number_is_named_with_the_right_one(rule: Rule) -> None:
    assert found(rule, loaded(rule, query=rule.expr.replace("0.1", "0.9"))) == (
        f"the rule {ALERT} that Prometheus has is not the project's: `0.9` instead of `0.1`"
    )


def test_another_holding_time_is_named(rule: Rule) -> None:
    assert found(rule, loaded(rule, duration=600)) == (
        f"the rule {ALERT} that Prometheus has waits for 10m, the project's for 1m"
    )


def test_a_rule_that_is_not_there_is_missed(rule: Rule) -> None:
    assert found(rule, loaded(rule)[1:]) == f"Prometheus has no rule called {ALERT}"


def test_of_several_rules_of_one_name_the_one_most_like_it_is_compared(rule: Rule) -> None:
    other = {**loaded(rule)[0], "query": "vector(1) > 7"}
    broken = {**loaded(rule)[0], "query": rule.expr.replace("0.1", "0.9")}

    assert "`0.9` instead of `0.1`" in found(rule, [other, broken, *loaded(rule)[1:]])
    assert found(rule, [other, *loaded(rule)]) == ""


def test_a_series_that_the_rule_reads_is_compared_as_well(rule: Rule) -> None:
    first, *others = loaded(rule)
    renamed = [
        {**each, "query": each["query"].replace("orders_rejected_total", "orders_refused_total")} for each in others
    ]

    said = found(rule, [first, *renamed])

    assert "the recording rule service:execution_orders_rejected:ratio5m" in said
    assert "`execution_orders_refused_total` instead of `execution_orders_rejected_total`" in said


def test_a_series_that_nobody_records_is_missed(rule: Rule) -> None:
    said = found(rule, loaded(rule)[:1])

    assert "Prometheus does not record service:execution_orders_rejected:ratio5m, which the rule reads" in said


def test_no_more_than_three_differences_of_one_expression_are_named(rule: Rule) -> None:
    has = loaded(rule, query="a + b * c / d % e")

    wanted = [("a", "x"), ("b", "y"), ("c", "z"), ("d", "u"), ("e", "v")]
    query = str(has[0]["query"])
    for old, new in wanted:
        query = query.replace(old, new)
    said = found(replace(rule, expr=query, records=()), has)

    assert said.count("instead of") == 3
    assert said.endswith("and 2 more")
