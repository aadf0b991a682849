"""Edits of PromQL text that leave formatting and comments as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from fractions import Fraction

from tapewatch.promql._problem import problem_at
from tapewatch.promql.duration import durations, format_duration
from tapewatch.promql.lexer import Token, TokenKind, significant, tokenize
from tapewatch.promql.selector import closing, selectors
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem

__all__ = ["add_matchers", "expand_macros", "scale_durations"]


def add_matchers(expr: str, matchers: str, *, skip: Set[str] = frozenset()) -> str:
    """Add label matchers to every vector selector.

    Parameters:
        matchers: as they stand between braces, for example `service!~"a|b"`; the empty string changes nothing.
        skip: names of metrics whose selectors stay as they are.

    Raises:
        ProblemsError: `promql/syntax`, where `expr` cannot be read.
    """
    if not matchers:
        return expr
    edits = []
    for selector in selectors(expr):
        if selector.name is not None and selector.name.text in skip:
            continue
        text = f"{{{matchers}}}" if selector.separator is None else selector.separator + matchers
        edits.append((selector.insert_at, selector.insert_at, text))
    return _replaced(expr, edits)


def scale_durations(expr: str, factor: Fraction | int) -> str:
    """Divide every range, offset and subquery step by `factor`, rounded to a millisecond and never below one.

    Raises:
        ValueError: where `factor` is not positive.
        ProblemsError: `promql/syntax`, where `expr` cannot be read.
    """
    if factor <= 0:
        raise ValueError(f"the factor must be positive, got {factor}")
    return _replaced(
        expr,
        ((literal.start, literal.end, _scaled(literal.milliseconds, factor)) for literal in durations(expr)),
    )


def expand_macros(expr: str, macros: Mapping[str, Callable[[list[str]], str]]) -> str:
    """Replace each call of a macro, inner calls first, by the text that its callable returns.

    Parameters:
        macros: name to callable. It gets the texts of the arguments (split at the commas of the call, without
            white space and comments around them) and returns the text that takes the place of the whole call.
            It says what is wrong with the arguments by raising ValueError. Its result is not expanded again.

    Raises:
        ProblemsError: `promql/macro`, where a callable refuses its arguments; `promql/syntax`, for an open call.
    """
    return _Expansion(expr, significant(tokenize(expr)), macros).expand(0, len(expr))


class _Expansion:
    """One run of `expand_macros`; offsets always refer to the text as it was written."""

    def __init__(self, expr: str, tokens: Sequence[Token], macros: Mapping[str, Callable[[list[str]], str]]) -> None:
        self._expr = expr
        self._tokens = tokens
        self._macros = macros

    def expand(self, start: int, end: int) -> str:
        edits: list[tuple[int, int, str]] = []
        done = start
        for index, token in enumerate(self._tokens):
            if done <= token.start < end and self._is_call(index):
                close = closing(self._expr, self._tokens, index + 1)
                done = self._tokens[close].end
                edits.append((token.start, done, self._call(index, close)))
        return _replaced(self._expr, edits, start, end)

    def _is_call(self, index: int) -> bool:
        token = self._tokens[index]
        followed = index + 1 < len(self._tokens) and self._tokens[index + 1].text == "("
        return followed and token.kind is TokenKind.IDENTIFIER and token.text in self._macros

    def _call(self, index: int, close: int) -> str:
        name = self._tokens[index]
        arguments = [self.expand(start, end) for start, end in self._arguments(index + 1, close)]
        try:
            return self._macros[name.text](arguments)
        except ValueError as error:
            problem = problem_at(
                self._expr,
                name.start,
                self._tokens[close].end,
                code="promql/macro",
                summary=f"`{name.text}` cannot be expanded: {error}.",
                must="A macro is called with the arguments that it expects.",
                fix="Correct the call.",
            )
            raise ProblemsError([problem]) from error

    def _arguments(self, opening: int, close: int) -> list[tuple[int, int]]:
        """Start and end of each argument: from its first significant token to its last."""
        spans: list[tuple[int, int]] = []
        first = opening + 1
        depth = 0
        for index in range(first, close + 1):
            token = self._tokens[index]
            if index == close or (depth == 0 and token.kind is TokenKind.COMMA):
                if index > first:
                    spans.append((self._tokens[first].start, self._tokens[index - 1].end))
                elif index < close:
                    raise ProblemsError([_empty_argument(self._expr, token)])
                first = index + 1
            elif token.kind is TokenKind.BRACKET:
                depth += 1 if token.text in "([{" else -1
        return spans


def _empty_argument(expr: str, comma: Token) -> Problem:
    return problem_at(
        expr,
        comma.start,
        comma.end,
        code="promql/syntax",
        summary="An argument is missing before this comma.",
        must="A comma stands between two arguments.",
        fix="Add the argument, or leave the comma out.",
    )


def _scaled(milliseconds: Fraction, factor: Fraction | int) -> str:
    return format_duration(max(round(milliseconds / factor), 1) if milliseconds else 0)


def _replaced(expr: str, edits: Iterable[tuple[int, int, str]], start: int = 0, end: int | None = None) -> str:
    """The text from `start` to `end` with each (start, end, text) put in place; the edits ascend and do not overlap."""
    parts = []
    for edit_start, edit_end, text in edits:
        parts += [expr[start:edit_start], text]
        start = edit_end
    return "".join([*parts, expr[start:end]])
