"""Tokens: nothing of the text is lost, and each piece is what PromQL takes it for."""

from __future__ import annotations

import random

import pytest

from tapewatch.promql.lexer import Token, TokenKind, significant, tokenize, unquote
from tapewatch_sdk.errors import ProblemsError

PIECES = [
    "foo", "job:foo:rate5m", "sum", " by ", "(", ")", "{", "}", "[", "]", "5m", "1h30m", "100ms", "1.5e-3", "0x1F",
    ".5", "Inf", '"a\\"b"', "'it''s'", "`raw\\`", "# note\n", "\n\t", "=~", "!~", "==", "!=", "<=", ">=", "=", ",",
    "@", "^", " offset ", " -", "+", "%", '"é ☃"', " and ", " 1_000 ", ":",
]  # fmt: skip


def kinds(expr: str) -> list[tuple[str, str]]:
    return [(str(token.kind), token.text) for token in significant(tokenize(expr))]


@pytest.mark.parametrize("seed", range(200))
def test_the_texts_of_all_tokens_joined_are_the_expression_again(seed: int) -> None:
    chosen = random.Random(seed).choices(PIECES, k=40)
    expr = " ".join(chosen)
    try:
        tokens = tokenize(expr)
    except ProblemsError:  # in braces PromQL has fewer tokens; the rest of the text is then not looked at
        assert "{" in expr
        return
    assert "".join(token.text for token in tokens) == expr
    assert all(expr[token.start : token.end] == token.text for token in tokens)


def test_a_colon_belongs_to_a_metric_name_but_stands_alone_in_a_subquery() -> None:
    assert kinds("job:foo:rate5m[1h:5m]") == [
        ("identifier", "job:foo:rate5m"), ("bracket", "["), ("duration", "1h"), ("colon", ":"), ("duration", "5m"),
        ("bracket", "]"),
    ]  # fmt: skip


def test_keywords_are_known_in_any_case_outside_braces_only() -> None:
    assert kinds("foo OFFSET 5m")[1] == ("keyword", "OFFSET")
    assert ("identifier", "offset") in kinds('foo{offset="1"}')


def test_a_hash_inside_a_string_begins_no_comment() -> None:
    tokens = tokenize('foo{a="#1"} # two')
    assert [token.text for token in tokens if token.kind is TokenKind.COMMENT] == ["# two"]


def test_numbers_and_durations_are_told_apart() -> None:
    assert kinds("5 5m 0x5 5e3 .5 nan 1d12h") == [
        ("number", "5"), ("duration", "5m"), ("number", "0x5"), ("number", "5e3"), ("number", ".5"), ("number", "nan"),
        ("duration", "1d12h"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [('"a"', "a"), (r"'it\'s'", "it's"), (r'"\x41\u00e9\n"', "Aé\n"), (r"`\d+`", r"\d+"), (r'"\\d"', r"\d")],
)
def test_a_string_is_freed_from_its_quotes_and_escapes(text: str, value: str) -> None:
    assert unquote(text) == value


@pytest.mark.parametrize(
    ("expr", "column", "named"),
    [('foo{a="b}', 7, "does not end"), ("foo ; bar", 5, "`;`"), ("foo{a-b='c'}", 6, "`-`"), ("foo[5x]", 5, "`5x`")],
)
def test_text_that_is_no_promql_is_refused_with_its_place(expr: str, column: int, named: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        tokenize(expr)
    (problem,) = caught.value.problems
    assert (problem.code, problem.where.excerpt_column) == ("promql/syntax", column)
    assert named in problem.summary


def test_a_token_knows_its_end() -> None:
    assert Token(TokenKind.IDENTIFIER, "foo", 4).end == 7
