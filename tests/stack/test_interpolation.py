"""Variables in the values of a document."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tapewatch.documents import parse
from tapewatch.interpolation import interpolate
from tapewatch_sdk.problems import Problem


def result(text: str, **environ: str) -> Any:
    """What `a: text` comes to."""
    document = parse(f"a: {text}\n", "catalogue.yaml")
    data, problems = interpolate(document.data, environ, document=document)
    assert problems == []
    return data["a"]


def problem_with(text: str, **environ: str) -> Problem:
    document = parse(f"top:\n  a: {text}\n", "catalogue.yaml")
    data, problems = interpolate(document.data, environ, document=document)
    (problem,) = problems
    assert data == document.data  # what is wrong stays as it was
    return problem


def same(value: object, expected: object) -> bool:
    return value == expected and type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        ("${PORT:-9090}", {}, 9090),
        ("${PORT:-9090}", {"PORT": "80"}, 80),
        ("${PORT:-9090}", {"PORT": ""}, 9090),
        ("${PORT}", {"PORT": "0.5"}, 0.5),
        ("${ON}", {"ON": "yes"}, True),
        ("${NONE}", {"NONE": "~"}, None),
        ("${EMPTY:-}", {}, ""),
        ("${EMPTY}", {"EMPTY": ""}, ""),
        ("${DAY}", {"DAY": "2024-01-31"}, "2024-01-31"),
        ("${ODD}", {"ODD": "0b_"}, "0b_"),
        ("${HOST}:${PORT:-9090}", {"HOST": "h"}, "h:9090"),
        ("${A}${B}", {"A": "1", "B": "2"}, "12"),
        ("${A}${B}", {"A": "1", "B": ""}, "1"),
        ("x${A}", {"A": "1"}, "x1"),
        ("1${A}", {"A": ""}, "1"),
    ],
)
def test_variables_are_replaced_and_a_lone_one_gets_its_type(text: str, environ: dict[str, str], expected: Any) -> None:
    assert same(result(text, **environ), expected)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_variable_in_quotes_stays_text(quote: str) -> None:
    assert same(result(f"{quote}${{V:-1.10}}{quote}"), "1.10")
    assert same(result(f"{quote}${{V}}{quote}", V="yes"), "yes")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$${NAME}", "${NAME}"),
        ("$${1}:9100", "${1}:9100"),
        ("$$${NAME}", "$${NAME}"),  # a dollar, then the text ${NAME}
        ("a$${b}c${NAME}", "a${b}cx"),
        ("$$NAME", "$$NAME"),
        ("'$${'", "${"),
    ],
)
def test_two_dollars_mean_the_text_itself(text: str, expected: str) -> None:
    assert result(text, NAME="x") == expected


@pytest.mark.parametrize(
    "text",
    [
        "http://x/{alert}.md",
        "'{{ $labels.service }}: {{ $value }}'",
        "sum(x{a='$labels'})",
        "$HOME",
        "$1",
        "a$",
    ],
)
def test_templates_promql_and_placeholders_are_left_alone(text: str) -> None:
    document = parse(f'a: {text}\nb: "${{X:-1}}"\n', "x")
    data, problems = interpolate(document.data, {"HOME": "no", "alert": "no"}, document=document)
    assert problems == []
    assert data["a"] == document.data["a"]


def test_a_default_may_hold_braces_in_pairs() -> None:
    assert result("'${URL:-http://docs/{alert}.md}#x'") == "http://docs/{alert}.md#x"
    assert result("'${T:-{{ $value }}}'") == "{{ $value }}"


def test_a_value_from_the_environment_is_not_looked_at_again() -> None:
    assert result("${A}-", A="${B}", B="no") == "${B}-"


def test_a_variable_without_value_or_default_is_placed_under_its_own_letters() -> None:
    problem = problem_with("http://${HOST}/x")
    assert problem.code == "document/unset-variable"
    assert "${HOST:-value}" in problem.fix
    where = problem.where
    assert (where.path, where.line, where.column, where.length) == ("top.a", 2, 13, 7)
    assert where.excerpt[where.excerpt_column - 1 :].startswith("${HOST}")


@pytest.mark.parametrize("text", ["${}", "${1}", "${A-b}", "${A:?x}", "${A:+x}", "${A B}", "${A.b}", "${ A }"])
def test_what_looks_like_a_variable_but_is_none_is_a_problem(text: str) -> None:
    problem = problem_with(f"'{text}'", A="1")
    assert problem.code == "document/bad-variable"
    assert f"${text}" in problem.fix


def test_a_variable_inside_a_default_is_a_clear_problem() -> None:
    assert "another variable" in problem_with("'${A:-${B}}'", B="1").summary


@pytest.mark.parametrize("text", ["'${A'", "'${A:-{x}'", "'ok ${A} ${'"])
def test_a_variable_that_is_never_closed_is_a_problem(text: str) -> None:
    assert "never closed" in problem_with(text, A="1").summary


def test_all_problems_are_found_in_lists_and_blocks_too() -> None:
    document = parse("a: [1, '${X}', {b: '${Y} ${Z}'}]\nc: |\n  line\n  ${W}\nok: ${OK}\n", "x")
    data, problems = interpolate(document.data, {"OK": "1"}, document=document)
    assert [(p.where.path, p.where.line) for p in problems] == [("a[1]", 1), ("a[2].b", 1), ("a[2].b", 1), ("c", 2)]
    assert data["ok"] == 1


def test_keys_numbers_and_untouched_parts_stay_the_same_objects() -> None:
    source = {"${K}": {"x": [1, None, True]}, "y": {"z": ["${A}", 2]}}
    data, problems = interpolate(source, {"A": "q", "K": "no"})
    assert problems == []
    assert data == {"${K}": {"x": [1, None, True]}, "y": {"z": ["q", 2]}}
    assert data["${K}"] is source["${K}"]
    assert source["y"] == {"z": ["${A}", 2]}


def test_without_a_document_problems_still_name_the_path() -> None:
    _, problems = interpolate({"a": ["${X}"]}, {})
    assert problems[0].where.path == "a[0]"


def test_a_document_without_variables_is_not_even_searched() -> None:
    document = parse("".join(f"s{n}: {{a: {n}, b: [x, y]}}\n" for n in range(20_000)), "x")
    started = time.perf_counter()
    data, problems = interpolate(document.data, {}, document=document)
    assert data is document.data
    assert problems == []
    assert time.perf_counter() - started < 0.02
