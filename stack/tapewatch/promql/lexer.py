"""PromQL text as tokens with offsets.

The parser that we use gives a tree without positions. Tokens give the positions, and make edits possible that
leave formatting and comments alone: the texts of all tokens, joined, are the expression again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tapewatch.promql._names import names
from tapewatch.promql._problem import problem_at
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem

__all__ = ["AGGREGATIONS", "KEYWORDS", "Token", "TokenKind", "Word", "significant", "tokenize", "unquote"]

KEYWORDS = names(
    """
    and or unless atan2 offset smoothed anchored by without on ignoring group_left group_right fill fill_left
    fill_right bool
    """
)
"""Words that are never a function; they count as keywords in any case of letters, as in Prometheus."""

AGGREGATIONS = names(
    """
    sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio
    """
)
"""The aggregation operators. To the lexer they are identifiers: `sum` may also be the name of a metric."""


class TokenKind(StrEnum):
    """What a token is. `SPACE` and `COMMENT` carry no meaning."""

    IDENTIFIER = "identifier"
    KEYWORD = "keyword"
    NUMBER = "number"
    DURATION = "duration"
    STRING = "string"
    OPERATOR = "operator"
    BRACKET = "bracket"
    COMMA = "comma"
    COLON = "colon"
    COMMENT = "comment"
    SPACE = "space"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression: its kind, its text, and the offset (in characters, from 0) at which it starts."""

    kind: TokenKind
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset just behind the token."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Word:
    """A name or the value of a string, freed from quotes, with where it stands (quotes included) in the expression."""

    text: str
    start: int
    end: int


_COMMON = r"""
  (?P<space>[ \t\r\n]+)
| (?P<comment>\#[^\n]*)
| (?P<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'|`[^`]*`)
"""
_VALUES = r"""
| (?P<duration>(?:[0-9]+(?:ms|[smhdwy]))+(?![\w.]))
| (?P<number>(?:0[xX][0-9a-fA-F_]+|(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?)(?![\w.]))
| (?P<operator>=~|!~|==|!=|<=|>=|</|>/|[-<>=+*/%^@])
| (?P<bracket>[(){}\[\]])
| (?P<comma>,)
"""
# A colon belongs to a metric name, but between the brackets of a subquery it stands for itself.
_OUTSIDE = re.compile(_COMMON + _VALUES + r"| (?P<identifier>[a-zA-Z_:][a-zA-Z0-9_:]*)", re.VERBOSE)
_BRACKETS = re.compile(_COMMON + _VALUES + r"| (?P<identifier>[a-zA-Z_][a-zA-Z0-9_]*) | (?P<colon>:)", re.VERBOSE)
_BRACES = re.compile(
    _COMMON + r"| (?P<operator>=~|!~|!=|=) | (?P<bracket>[{}]) | (?P<comma>,) | (?P<identifier>[a-zA-Z_][a-zA-Z0-9_]*)",
    re.VERBOSE,
)
_MODES = {"{": _BRACES, "}": _OUTSIDE, "[": _BRACKETS, "]": _OUTSIDE}
_RUN = re.compile(r"[\w.]+")
_TRIVIA = frozenset((TokenKind.SPACE, TokenKind.COMMENT))
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_SIMPLE_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def tokenize(expr: str) -> list[Token]:
    """Split an expression into tokens, white space and comments included.

    Raises:
        ProblemsError: `promql/syntax`, for a string that does not end or a character that PromQL does not know.
    """
    tokens: list[Token] = []
    mode, position = _OUTSIDE, 0
    while position < len(expr):
        match = mode.match(expr, position)
        if match is None:
            raise ProblemsError([_unreadable(expr, position)])
        kind, text = TokenKind(match.lastgroup or ""), match.group()
        if kind is TokenKind.IDENTIFIER and mode is not _BRACES:
            kind = _kind_of_word(text)
        elif kind is TokenKind.BRACKET:
            mode = _MODES.get(text, mode)
        tokens.append(Token(kind, text, position))
        position = match.end()
    return tokens


def significant(tokens: Iterable[Token]) -> list[Token]:
    """The tokens without white space and comments."""
    return [token for token in tokens if token.kind not in _TRIVIA]


def unquote(text: str) -> str:
    """The value of a string token (`"..."`, `'...'` with escapes as in Go, or raw between backticks)."""
    body = text[1:-1]
    return body if text[0] == "`" or "\\" not in body else _ESCAPE.sub(_unescaped, body)


def _kind_of_word(text: str) -> TokenKind:
    lower = text.lower()
    if lower in KEYWORDS:
        return TokenKind.KEYWORD
    return TokenKind.NUMBER if lower in ("inf", "nan") else TokenKind.IDENTIFIER


def _unescaped(match: re.Match[str]) -> str:
    code = match.group(1)
    if code[0] in "xuU" and len(code) > 1:
        number = int(code[1:], 16)
    elif len(code) == 3:
        number = int(code, 8)
    else:
        return _SIMPLE_ESCAPES.get(code, code)
    return chr(number) if number <= 0x10FFFF else "\ufffd"


def _unreadable(expr: str, position: int) -> Problem:
    character = expr[position]
    if character in "\"'`":
        summary, must = "A string does not end.", "A string ends with the quote that it began with, on the same line."
        fix = f"Add the closing {character}; a quote inside the string is written \\{character}."
        return problem_at(expr, position, len(expr), code="promql/syntax", summary=summary, must=must, fix=fix)
    word = _RUN.match(expr, position)
    end = word.end() if word else position + 1
    return problem_at(
        expr,
        position,
        end,
        code="promql/syntax",
        summary=f"PromQL has no `{expr[position:end]}` at this place.",
        must="A metric or label name outside quotes has ASCII letters, digits, `_` (and `:` in metrics); "
        "a number or duration is written like 0.5, 1e3, 90s or 1h30m.",
        fix='Correct it, or quote an unusual metric name inside braces: {"http.requests"}.',
    )
