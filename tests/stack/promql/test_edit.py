"""Edits change what they are meant to change, and not a character besides."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tapewatch.promql.duration import durations, format_duration
from tapewatch.promql.edit import add_matchers, expand_macros, scale_durations
from tapewatch.promql.selector import selectors
from tapewatch_sdk.errors import ProblemsError

M = 'service!~"a|b"'


@pytest.mark.parametrize(
    ("expr", "edited"),
    [
        ("foo", "foo{<M>}"),
        ("foo{}", "foo{<M>}"),
        ('foo{x="1"}[5m]', 'foo{x="1",<M>}[5m]'),
        ('foo{x="1",} offset 5m', 'foo{x="1",<M>} offset 5m'),
        ('foo {\n  x="1"  # one\n}', 'foo {\n  x="1",<M>  # one\n}'),
        ('{"foo.bar"}', '{"foo.bar",<M>}'),
        ("rate(foo[5m:1m])", "rate(foo{<M>}[5m:1m])"),
        (
            "sum by (foo, bar) (foo) / on(foo) group_left(bar) baz",
            "sum by (foo, bar) (foo{<M>}) / on(foo) group_left(bar) baz{<M>}",
        ),
        ("SUM(foo) BY (x) AND bar", "SUM(foo{<M>}) BY (x) AND bar{<M>}"),
        ("sum + count_values", "sum{<M>} + count_values{<M>}"),
        ("foo @ start() > bool inf", "foo{<M>} @ start() > bool inf"),
        (
            'label_replace(foo, "bar", "$1", "baz", "(.*)") # foo',
            'label_replace(foo{<M>}, "bar", "$1", "baz", "(.*)") # foo',
        ),
        ("time() - foo unless ignoring(x) vector(1)", "time() - foo{<M>} unless ignoring(x) vector(1)"),
        ('absent(up{job="a"})', 'absent(up{job="a",<M>})'),
    ],
)
def test_matchers_go_to_every_selector_and_nowhere_else(expr: str, edited: str) -> None:
    assert add_matchers(expr, M) == edited.replace("<M>", M)


def test_skipped_metrics_keep_their_selectors() -> None:
    expr = 'up and foo and {"bar"} and {__name__="baz"}'
    assert (
        add_matchers(expr, 'a="b"', skip={"up", "bar", "baz"}) == 'up and foo{a="b"} and {"bar"} and {__name__="baz"}'
    )


def test_no_matchers_change_nothing() -> None:
    assert add_matchers("foo", "") == "foo"


@pytest.mark.parametrize("expr", ['foo{a="b"', "foo{a}", 'foo{a="b" c="d"}', 'foo{a="b"]}'])
def test_braces_that_cannot_be_read_are_refused(expr: str) -> None:
    with pytest.raises(ProblemsError):
        add_matchers(expr, M)


def test_selectors_tell_names_matchers_and_places() -> None:
    expr = 'rate(foo{a="x", b=~\'y|z\'}[5m]) / {"bar.baz", "c.d"!="e"}'
    first, second = selectors(expr)
    assert first.name is not None
    assert second.name is not None
    assert (first.name.text, expr[first.start : first.end]) == ("foo", "foo{a=\"x\", b=~'y|z'}")
    assert [(m.label.text, m.op, m.value.text) for m in first.matchers] == [("a", "=", "x"), ("b", "=~", "y|z")]
    assert (second.name.text, second.matchers[0].label.text) == ("bar.baz", "c.d")
    assert expr[first.matchers[1].value.start : first.matchers[1].value.end] == "'y|z'"


@pytest.mark.parametrize(
    ("expr", "factor", "scaled"),
    [
        ("rate(foo[5m])", 10, "rate(foo[30s])"),
        ("max_over_time(foo[1h:1m] offset 10m) # 5m", 4, "max_over_time(foo[15m:15s] offset 2m30s) # 5m"),
        ("foo offset -1h30m", 60, "foo offset -1m30s"),
        ("foo[5m:]", 300, "foo[1s:]"),
        ("foo[300] offset 60", 2, "foo[2m30s] offset 30s"),
        ("time() - foo > 5m", 5, "time() - foo > 5m"),
        ('foo{window="5m"} @ 1600', 5, 'foo{window="5m"} @ 1600'),
        ("predict_linear(foo[1h], 4 * 3600)", 60, "predict_linear(foo[1m], 4 * 3600)"),
        ("foo[1s]", 3, "foo[333ms]"),
        ("foo[1ms]", 1000, "foo[1ms]"),
        ("foo[1m]", Fraction(1, 2), "foo[2m]"),
    ],
)
def test_ranges_offsets_and_steps_are_divided(expr: str, factor: Fraction | int, scaled: str) -> None:
    assert scale_durations(expr, factor) == scaled


@pytest.mark.parametrize("factor", [0, -1])
def test_a_factor_that_is_not_positive_is_refused(factor: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        scale_durations("foo[5m]", factor)


def test_durations_are_given_in_milliseconds_with_their_places() -> None:
    expr = "max_over_time(foo[1d12h:30s] offset 250ms)"
    assert [(int(d.milliseconds), expr[d.start : d.end]) for d in durations(expr)] == [
        (129_600_000, "1d12h"),
        (30_000, "30s"),
        (250, "250ms"),
    ]


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0s"), (90_000, "1m30s"), (1, "1ms"), (86_400_000 * 8, "1w1d"), (3_661_001, "1h1m1s1ms")],
)
def test_a_duration_is_written_as_promql_writes_it(milliseconds: int, text: str) -> None:
    assert format_duration(milliseconds) == text


def exact_increase(arguments: list[str]) -> str:
    if len(arguments) != 1:
        raise ValueError(f"it takes one argument, got {len(arguments)}")
    return f"({arguments[0]} - {arguments[0]} offset 5m)"


MACROS = {"exact_increase": exact_increase, "ratio": lambda arguments: " / ".join(arguments)}


@pytest.mark.parametrize(
    ("expr", "expanded"),
    [
        ("exact_increase(foo) > 0 # why", "(foo - foo offset 5m) > 0 # why"),
        ('exact_increase( foo{a="x,)"}\n)', '(foo{a="x,)"} - foo{a="x,)"} offset 5m)'),
        ("ratio(sum by (a, b) (foo), clamp(bar, 0, 1))", "sum by (a, b) (foo) / clamp(bar, 0, 1)"),
        ("ratio(exact_increase(a), exact_increase(b))", "(a - a offset 5m) / (b - b offset 5m)"),
        ("exact_increase(ratio(a, b))", "(a / b - a / b offset 5m)"),
        ("exact_increase(foo # last\n)", "(foo - foo offset 5m)"),
        ("exact_increase + ratio{a='b'}", "exact_increase + ratio{a='b'}"),
        ("sum(ratio(a, b)) + ratio(c)", "sum(a / b) + c"),
    ],
)
def test_a_macro_call_is_replaced_by_what_its_callable_returns(expr: str, expanded: str) -> None:
    assert expand_macros(expr, MACROS) == expanded


@pytest.mark.parametrize(
    ("expr", "code", "column", "words"),
    [
        ("foo + exact_increase(a, b)", "promql/macro", 7, "it takes one argument, got 2"),
        ("ratio(a, exact_increase())", "promql/macro", 10, "got 0"),
        ("ratio(a", "promql/syntax", 6, "never closed"),
        ("ratio(a,, b)", "promql/syntax", 9, "argument is missing"),
    ],
)
def test_a_wrong_macro_call_is_refused_with_its_place(expr: str, code: str, column: int, words: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        expand_macros(expr, MACROS)
    (problem,) = caught.value.problems
    assert (problem.code, problem.where.excerpt_column) == (code, column)
    assert words in problem.summary
