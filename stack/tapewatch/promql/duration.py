"""The durations of an expression: ranges, offsets and the steps of subqueries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tapewatch.promql.lexer import Token, TokenKind, significant, tokenize

__all__ = ["DurationLiteral", "duration_tokens", "durations", "format_duration", "milliseconds_of"]

# Milliseconds in each unit of a duration, largest first; years and weeks have a fixed length in PromQL.
_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_PART = re.compile(r"([0-9]+)(ms|[smhdwy])")


@dataclass(frozen=True, slots=True)
class DurationLiteral:
    """A range, an offset or the step of a subquery, in milliseconds, with its offsets in the text."""

    milliseconds: Fraction
    start: int
    end: int


def durations(expr: str) -> tuple[DurationLiteral, ...]:
    """Every literal range, offset and subquery step, in the order of the text.

    A plain number there counts seconds. A duration that is used as a number (`x > 5m`) is a value, so it is not among
    them; neither is the time stamp behind `@`.

    Raises:
        ProblemsError: `promql/syntax`, where `expr` has no tokens.
    """
    found = ((token, milliseconds_of(token)) for token in duration_tokens(significant(tokenize(expr))))
    return tuple(DurationLiteral(value, token.start, token.end) for token, value in found if value is not None)


def duration_tokens(tokens: Sequence[Token]) -> Iterator[Token]:
    """The numbers and durations among significant tokens that are a range, an offset or a step as they stand.

    A number by which a computed duration is multiplied or divided (`[5m * 2]`) is none.
    """
    in_range = False
    for index, token in enumerate(tokens):
        if token.text in ("[", "]"):
            in_range = token.text == "["
        elif not (in_range or _is_offset(tokens, index)):
            continue
        elif token.kind is TokenKind.DURATION or (token.kind is TokenKind.NUMBER and not _is_factor(tokens, index)):
            yield token


def milliseconds_of(token: Token) -> Fraction | None:
    """The length that a number or duration token means; None for an infinity or NaN."""
    if token.kind is TokenKind.DURATION:
        return Fraction(sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(token.text)))
    if token.text.lower() in ("inf", "nan"):
        return None
    return 1000 * (Fraction(int(token.text, 16)) if token.text[:2] in ("0x", "0X") else Fraction(token.text))


def format_duration(milliseconds: int) -> str:
    """A duration as PromQL writes it, from the largest unit down: 90000 is `1m30s`."""
    parts = []
    for unit, size in _UNITS.items():
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _is_offset(tokens: Sequence[Token], index: int) -> bool:
    """Whether the token is the amount of an `offset`, a sign before it left aside."""
    before = index - 1
    if before >= 0 and tokens[before].text in ("-", "+"):
        before -= 1
    return before >= 0 and tokens[before].kind is TokenKind.KEYWORD and tokens[before].text.lower() == "offset"


def _is_factor(tokens: Sequence[Token], index: int) -> bool:
    around = tokens[index - 1].text, tokens[index + 1].text if index + 1 < len(tokens) else ""
    return not {"*", "/", "%", "^"}.isdisjoint(around)
