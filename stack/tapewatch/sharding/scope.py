"""Whether an expression looks at one service at a time, so that a Prometheus that has some of them can evaluate it.

It does when every series of its result carries `service`, and comes from series of that very service. What adds up,
compares or counts over services does not; neither does what asks whether something is absent, since on every other
shard it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tapewatch.promql.lexer import Word
from tapewatch.promql.tree import Aggregation, Binary, Call, Negated, Node, Number, Range, Text, Vector, parse

__all__ = ["reason_for_all"]

_LABEL = "service"

_ABSENCE = frozenset(("absent", "absent_over_time"))
_RELABELLING = frozenset(("label_replace", "label_join"))
_CONSTANTS = frozenset(("time", "pi", "start", "end", "step", "range", "max_of", "min_of", "vector"))
_SETS = frozenset(("and", "or", "unless"))


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a part of an expression sees.

    Parameters:
        reason: why it sees more than one service, in words; empty when it does not.
        constant: whether it sees no service at all.
    """

    reason: str = ""
    constant: bool = False


_EACH, _NONE = _Scope(), _Scope(constant=True)


def reason_for_all(expr: str, elsewhere: Mapping[str, str] | None = None) -> str:
    """Why an expression needs all services at once, in words; empty when it looks at one at a time.

    Parameters:
        expr: plain PromQL.
        elsewhere: recorded series that the shards do not have, each with the reason.

    Raises:
        ProblemsError: it does not parse.
    """
    found = _scope(parse(expr), elsewhere or {})
    return found.reason or ("its result has no `service`" if found.constant else "")


def _scope(node: Node, elsewhere: Mapping[str, str]) -> _Scope:
    match node:
        case Number() | Text():
            return _NONE
        case Vector():
            names = [name for name in node.selector.names if name in elsewhere]
            return _Scope(f"it reads `{names[0]}`, which sees several services") if names else _EACH
        case Range() | Negated():
            return _scope(node.inner, elsewhere)
        case Call():
            return _call(node, [_scope(each, elsewhere) for each in node.arguments])
        case Aggregation():
            return _aggregation(node, elsewhere)
        case Binary():
            return _binary(node, _scope(node.left, elsewhere), _scope(node.right, elsewhere))
    raise AssertionError(f"a node of an unknown type: {node}")


def _call(node: Call, arguments: list[_Scope]) -> _Scope:
    name = node.function.text
    if wide := next((each for each in arguments if each.reason), None):
        return wide
    if name in _ABSENCE:
        return _Scope(f"`{name}` holds on every shard that lacks the service")
    if all(each.constant for each in arguments):
        return _NONE
    if name == "scalar":
        return _Scope("`scalar` makes one number of all services")
    if name in _RELABELLING and _words(node)[:1] == [_LABEL]:
        return _Scope(f"`{name}` gives series another `{_LABEL}`")
    return _EACH


def _words(node: Call) -> list[str]:
    return [each.word.text for each in node.arguments if isinstance(each, Text)]


def _aggregation(node: Aggregation, elsewhere: Mapping[str, str]) -> _Scope:
    inner = _scope(node.inner, elsewhere)
    parameter = _scope(node.parameter, elsewhere) if node.parameter else _NONE
    if inner.reason or inner.constant or parameter.reason:
        return parameter if parameter.reason else inner
    grouping = node.grouping
    named = grouping is not None and _LABEL in _texts(grouping.labels)
    if grouping is not None and grouping.without != named:
        return _EACH
    return _Scope(f"`{node.operator.text}` does not keep `{_LABEL}`")


def _binary(node: Binary, left: _Scope, right: _Scope) -> _Scope:
    if wide := next((each for each in (left, right) if each.reason), None):
        return wide
    if left.constant and right.constant:
        return _NONE
    if left.constant or right.constant:
        return _with_constant(node, left)
    named = _LABEL in _texts(node.matching.labels)
    if node.matching.on != named:
        return _Scope(f"`{node.operator.text}` matches series of different services")
    return _EACH


def _with_constant(node: Binary, left: _Scope) -> _Scope:
    """A number leaves the services apart. A vector without labels, as of `vector(1)`, may not."""
    operator, matching = node.operator.text, node.matching
    if not _is_vector(node.left if left.constant else node.right):
        return _EACH
    kept_side = "group_right" if left.constant else "group_left"
    if operator in _SETS:
        if not left.constant and operator != "or":
            return _EACH
    elif matching.group == kept_side:
        return _EACH
    return _Scope(f"`{operator}` joins the services with one value for all")


def _is_vector(node: Node) -> bool:
    """Whether what sees no service is a vector, and no scalar."""
    match node:
        case Call():
            return node.function.text not in _CONSTANTS - {"vector"} and node.function.text != "scalar"
        case Aggregation():
            return True
        case Binary():
            return _is_vector(node.left) or _is_vector(node.right)
        case Negated():
            return _is_vector(node.inner)
    return False


def _texts(words: tuple[Word, ...]) -> list[str]:
    return [word.text for word in words]
