"""The tree agrees with the parser and knows where everything stands; what does not parse is explained at its place."""

from __future__ import annotations

import pytest

from tapewatch.promql.syntax import FUNCTIONS, parse_ast
from tapewatch.promql.tree import Aggregation, Binary, Call, Node, Number, Range, Vector, parse
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem


def refused(expr: str) -> Problem:
    with pytest.raises(ProblemsError) as caught:
        parse(expr)
    (problem,) = caught.value.problems
    return problem


def text_of(expr: str, node: Node) -> str:
    return expr[node.start : node.end]


def test_precedence_and_places_are_those_of_the_parser() -> None:
    expr = "a + b * sum by (x) (rate(c{d='e'}[5m] offset 1m)) ^ 2 > bool on (x) group_left (y) -d"
    tree = parse(expr)
    assert isinstance(tree, Binary)
    assert (tree.operator.text, tree.returns_bool, tree.matching.group) == (">", True, "group_left")
    assert [word.text for word in tree.matching.include] == ["y"]
    plus = tree.left
    assert isinstance(plus, Binary)
    assert text_of(expr, plus.right) == "b * sum by (x) (rate(c{d='e'}[5m] offset 1m)) ^ 2"


def test_a_clause_may_stand_before_or_behind_the_aggregation() -> None:
    for expr in ("topk by (x) (3, foo)", "topk(3, foo) by (x)", "TOPK(3, foo) BY (x)"):
        tree = parse(expr)
        assert isinstance(tree, Aggregation)
        assert tree.grouping is not None
        assert ([word.text for word in tree.grouping.labels], tree.operator.text) == (["x"], "topk")
        assert isinstance(tree.parameter, Number)


def test_modifiers_in_time_are_noted() -> None:
    for expr, shifted in (("foo", False), ("foo offset -5m", True), ("foo @ end()", True), ("foo @ 5 offset 1m", True)):
        tree = parse(expr)
        assert isinstance(tree, Vector)
        assert tree.shifted is shifted
    tree = parse("max_over_time((foo + bar)[5m:1m] @ start() offset 1m)")
    assert isinstance(tree, Call)
    assert isinstance(tree.arguments[0], Range)
    assert tree.arguments[0].shifted


@pytest.mark.parametrize(("expr", "value"), [("-1", -1), ("- -1", 1), ("+(2)", 2), ("((-3))", -3)])
def test_signs_belong_to_a_number(expr: str, value: float) -> None:
    tree = parse(f"foo > {expr}")
    assert isinstance(tree, Binary)
    assert getattr(tree.right, "value", None) == value


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_every_function_of_prometheus_is_known_to_the_parser(function: str) -> None:
    said = ""
    try:
        parse_ast(f"{function}()")
    except ProblemsError as error:  # most take arguments; that they are missing is another matter
        said = str(error)
    assert "unknown function" not in said


@pytest.mark.parametrize(
    ("expr", "column", "words", "fix"),
    [
        ("", 1, "no expression", ""),
        ("# nothing", 1, "no expression", ""),
        ("sum(rate(foo[5m])", 4, "never closed", ""),
        ("foo + ", 6, "missing at the end", ""),
        ("foo bar", 5, "`bar` is not expected", ""),
        ("sum(foo))", 9, "right parenthesis", ""),
        ("sum by x (foo)", 8, "`x` is not expected", ""),
        ("rate(a[5m]) + rate(foo)", 15, "expected type matrix", "range"),
        ("abs(foo[5m])", 1, "got matrix", "rate()"),
        ("histogram_quantil(0.9, foo)", 1, "histogram_quantil", "`histogram_quantile`"),
        ("foo{a=b}", 5, "not a label matcher", ""),
        ('foo{a="b" c="d"}', 11, "comma is missing", ""),
        ("foo and 1", 1, "set operator", ""),
    ],
)
def test_what_does_not_parse_is_explained_at_its_place(expr: str, column: int, words: str, fix: str) -> None:
    problem = refused(expr)
    assert problem.code == "promql/syntax"
    assert words in problem.summary
    assert (problem.where.excerpt_column, fix in problem.fix) == (column, True)


def test_the_excerpt_is_the_line_of_the_fault() -> None:
    where = refused("sum(\n  foo bar\n)").where
    assert (where.line, where.excerpt, where.excerpt_column, where.length) == (2, "  foo bar", 7, 3)


@pytest.mark.parametrize("expr", ["foo offset inf", "foo offset -nan", "foo[1e300]", "foo[5m:1e19]", "foo[300y]"])
def test_a_duration_that_no_number_can_hold_is_refused_before_the_parser_panics(expr: str) -> None:
    problem = refused(expr)
    assert (problem.code, "too long" in problem.summary) == ("promql/syntax", True)


@pytest.mark.parametrize(
    ("expr", "column", "words"),
    [
        ("increase(foo[5m] smoothed)", 18, "`smoothed`"),
        ("rate(foo[5m * 2])", 13, "computed duration"),
        ("foo offset (5m)", 12, "computed duration"),
        ("rate(foo[step()])", 10, "computed duration"),
        ("foo > 1_000", 7, "underscores"),
        ("foo </ 3", 5, "`</`"),
        ("foo offset 0s", 12, "zero"),
    ],
)
def test_newer_syntax_is_called_unsupported_and_not_wrong(expr: str, column: int, words: str) -> None:
    problem = refused(expr)
    assert (problem.code, problem.where.excerpt_column) == ("promql/unsupported", column)
    assert words in problem.summary
    assert problem.fix


@pytest.mark.parametrize(
    "expr", ["(" * 20_000 + "a" + ")" * 20_000, "a" + " + a" * 20_000, "-" * 20_000 + "a", "a" + " or a" * 900]
)
def test_an_expression_too_large_for_the_parser_is_refused_and_ends_no_process(expr: str) -> None:
    assert refused(expr).code == "promql/unsupported"
