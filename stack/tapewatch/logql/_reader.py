"""Reads the parts of a LogQL expression that tell which streams it looks at, and whether it counts anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["LogqlError", "Matcher", "Query", "Selector", "read"]

_TOKEN = re.compile(
    r"""
      (?P<space> \s+ | \#[^\n]* )
    | (?P<string> "(?:[^"\\\n]|\\[^\n])*" | `[^`]*` )
    | (?P<quote> ["`'] )
    | (?P<operator> =~ | !~ | != | \|= | \|~ | \|> | !> | == | >= | <= | = )
    | (?P<bracket> [(){}\[\]] )
    | (?P<word> [A-Za-z_][\w.]*:? [\w.:]* )
    | (?P<number> [0-9][\w.]* )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_RANGE = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|[smhdwy]))+")
_PARTNER = {")": "(", "}": "{", "]": "["}
_MATCHING = ("=", "!=", "=~", "!~")


class LogqlError(ValueError):
    """The expression is no LogQL.

    Parameters:
        reason: what is wrong, in words.
        position: where in the expression, counted from 1.
    """

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"{reason} at character {position}")
        self.reason = reason
        self.position = position


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition of a selector: `service="api"`."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """The streams between a pair of braces."""

    matchers: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """What an expression looks at.

    Parameters:
        selectors: each selector, in the order in which it is written.
        ranges: each range, such as `5m`; an expression without one yields lines and no numbers.
    """

    selectors: tuple[Selector, ...]
    ranges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def read(expr: str) -> Query:
    """The selectors and ranges of an expression.

    Raises:
        LogqlError: a string or bracket is not closed, or what stands in one does not belong there.
    """
    tokens = list(_tokens(expr))
    selectors: list[Selector] = []
    ranges: list[str] = []
    open_: list[_Token] = []
    for index, token in enumerate(tokens):
        if token.kind != "bracket":
            continue
        if token.text not in _PARTNER:
            open_.append(token)
            continue
        if not open_ or open_[-1].text != _PARTNER[token.text]:
            raise LogqlError(f"`{token.text}` closes nothing", token.position)
        inside = tokens[tokens.index(open_.pop()) + 1 : index]
        if token.text == "}":
            selectors.append(_selector(inside, token.position))
        elif token.text == "]":
            ranges.append(_range(inside, token.position))
    if open_:
        raise LogqlError(f"`{open_[-1].text}` is not closed", open_[-1].position)
    return Query(tuple(selectors), tuple(ranges))


def _tokens(expr: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(expr):
        kind = found.lastgroup or ""
        if kind == "quote":
            reason = "LogQL has no single quotes" if found[0] == "'" else "a string is not closed"
            raise LogqlError(reason, found.start() + 1)
        if kind != "space":
            yield _Token(kind, found[0], found.start() + 1)


def _range(tokens: list[_Token], end: int) -> str:
    text = "".join(token.text for token in tokens)
    if not _RANGE.fullmatch(text):
        raise LogqlError(f"`[{text}]` is no range such as [5m]", tokens[0].position if tokens else end)
    return text


def _selector(tokens: list[_Token], end: int) -> Selector:
    """The matchers of a selector, which commas separate; after the last one Loki wants none."""
    matchers: list[Matcher] = []
    for first in range(0, max(len(tokens), 1), 4):
        matcher, comma = tokens[first : first + 3], tokens[first + 3 : first + 4]
        place = matcher[0].position if matcher else end
        if [token.kind for token in matcher] != ["word", "operator", "string"] or matcher[1].text not in _MATCHING:
            raise LogqlError('a selector has matchers such as service="api"', place)
        if comma and (comma[0].text != "," or first + 4 == len(tokens)):
            raise LogqlError("a comma stands between two matchers", comma[0].position)
        matchers.append(Matcher(matcher[0].text, matcher[1].text, _unquoted(matcher[2])))
    return Selector(tuple(matchers))


def _unquoted(token: _Token) -> str:
    if token.text.startswith("`"):
        return token.text[1:-1]
    try:
        return str(json.loads(token.text))
    except ValueError:  # an escape of Go's that JSON has not; such a value is no service's name
        return token.text[1:-1]
