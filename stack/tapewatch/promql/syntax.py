"""Where and why an expression does not parse: the parser's message, put at its place in the text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import promql_parser

from tapewatch.promql._names import names
from tapewatch.promql._problem import problem_at
from tapewatch.promql.duration import duration_tokens, milliseconds_of
from tapewatch.promql.lexer import Token, TokenKind, significant, tokenize
from tapewatch.promql.selector import closing, scan_selectors
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem

__all__ = ["FUNCTIONS", "MAX_OPERATORS", "parse_ast"]

MAX_OPERATORS = 1000
"""How many brackets and operators one expression may hold. The parser recurses on the machine's stack, which
overflows (and ends the process) somewhere between 1000 and 10000 levels."""

LONGEST_DURATION = 9_223_372_036_854
"""The longest range or offset in milliseconds: Prometheus counts nanoseconds in a signed number of 64 bits."""

FUNCTIONS = names(
    """
    abs absent absent_over_time acos acosh asin asinh atan atanh avg_over_time ceil changes clamp clamp_max
    clamp_min cos cosh count_over_time day_of_month day_of_week day_of_year days_in_month deg delta deriv
    double_exponential_smoothing end exp first_over_time floor histogram_avg histogram_count histogram_fraction
    histogram_quantile histogram_quantiles histogram_stddev histogram_stdvar histogram_sum hour idelta increase info
    irate label_join label_replace last_over_time ln log10 log2 mad_over_time max_of max_over_time min_of
    min_over_time minute month pi predict_linear present_over_time quantile_over_time rad range rate resets round
    scalar sgn sin sinh sort sort_by_label sort_by_label_desc sort_desc sqrt start stddev_over_time stdvar_over_time
    step sum_over_time tan tanh time timestamp ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time
    ts_of_min_over_time vector year
    """
)
"""The functions of Prometheus 3.13, experimental ones included; promql-parser 0.11 knows every one of them."""

# What the parser says when it is the grammar that is hurt, and not a type, a count of arguments or a name.
_GRAMMAR = ("invalid promql query", "no expression found", "unexpected end of input", "unclosed")
# An incomplete text is sound so far if one of these makes it an expression (brackets are closed behind them).
_COMPLETIONS = ("", " x", " 1", "x=''", "='x'", "'x'", ",x", "1m", " 1m", "]", ":]", " (x)", " (x) x", " bool 1")
_TAILS = ("", " x", " (x)")
_NAMED = re.compile(r"(?:function|call to|name) '([A-Za-z_0-9]+)'")


def parse_ast(expr: str) -> tuple[object, list[Token]]:
    """Parse an expression into the parser's tree (without positions) and its significant tokens.

    Raises:
        ProblemsError: `promql/syntax`, or `promql/unsupported` for what Prometheus 3 knows but the parser does not.
    """
    tokens = significant(tokenize(expr))
    _check_size(expr, tokens)
    _check_durations(expr, tokens)
    try:
        return promql_parser.parse(expr), tokens
    except ValueError as error:
        raise ProblemsError([_explained(expr, tokens, str(error))]) from None


def _check_size(expr: str, tokens: Sequence[Token]) -> None:
    nesting = [token for token in tokens if token.kind in (TokenKind.OPERATOR, TokenKind.BRACKET, TokenKind.KEYWORD)]
    if len(nesting) > MAX_OPERATORS:
        raise ProblemsError(
            [
                problem_at(
                    expr,
                    nesting[MAX_OPERATORS].start,
                    nesting[MAX_OPERATORS].end,
                    code="promql/unsupported",
                    summary=f"The expression has more than {MAX_OPERATORS} operators and brackets.",
                    must="An expression stays below that size, so that it can be parsed safely.",
                    fix="Split it with recording rules.",
                )
            ]
        )


def _check_durations(expr: str, tokens: Sequence[Token]) -> None:
    """Refuse durations on which the parser would panic."""
    for token in duration_tokens(tokens):
        length = milliseconds_of(token)
        if length is None or length > LONGEST_DURATION:
            summary, must = f"`{token.text}` is too long.", "A range or an offset is below 292 years, as in Prometheus."
            fix = "Write a shorter one, for example 1w."
            problem = problem_at(
                expr, token.start, token.end, code="promql/syntax", summary=summary, must=must, fix=fix
            )
            raise ProblemsError([problem])


def _explained(expr: str, tokens: Sequence[Token], message: str) -> Problem:
    _check_brackets(expr, tokens)
    scan_selectors(expr, tokens)  # says better than the parser which matcher is malformed
    newer = _newer_syntax(tokens)
    if newer is not None:
        token, feature, fix = newer
        return problem_at(
            expr,
            token.start,
            token.end,
            code="promql/unsupported",
            summary=f"{feature} cannot be checked: the parser does not know it yet.",
            must="An expression keeps to what the parser reads, else nothing in it can be proven.",
            fix=fix,
        )
    start, end = _place(expr, tokens, message)
    return problem_at(
        expr,
        start,
        end,
        code="promql/syntax",
        summary=f"The expression does not parse: {_worded(message, expr[start:end])}.",
        must="An expression is valid PromQL.",
        fix=_fix(message),
    )


def _check_brackets(expr: str, tokens: Sequence[Token]) -> None:
    index = 0
    while index < len(tokens):
        index = closing(expr, tokens, index) + 1 if tokens[index].text in ("(", "[", "{") else index + 1


def _newer_syntax(tokens: Sequence[Token]) -> tuple[Token, str, str] | None:
    """The first token of a syntax that Prometheus 3 has and the parser lacks, what it is called, and a way round."""
    in_range = False
    for before, token in zip([None, *tokens], tokens, strict=False):
        in_range = token.text == "[" or (in_range and token.text != "]")
        after_offset = before is not None and before.text.lower() == "offset"
        if token.text.lower() in ("smoothed", "anchored") and before is not None:
            return token, f"The modifier `{token.text}`", "Leave it out, or compute the increase with plain functions."
        if token.text in ("</", ">/"):
            return token, f"The operator `{token.text}`", "Use classic buckets."
        if (in_range and (token.text in "*/%^+-(" or token.text in ("step", "range"))) or (
            after_offset and token.text in ("(", "step", "range")
        ):
            return token, "A computed duration", "Write the duration as a literal, for example 10m."
        if token.kind is TokenKind.NUMBER and "_" in token.text:
            return token, "A number with underscores", f"Write {token.text.replace('_', '')}."
        if after_offset and token.text in ("0s", "0"):
            return token, "An offset of zero", "Leave `offset` out."
    return None


def _place(expr: str, tokens: Sequence[Token], message: str) -> tuple[int, int]:
    named = _NAMED.search(message)
    if named:
        return _failing_call(expr, tokens, named.group(1))
    if not tokens:
        return 0, len(expr)
    for count in range(1, len(tokens) + 1):
        if not _sound_so_far(expr[: tokens[count - 1].end], tokens[:count]):
            return tokens[count - 1].start, tokens[count - 1].end
    return (tokens[-1].end, tokens[-1].end + 1) if _is_grammar(message) else (tokens[0].start, tokens[-1].end)


def _failing_call(expr: str, tokens: Sequence[Token], function: str) -> tuple[int, int]:
    """The first call of the function that does not parse on its own."""
    for index, token in enumerate(tokens[:-1]):
        if token.text == function and tokens[index + 1].text == "(":
            try:
                promql_parser.parse(expr[token.start : tokens[closing(expr, tokens, index + 1)].end])
            except ValueError:
                return token.start, token.end
    return tokens[0].start, tokens[-1].end


def _sound_so_far(text: str, tokens: Sequence[Token]) -> bool:
    closers = "".join(reversed(_open_brackets(tokens)))
    return any(_may_parse(text + completion + closers + tail) for tail in _TAILS for completion in _COMPLETIONS)


def _may_parse(text: str) -> bool:
    try:
        promql_parser.parse(text)
    except ValueError as error:
        return not _is_grammar(str(error)) and not str(error).startswith(("unexpected", "bad number", "missing unit"))
    return True


def _open_brackets(tokens: Sequence[Token]) -> list[str]:
    pending: list[str] = []
    for token in tokens:
        if token.kind is TokenKind.BRACKET:
            if token.text in "([{":
                pending.append({"(": ")", "[": "]", "{": "}"}[token.text])
            elif pending:
                pending.pop()
    return pending


def _is_grammar(message: str) -> bool:
    return message.startswith(_GRAMMAR)


def _worded(message: str, text: str) -> str:
    if message.startswith("invalid promql query"):
        return f"`{text}` is not expected here" if text.strip() else "something is missing at the end"
    return message.rstrip(".")


def _fix(message: str) -> str:
    unknown = re.match(r"unknown function with name '(\w+)'", message)
    if unknown:
        near = difflib.get_close_matches(unknown.group(1), FUNCTIONS, n=1)
        return f"Did you mean `{near[0]}`?" if near else "Use a function that Prometheus 3.13 has."
    if "expected type matrix" in message:
        return "Give it a range, for example [5m]."
    if "expected type vector" in message and "got matrix" in message:
        return "Leave the range out, or put a function such as rate() around it."
    return "Correct the expression at the caret."
