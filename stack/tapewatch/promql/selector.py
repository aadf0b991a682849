"""The vector selectors of an expression: which metric, which matchers, and where each of them stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tapewatch.promql._problem import problem_at
from tapewatch.promql.lexer import AGGREGATIONS, Token, TokenKind, Word, significant, tokenize, unquote
from tapewatch_sdk.errors import ProblemsError

__all__ = ["Matcher", "Selector", "closing", "plain_alternatives", "read_selector", "scan_selectors", "selectors"]

_LABEL_LISTS = frozenset(
    ("by", "without", "on", "ignoring", "group_left", "group_right", "fill", "fill_left", "fill_right")
)
_OPENING = {"(": ")", "[": "]", "{": "}"}
_PLAIN = re.compile(r"[\w:/@ -]+(?:\|[\w:/@ -]+)*")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label matcher; `op` is `=`, `!=`, `=~` or `!~`, `value` is freed from quotes and escapes."""

    label: Word
    op: str
    value: Word


@dataclass(frozen=True, slots=True)
class Selector:
    """A vector selector.

    Parameters:
        name: the metric's name, before the braces, quoted inside them or as `__name__="..."`; None when there is none.
        matchers: what the braces hold, the name excepted.
        start, end: offsets of name and braces together, without a range, offset or `@`.
        insert_at: where a further matcher goes: behind the last one inside the braces, or behind the bare name.
        separator: what stands between that place and a further matcher (`,` or nothing); None when there are no braces.
    """

    name: Word | None
    matchers: tuple[Matcher, ...]
    start: int
    end: int
    insert_at: int
    separator: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric that it can select: one name, the plain alternatives of `__name__=~"a|b"`, or () for any."""
        if self.name is not None:
            return (self.name.text,)
        for matcher in self.matchers:
            if matcher.label.text == "__name__":
                return plain_alternatives(matcher)
        return ()


def plain_alternatives(matcher: Matcher) -> tuple[str, ...]:
    """The values that `label="a"` or `label=~"a|b"` selects; () where a pattern or a negation leaves it open."""
    value = matcher.value.text
    if matcher.op == "=":
        return (value,)
    return tuple(value.split("|")) if matcher.op == "=~" and _PLAIN.fullmatch(value) else ()


def selectors(expr: str) -> tuple[Selector, ...]:
    """All vector selectors of `expr`, in the order of the text.

    Raises:
        ProblemsError: `promql/syntax`, where braces or brackets cannot be read.
    """
    return scan_selectors(expr, significant(tokenize(expr)))


def scan_selectors(expr: str, tokens: Sequence[Token]) -> tuple[Selector, ...]:
    """As `selectors`, on significant tokens that the caller already has."""
    found: list[Selector] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if token.text == "[":
            index = closing(expr, tokens, index)
        elif token.kind is TokenKind.KEYWORD and token.text.lower() in _LABEL_LISTS:
            if following and following.text == "(":
                index = closing(expr, tokens, index + 1)
        elif token.text == "{" or (token.kind is TokenKind.IDENTIFIER and not _is_called(token, following)):
            selector, index = read_selector(expr, tokens, index)
            found.append(selector)
            continue
        index += 1
    return tuple(found)


def read_selector(expr: str, tokens: Sequence[Token], index: int) -> tuple[Selector, int]:
    """Read the selector that begins at `tokens[index]` (a name or a brace); also give the index behind it.

    Raises:
        ProblemsError: `promql/syntax`, where the braces do not hold a list of matchers.
    """
    first = tokens[index]
    name = None
    if first.text != "{":
        name = Word(first.text, first.start, first.end)
        index += 1
        if index == len(tokens) or tokens[index].text != "{":
            return Selector(name, (), first.start, first.end, first.end, None), index
    end = closing(expr, tokens, index)
    inside = tokens[index + 1 : end]
    quoted, matchers = _read_matchers(expr, inside)
    last = tokens[end - 1]
    separator = "," if inside and last.kind is not TokenKind.COMMA else ""
    return Selector(name or quoted, matchers, first.start, tokens[end].end, last.end, separator), end + 1


def closing(expr: str, tokens: Sequence[Token], index: int) -> int:
    """The index of the bracket that closes the one at `tokens[index]`.

    Raises:
        ProblemsError: `promql/syntax`, where there is none, or a bracket of another kind stands in its place.
    """
    expected: list[str] = []
    for position in range(index, len(tokens)):
        token = tokens[position]
        if token.kind is not TokenKind.BRACKET:
            continue
        if token.text in _OPENING:
            expected.append(_OPENING[token.text])
        elif token.text != expected.pop():
            raise _malformed(expr, token, f"`{token.text}` closes a bracket of another kind.")
        if not expected:
            return position
    opening = tokens[index]
    raise _malformed(expr, opening, f"`{opening.text}` is never closed.")


def _is_called(token: Token, following: Token | None) -> bool:
    if following is None:
        return False
    grouped = following.kind is TokenKind.KEYWORD and following.text.lower() in ("by", "without")
    return following.text == "(" or (grouped and token.text.lower() in AGGREGATIONS)


def _read_matchers(expr: str, tokens: Sequence[Token]) -> tuple[Word | None, tuple[Matcher, ...]]:
    """The quoted metric name, if one stands among the matchers, and the matchers."""
    name: Word | None = None
    matchers: list[Matcher] = []
    for item in _split_at_commas(tokens):
        matcher = _matcher(item)
        if matcher is not None and not (matcher.label.text == "__name__" and matcher.op == "="):
            matchers.append(matcher)
        elif matcher is not None:
            name = matcher.value
        elif len(item) == 1 and item[0].kind is TokenKind.STRING:
            name = _word(item[0])
        else:
            joined = _matcher(item[:3]) is not None
            summary = "A comma is missing before this." if joined else "This is not a label matcher."
            raise _malformed(expr, item[3 if joined else 0], summary)
    return name, tuple(matchers)


def _split_at_commas(tokens: Sequence[Token]) -> list[list[Token]]:
    items: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind is TokenKind.COMMA:
            items.append([])
        else:
            items[-1].append(token)
    return [item for item in items if item]


def _matcher(item: Sequence[Token]) -> Matcher | None:
    if len(item) != 3 or item[1].kind is not TokenKind.OPERATOR or item[2].kind is not TokenKind.STRING:
        return None
    return Matcher(_word(item[0]), item[1].text, _word(item[2]))


def _word(token: Token) -> Word:
    text = unquote(token.text) if token.kind is TokenKind.STRING else token.text
    return Word(text, token.start, token.end)


def _malformed(expr: str, token: Token, summary: str) -> ProblemsError:
    return ProblemsError(
        [
            problem_at(
                expr,
                token.start,
                token.end,
                code="promql/syntax",
                summary=summary,
                must='Brackets come in pairs, and braces hold matchers such as symbol="BTC-USD", with commas between.',
                fix="Correct the expression at the caret.",
            )
        ]
    )
