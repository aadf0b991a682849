"""The ways in which an expression is damaged."""

from __future__ import annotations

import pytest

from tapewatch.promql.syntax import parse_ast
from tapewatch.proving.mutation._edits import mutations
from tapewatch.rules.macros import MACROS, expand


def damaged(expr: str, kind: str = "", **options: tuple[tuple[int, int], ...]) -> list[str]:
    return [each.edit.apply(expr) for each in mutations(expr, macros=MACROS, **options) if kind in ("", each.kind)]


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("a > b", ["a < b", "a >= b"]),
        ("a <= b", ["a >= b", "a < b"]),
        ("a == b", ["a != b"]),
        ("a != b", ["a == b"]),
    ],
)
def test_a_comparator_is_flipped_and_loosened(expr: str, expected: list[str]) -> None:
    assert damaged(expr, "comparator") == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("a and b", ["a unless b", "a", "b"]),
        ("a unless on (x) b", ["a and on (x) b", "a", "b"]),
        ("(a or b) > 1", ["(a) > 1", "(b) > 1"]),
        ("a or (b + c)", ["a", "(b + c)"]),
        ("f and (a or (b))", ["f unless (a or (b))", "f", "(a or (b))", "f and (a)", "f and ((b))"]),
        ("a offset 5m or (b @ end())", ["a offset 5m", "(b @ end())"]),
    ],
)
def test_a_set_operator_loses_either_side(expr: str, expected: list[str]) -> None:
    assert damaged(expr, "set")[: len(expected)] == expected


def test_arithmetic_is_turned_round_but_a_sign_is_left_alone() -> None:
    assert damaged("a / b - -1 * c", "arithmetic") == ["a * b - -1 * c", "a / b + -1 * c", "a / b - -1 / c"]


def test_a_zero_is_not_divided_since_that_makes_no_difference() -> None:
    assert damaged("a or 0 * b", "arithmetic") == []


def test_an_aggregation_is_exchanged_and_loses_each_label() -> None:
    expr = "max by (service, team) (a)"
    assert damaged(expr, "aggregation") == ["min by (service, team) (a)", "sum by (service, team) (a)"]
    assert damaged(expr, "by") == ["max by (team) (a)", "max by (service) (a)"]


def test_matching_loses_each_label() -> None:
    expr = "a * on (service, team) group_left (job) b"
    assert damaged(expr, "on") == ["a * on (team) group_left (job) b", "a * on (service) group_left (job) b"]
    assert damaged(expr, "group_left") == ["a * on (service, team) group_left () b"]


def test_a_matcher_is_dropped_and_negated_and_loses_each_alternative() -> None:
    assert damaged('a{x="1", s=~"4..|error"}', "matcher") == [
        'a{s=~"4..|error"}',
        'a{x!="1", s=~"4..|error"}',
        'a{x="1"}',
        'a{x="1", s!~"4..|error"}',
        'a{x="1", s=~"error"}',
        'a{x="1", s=~"4.."}',
    ]


def test_the_last_matcher_leaves_empty_braces() -> None:
    assert damaged('a{x="1"}', "matcher")[0] == "a{}"


def test_a_selector_by_name_alone_never_selects_everything() -> None:
    assert damaged('{__name__=~"a|b"}', "matcher") == ['{__name__=~"b"}', '{__name__=~"a"}']


def test_a_range_is_halved_and_doubled_and_an_offset_dropped_and_doubled() -> None:
    expr = "rate(a[5m] offset 90s)"
    assert damaged(expr, "range") == ["rate(a[10m] offset 90s)", "rate(a[2m30s] offset 90s)"]
    assert damaged(expr, "offset") == ["rate(a[5m] )", "rate(a[5m] offset 3m)"]


def test_numbers_take_a_step_that_suits_their_size() -> None:
    assert damaged("a > 0", "number") == ["a > 1"]
    assert damaged("a > 1", "number") == ["a > 0", "a > 2"]
    assert damaged("a / 1000", "number") == ["a / 900", "a / 1100"]
    assert damaged("histogram_quantile(0.99, a)", "number") == [
        "histogram_quantile(0.891, a)",
        "histogram_quantile(0.999, a)",
    ]


def test_what_a_parameter_filled_in_is_not_changed_here() -> None:
    expr = "increase(a[5m]) > 10"
    assert damaged(expr, "number", fixed=((18, 20),)) == []
    assert damaged(expr, "range", fixed=((11, 13),)) == []
    assert len(damaged('a{x=~"b|c"}', "matcher", fixed=((6, 9),))) == 2


def test_a_macro_becomes_a_plain_increase_and_loses_its_further_arguments() -> None:
    expr = 'sum(exact_increase(a_total{x="(,"}[5m], heartbeat, other))'
    assert damaged(expr, "macro") == [
        'sum(increase(a_total{x="(,"}[5m]))',
        'sum(exact_increase(a_total{x="(,"}[5m], other))',
        'sum(exact_increase(a_total{x="(,"}[5m], heartbeat))',
    ]
    assert damaged(expr, "matcher")[0] == "sum(exact_increase(a_total{}[5m], heartbeat, other))"


def test_a_function_that_only_changes_values_or_labels_is_left_out() -> None:
    assert damaged('label_replace((a or b), "x", "$1", "y", "(.*)") > 1', "function") == ["((a or b)) > 1"]
    assert damaged("round(a) > (b)", "function") == ["(a) > (b)"]


def test_every_damaged_expression_can_still_be_read() -> None:
    expr = """
      # filled against ended, with a comment, in brackets
      ((sum by (service) (exact_increase(filled_total{side=~"buy|sell"}[15m], beat))) / (a - -(b) > 0))
      < on (service) group_left (team) (last_over_time(info[1h:5m] offset 1m)) * 0.95 unless c @ end() or (d)
    """
    for text in damaged(expr):
        parse_ast(expand(text))


def test_names_are_unique_and_count_within_their_kind() -> None:
    names = [each.name for each in mutations("(a > 1) + (b > 1)")]
    assert len(set(names)) == len(names)
    assert {"comparator#1:>→<", "comparator#2:>→>=", "number#2:1→0", "arithmetic#1:+→-"} <= set(names)


def test_a_name_stays_when_another_kind_of_change_comes_before_it() -> None:
    def of(expr: str) -> set[str]:
        return {each.name for each in mutations(expr) if each.kind == "comparator"}

    assert of("sum(a) > 1") == of('sum by (x) (rate(a{y="1"}[5m])) > 1')
