"""Every way in which we know to damage a PromQL expression, as edits of its text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from tapewatch.promql.duration import durations, format_duration
from tapewatch.promql.lexer import TokenKind, Word, significant, tokenize
from tapewatch.promql.selector import Matcher, Selector, closing
from tapewatch.promql.tree import Aggregation, Binary, Call, Negated, Node, Number, Range, Vector, parse
from tapewatch.proving.mutation._numbers import changed_numbers

__all__ = ["Edit", "Mutation", "Span", "mutations"]

Span = tuple[int, int]

_COMPARATORS = {
    ">": ("<", ">="),
    "<": (">", "<="),
    ">=": ("<=", ">"),
    "<=": (">=", "<"),
    "==": ("!=",),
    "!=": ("==",),
}
_ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*"}
_AGGREGATIONS = {"sum": ("max",), "max": ("min", "sum"), "min": ("max",), "avg": ("max",), "count": ("sum",)}
_FUNCTIONS = {"max_over_time": "min_over_time", "min_over_time": "max_over_time"}
_NEGATED = {"=": "!=", "!=": "=", "=~": "!~", "!~": "=~"}
_TRANSPARENT = frozenset(("abs", "ceil", "clamp", "clamp_max", "clamp_min", "floor", "label_replace", "round", "sgn"))
"""Functions that can be left out: their first argument is an instant vector, as their result is."""
_ALTERNATIVES = re.compile(r"[^|()\[\]\\]+(?:\|[^|()\[\]\\]+)+")


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of the text from `start` to `end`."""

    start: int
    end: int
    text: str = ""

    def apply(self, text: str) -> str:
        """The text with the replacement made."""
        return text[: self.start] + self.text + text[self.end :]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One damage to one expression.

    Parameters:
        kind: `comparator`, `matcher`, ...
        name: `comparator#2:>→>=`: the second comparator of the expression, and what becomes of it.
        edit: the change of the text.
    """

    kind: str
    name: str
    edit: Edit


@dataclass(frozen=True, slots=True)
class _Found:
    kind: str
    at: int
    change: str
    edit: Edit


def mutations(expr: str, fixed: Sequence[Span] = (), macros: Collection[str] = ()) -> tuple[Mutation, ...]:
    """All mutations of an expression, in the order of the text.

    Parameters:
        expr: PromQL, with calls of macros.
        fixed: spans whose numbers and durations come from parameters, and are mutated there.
        macros: names of the macros; each takes a range first and yields a vector, as `rate` does.
    """
    found = sorted(_Finder(expr, fixed, macros).all(), key=lambda each: each.at)
    sites: dict[str, dict[int, int]] = defaultdict(dict)
    for each in found:
        sites[each.kind].setdefault(each.at, len(sites[each.kind]) + 1)
    return tuple(
        Mutation(each.kind, f"{each.kind}#{sites[each.kind][each.at]}:{each.change}", each.edit) for each in found
    )


class _Finder:
    """One search of one expression."""

    def __init__(self, expr: str, fixed: Sequence[Span], macros: Collection[str]) -> None:
        self._expr = expr
        self._fixed = fixed
        self._macros = macros
        self._tokens = significant(tokenize(expr))
        self._starts = {token.start: index for index, token in enumerate(self._tokens)}
        self._ends = {token.end: index for index, token in enumerate(self._tokens)}

    def all(self) -> Iterator[_Found]:
        plain = self._expr
        for index in range(len(self._tokens)):
            if self._is_macro(index, plain):
                yield from self._macro(index)
                plain = self._as_rate(plain, index)
        for node in _walk(parse(plain)):
            yield from self._node(node)
        yield from self._durations(plain)

    def _is_free(self, start: int, end: int) -> bool:
        return not any(first <= start and end <= last for first, last in self._fixed)

    def _node(self, node: Node) -> Iterator[_Found]:
        match node:
            case Binary():
                yield from self._binary(node)
            case Aggregation():
                yield from self._aggregation(node)
            case Call():
                yield from self._call(node)
            case Vector():
                yield from self._matchers(node.selector)
            case Number() if self._is_free(node.start, node.end):
                for text in changed_numbers(node.value):
                    change = f"{self._expr[node.start : node.end]}→{text}"
                    yield _Found("number", node.start, change, Edit(node.start, node.end, text))

    def _binary(self, node: Binary) -> Iterator[_Found]:
        operator = node.operator
        for other in _COMPARATORS.get(operator.text, ()):
            yield _swap("comparator", operator, other)
        if operator.text in _ARITHMETIC and not _is_zero(node.left):  # 0 / x is 0 as well
            yield _swap("arithmetic", operator, _ARITHMETIC[operator.text])
        if operator.text in ("and", "unless"):
            yield _swap("set", operator, "unless" if operator.text == "and" else "and")
        if operator.text in ("and", "unless", "or"):
            start, end = self._outer(node.left)[0], self._outer(node.right)[1]
            yield _Found("set", operator.start, f"{operator.text}→left", Edit(self._outer(node.left)[1], end))
            yield _Found("set", operator.start, f"{operator.text}→right", Edit(start, self._outer(node.right)[0]))
        clause = "on" if node.matching.on else "ignoring"
        yield from self._words(clause, operator.start, node.matching.labels)
        yield from self._words(node.matching.group, operator.start, node.matching.include)

    def _aggregation(self, node: Aggregation) -> Iterator[_Found]:
        for other in _AGGREGATIONS.get(node.operator.text, ()):
            yield _swap("aggregation", node.operator, other)
        if node.grouping:
            clause = "without" if node.grouping.without else "by"
            yield from self._words(clause, node.operator.start, node.grouping.labels)

    def _call(self, node: Call) -> Iterator[_Found]:
        name = node.function
        if name.text in _FUNCTIONS:
            yield _swap("function", name, _FUNCTIONS[name.text])
        if name.text in _TRANSPARENT:
            start, end = self._outer(node.arguments[0], (name.end + 1, node.end - 1))
            edit = Edit(node.start, node.end, f"({self._expr[start:end]})")
            yield _Found("function", name.start, f"{name.text} dropped", edit)

    def _matchers(self, selector: Selector) -> Iterator[_Found]:
        for matcher in selector.matchers:
            start, end = matcher.label.start, matcher.value.end
            label = matcher.label.text
            if label != "__name__":  # without which, or with its opposite, everything would be selected
                operator = Edit(matcher.label.end, matcher.value.start, _NEGATED[matcher.op])
                yield _Found("matcher", start, f"{label} dropped", self._without(start, end))
                yield _Found("matcher", start, f"{label} negated", operator)
            if self._is_free(matcher.value.start + 1, matcher.value.end - 1):
                yield from _alternatives(matcher)

    def _words(self, clause: str, at: int, words: Sequence[Word]) -> Iterator[_Found]:
        for word in words:
            yield _Found(clause, at, f"without {word.text}", self._without(word.start, word.end))

    def _without(self, start: int, end: int) -> Edit:
        """Leave an item of a list out, together with a comma."""
        index = self._ends[end] + 1
        if self._tokens[index].kind is TokenKind.COMMA:
            return Edit(start, self._tokens[index + 1].start)
        before = self._tokens[self._starts[start] - 1]
        return Edit(before.start if before.kind is TokenKind.COMMA else start, end)

    def _durations(self, plain: str) -> Iterator[_Found]:
        for literal in durations(plain):
            before = self._tokens[self._starts[literal.start] - 1]
            signed = before.text in ("-", "+")
            keyword = self._tokens[self._starts[literal.start] - 2] if signed else before
            kind = "offset" if keyword.text.lower() == "offset" else "range"
            if kind == "offset":
                yield _Found(kind, literal.start, "dropped", Edit(keyword.start, literal.end))
            if self._is_free(literal.start, literal.end):
                length = int(literal.milliseconds)
                double = Edit(literal.start, literal.end, format_duration(length * 2))
                yield _Found(kind, literal.start, "*2", double)
                if kind == "range":
                    half = Edit(literal.start, literal.end, format_duration(max(length // 2, 1)))
                    yield _Found(kind, literal.start, "/2", half)

    def _outer(self, node: Node, within: Span | None = None) -> Span:
        """Where an operand or an argument stands, with the parentheses around it alone.

        Parameters:
            node: the operand; an operator beside it keeps it apart from the brackets of a call.
            within: for an argument, what stands between the brackets of its call.
        """
        start, end = self._span(node)
        first, last = self._starts[start], self._ends[end]
        lowest, highest = within or (0, len(self._expr))
        while (
            first > 0
            and last + 1 < len(self._tokens)
            and (self._tokens[first - 1].text, self._tokens[last + 1].text) == ("(", ")")
            and self._tokens[first - 1].start >= lowest
            and self._tokens[last + 1].end <= highest
        ):
            first, last = first - 1, last + 1
        return self._tokens[first].start, self._tokens[last].end

    def _span(self, node: Node) -> Span:
        """Where a node stands, with the parentheses that belong to its first and last operand."""
        match node:
            case Binary():
                return self._outer(node.left)[0], self._outer(node.right)[1]
            case Negated():
                return node.start, self._outer(node.inner)[1]
            case Range(inner=Vector()):
                return node.start, self._behind_modifiers(node.end)
            case Range():
                return self._outer(node.inner)[0], self._behind_modifiers(node.end)
            case Vector():
                return node.start, self._behind_modifiers(node.end)
        return node.start, node.end

    def _behind_modifiers(self, end: int) -> int:
        """Where a selector ends together with `offset 5m` and `@ end()`."""
        last = self._ends[end]
        while last + 1 < len(self._tokens) and self._tokens[last + 1].text.lower() in ("offset", "@"):
            last += 2
            while self._tokens[last].text in ("+", "-"):
                last += 1
            if self._tokens[last].text.lower() in ("start", "end"):
                last += 2
        return self._tokens[last].end

    def _macro(self, index: int) -> Iterator[_Found]:
        name, (first, *further) = self._tokens[index], self._arguments(index)
        close = self._tokens[closing(self._expr, self._tokens, index + 1)]
        plain = f"increase({self._expr[slice(*first)]})"
        yield _Found("macro", name.start, f"{name.text}→increase", Edit(name.start, close.end, plain))
        before = first
        for number, argument in enumerate(further, 2):
            yield _Found("macro", name.start, f"argument {number} dropped", Edit(before[1], argument[1]))
            before = argument

    def _as_rate(self, plain: str, index: int) -> str:
        """A call of a macro as a call of the same length that the parser knows."""
        name, (first, *_) = self._tokens[index], self._arguments(index)
        close = self._tokens[closing(self._expr, self._tokens, index + 1)]
        call = "rate".ljust(name.end - name.start) + plain[name.end : first[1]]
        return plain[: name.start] + call.ljust(close.start - name.start) + plain[close.start :]

    def _is_macro(self, index: int, plain: str) -> bool:
        token = self._tokens[index]
        called = index + 1 < len(self._tokens) and self._tokens[index + 1].text == "("
        return called and token.text in self._macros and plain[token.start : token.end] == token.text

    def _arguments(self, index: int) -> list[Span]:
        """Where the arguments of a call stand."""
        close = closing(self._expr, self._tokens, index + 1)
        spans, first, depth = [], index + 2, 0
        for position in range(first, close + 1):
            token = self._tokens[position]
            if position == close or (depth == 0 and token.kind is TokenKind.COMMA):
                spans.append((self._tokens[first].start, self._tokens[position - 1].end))
                first = position + 1
            elif token.kind is TokenKind.BRACKET:
                depth += 1 if token.text in "([{" else -1
        return spans


def _walk(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case Binary():
            inner: tuple[Node, ...] = (node.left, node.right)
        case Aggregation():
            inner = (node.inner, *([node.parameter] if node.parameter else []))
        case Call():
            inner = node.arguments
        case Range() | Negated():
            inner = (node.inner,)
        case _:
            inner = ()
    for each in inner:
        yield from _walk(each)


def _is_zero(node: Node) -> bool:
    return isinstance(node, Number) and node.value == 0


def _swap(kind: str, word: Word, other: str) -> _Found:
    return _Found(kind, word.start, f"{word.text}→{other}", Edit(word.start, word.end, other))


def _alternatives(matcher: Matcher) -> Iterator[_Found]:
    """One alternative of `a|b|c` left out."""
    text = matcher.value.text
    if matcher.op in ("=~", "!~") and _ALTERNATIVES.fullmatch(text):
        parts = text.split("|")
        for index, part in enumerate(parts):
            others = "|".join(parts[:index] + parts[index + 1 :])
            change = f"{matcher.label.text} without {part}"
            edit = Edit(matcher.value.start, matcher.value.end, f'"{others}"')
            yield _Found("matcher", matcher.label.start, change, edit)
