"""PromQL expressions as a tree whose nodes know where they stand in the text.

The parser decides what the tree is; its nodes carry no positions, so the tokens are followed in step with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import promql_parser as ast

from tapewatch.promql._problem import problem_at
from tapewatch.promql.lexer import Token, TokenKind, Word, unquote
from tapewatch.promql.selector import Selector, read_selector
from tapewatch.promql.syntax import parse_ast
from tapewatch_sdk.errors import ProblemsError

__all__ = [
    "Aggregation",
    "Binary",
    "Call",
    "Grouping",
    "Matching",
    "Negated",
    "Node",
    "Number",
    "Range",
    "Text",
    "Vector",
    "parse",
]


@dataclass(frozen=True, slots=True)
class Node:
    """Any node; `start` and `end` are its offsets in the text. Parentheses leave no node of their own."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number literal, its sign included."""

    value: float


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A string literal."""

    word: Word


@dataclass(frozen=True, slots=True)
class Negated(Node):
    """An expression with a minus before it."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Vector(Node):
    """An instant vector selector. `shifted` tells whether an offset or `@` moves it in time."""

    selector: Selector
    shifted: bool


@dataclass(frozen=True, slots=True)
class Range(Node):
    """A range vector: a selector with a range, or a subquery."""

    inner: Node
    shifted: bool


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function call."""

    function: Word
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Grouping:
    """A `by` or `without` clause."""

    without: bool
    labels: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Aggregation(Node):
    """An aggregation; `operator.text` is in lower case."""

    operator: Word
    parameter: Node | None
    inner: Node
    grouping: Grouping | None


@dataclass(frozen=True, slots=True)
class Matching:
    """How the two sides of an operator are matched.

    Parameters:
        on: whether `labels` are the ones to match on; else they are ignored. Without a clause: False and no labels.
        group: `group_left`, `group_right` or empty.
        include: labels that are taken over from the side with one series.
        filled: whether `fill` gives a series without a partner a value.
    """

    on: bool = False
    labels: tuple[Word, ...] = ()
    group: str = ""
    include: tuple[Word, ...] = ()
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """An operator between two expressions; `operator.text` is in lower case."""

    operator: Word
    left: Node
    right: Node
    matching: Matching
    returns_bool: bool


def parse(expr: str) -> Node:
    """The tree of an expression.

    Raises:
        ProblemsError: `promql/syntax` or `promql/unsupported`, with the place in `expr`.
    """
    root, tokens = parse_ast(expr)
    try:
        return _Follower(expr, tokens).node(root)
    except RecursionError:
        summary = "The expression is nested too deeply."
        fix = "Split it with recording rules."
        raise ProblemsError([problem_at(expr, 0, 1, code="promql/unsupported", summary=summary, fix=fix)]) from None


class _Follower:
    """Walks over the tokens in the order in which the parser's tree mentions them."""

    def __init__(self, expr: str, tokens: Sequence[Token]) -> None:
        self._expr = expr
        self._tokens = tokens
        self._index = 0
        self._readers: dict[type, Any] = {
            ast.ParenExpr: self._paren,
            ast.UnaryExpr: self._unary,
            ast.NumberLiteral: self._number,
            ast.StringLiteral: self._string,
            ast.VectorSelector: self._vector,
            ast.MatrixSelector: self._matrix,
            ast.SubqueryExpr: self._subquery,
            ast.Call: self._call,
            ast.AggregateExpr: self._aggregation,
            ast.BinaryExpr: self._binary,
        }

    def node(self, tree: Any) -> Node:
        node: Node = self._readers[type(tree)](tree)
        return node

    def _peek(self) -> str:
        return self._tokens[self._index].text.lower() if self._index < len(self._tokens) else ""

    def _take(self) -> Token:
        self._index += 1
        return self._tokens[self._index - 1]

    def _skip_signs(self) -> int:
        """Pass signs; the offset of what comes first."""
        start = self._tokens[self._index].start
        while self._peek() in ("+", "-"):
            self._take()
        return start

    def _paren(self, tree: Any) -> Node:
        self._skip_signs()
        self._take()
        inner = self.node(tree.expr)
        self._take()
        return inner

    def _unary(self, tree: Any) -> Node:
        start = self._skip_signs()
        inner = self.node(tree.expr)
        return Negated(start, inner.end, inner)

    def _number(self, tree: Any) -> Node:
        start = self._skip_signs()
        depth = 0
        while self._peek() == "(":  # the parser folds -(1) into one number
            self._take()
            depth += 1
            self._skip_signs()
        end = self._take().end
        for _ in range(depth):
            end = self._take().end
        return Number(start, end, float(tree.val))

    def _string(self, tree: Any) -> Node:
        token = self._take()
        return Text(token.start, token.end, Word(unquote(token.text), token.start, token.end))

    def _vector(self, tree: Any) -> Node:
        self._skip_signs()
        selector, self._index = read_selector(self._expr, self._tokens, self._index)
        return Vector(selector.start, selector.end, selector, self._modifiers())

    def _matrix(self, tree: Any) -> Node:
        inner = self._vector(tree.vector_selector)
        return self._range(inner)

    def _subquery(self, tree: Any) -> Node:
        return self._range(self.node(tree.expr))

    def _range(self, inner: Node) -> Node:
        while self._take().text != "]":
            pass
        end = self._tokens[self._index - 1].end
        return Range(inner.start, end, inner, self._modifiers())

    def _modifiers(self) -> bool:
        """Pass `offset` and `@` with what belongs to them; whether there was one."""
        found = False
        while self._peek() in ("offset", "@"):
            found = True
            self._take()
            self._skip_signs()
            if self._take().text.lower() in ("start", "end"):
                self._index += 2
        return found

    def _call(self, tree: Any) -> Node:
        self._skip_signs()
        name = self._take()
        self._take()
        arguments = []
        for argument in tree.args:
            arguments.append(self.node(argument))
            if self._peek() == ",":
                self._take()
        end = self._take().end
        return Call(name.start, end, Word(name.text.lower(), name.start, name.end), tuple(arguments))

    def _aggregation(self, tree: Any) -> Node:
        self._skip_signs()
        name = self._take()
        grouping = self._grouping()
        self._take()
        parameter = None
        if tree.param is not None:
            parameter = self.node(tree.param)
            self._take()
        inner = self.node(tree.expr)
        if self._peek() == ",":
            self._take()
        end = self._take().end
        grouping = grouping or self._grouping()
        return Aggregation(name.start, end, Word(name.text.lower(), name.start, name.end), parameter, inner, grouping)

    def _grouping(self) -> Grouping | None:
        if self._peek() not in ("by", "without"):
            return None
        without = self._take().text.lower() == "without"
        return Grouping(without, self._label_list())

    def _binary(self, tree: Any) -> Node:
        left = self.node(tree.lhs)
        token = self._take()
        matching, returns_bool = self._matching()
        right = self.node(tree.rhs)
        operator = Word(token.text.lower(), token.start, token.end)
        return Binary(left.start, right.end, operator, left, right, matching, returns_bool)

    def _matching(self) -> tuple[Matching, bool]:
        returns_bool = self._peek() == "bool"
        if returns_bool:
            self._take()
        on, filled, group = False, False, ""
        labels: tuple[Word, ...] = ()
        include: tuple[Word, ...] = ()
        while self._peek() in ("on", "ignoring", "group_left", "group_right", "fill", "fill_left", "fill_right"):
            clause = self._take().text.lower()
            words = self._label_list() if self._peek() == "(" else ()
            if clause in ("on", "ignoring"):
                on, labels = clause == "on", words
            elif clause.startswith("group"):
                group, include = clause, words
            else:
                filled = True
        return Matching(on, labels, group, include, filled), returns_bool

    def _label_list(self) -> tuple[Word, ...]:
        """The names between the next parentheses, which are passed."""
        self._take()
        words = []
        while (token := self._take()).text != ")":
            if token.kind is not TokenKind.COMMA:
                text = unquote(token.text) if token.kind is TokenKind.STRING else token.text
                words.append(Word(text, token.start, token.end))
        return tuple(words)
