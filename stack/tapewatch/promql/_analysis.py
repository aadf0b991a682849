"""From the leaves of an expression upwards: what each part yields, with every check on the way."""

from __future__ import annotations

from dataclasses import replace

from tapewatch.promql._context import Context, Inferred
from tapewatch.promql._functions import check_quantile, infer_call
from tapewatch.promql._operators import infer_binary
from tapewatch.promql._problem import problem_at
from tapewatch.promql._vectors import infer_vector
from tapewatch.promql.tree import Aggregation, Binary, Call, Negated, Node, Number, Range, Text, Vector
from tapewatch.promql.universe import Kind, Labels
from tapewatch_sdk.errors import ProblemsError

__all__ = ["analyse"]

# Aggregations that choose among the series of a group, and so keep their labels.
_CHOOSING = frozenset(("topk", "bottomk", "limitk", "limit_ratio"))
_VALUELESS = frozenset(("count", "group"))
# Of these the result is a value of the input, or lies between two of them, so bounds hold and counters stay counters.
_WITHIN = _CHOOSING | {"min", "max", "avg"}


def analyse(context: Context, tree: Node) -> Inferred:
    """Check a whole expression; findings go to the context.

    Raises:
        ProblemsError: `promql/unsupported`, where it is nested too deeply.
    """
    try:
        return _infer(context, tree)
    except RecursionError:
        summary = "The expression is nested too deeply to be checked."
        fix = "Split it with recording rules."
        raise ProblemsError(
            [problem_at(context.expr, tree.start, tree.end, code="promql/unsupported", summary=summary, fix=fix)]
        ) from None


def _infer(context: Context, node: Node) -> Inferred:
    match node:
        case Vector():
            return infer_vector(context, node)
        case Number():
            return Inferred(Kind.SCALAR, Labels(), value=None if context.is_variable(node) else node.value)
        case Text():
            return Inferred(Kind.STRING, Labels())
        case Range():
            inner = _infer(context, node.inner)
            return replace(inner, shifted=inner.shifted or node.shifted)
        case Negated():
            inner = _infer(context, node.inner)
            return replace(inner, upper_bound=None, value=None if inner.value is None else -inner.value)
        case Call():
            return _infer_call(context, node)
        case Aggregation():
            return _infer_aggregation(context, node)
        case Binary():
            return infer_binary(context, node, _infer(context, node.left), _infer(context, node.right))
    raise AssertionError(f"a node of an unknown type: {node}")


def _infer_call(context: Context, node: Call) -> Inferred:
    # The second argument of info() selects labels of info metrics; it is no selector of its own.
    arguments = node.arguments[:1] if node.function.text == "info" else node.arguments
    return infer_call(context, node, [_infer(context, argument) for argument in arguments])


def _infer_aggregation(context: Context, node: Aggregation) -> Inferred:
    inner = _infer(context, node.inner)
    operator = node.operator.text
    if node.parameter is not None:
        parameter = _infer(context, node.parameter)
        if operator == "quantile":
            check_quantile(context, node.parameter, parameter)
    labels = _grouped(context, node, inner)
    if operator in _VALUELESS:
        return replace(inner, kind=Kind.GAUGE, labels=labels, raw=(), upper_bound=None)
    if operator in _WITHIN or operator == "sum":
        bound = inner.upper_bound if operator in _WITHIN or inner.is_bucket else None
        return replace(inner, labels=labels, upper_bound=bound)
    context.report_raw(inner)
    bound = inner.upper_bound if operator == "quantile" else None
    return replace(inner, kind=Kind.GAUGE, labels=labels, raw=(), upper_bound=bound)


def _grouped(context: Context, node: Aggregation, inner: Inferred) -> Labels:
    """The labels that are left; each label of the clause must be there to begin with."""
    grouping = node.grouping
    words = grouping.labels if grouping else ()
    for word in words:
        context.require_label(word, inner, f"`{node.operator.text}` groups by" if _by(node) else "`without` removes")
    if node.operator.text in _CHOOSING:
        return inner.labels
    names = [word.text for word in words]
    left = inner.labels.keep(names) if _by(node) else inner.labels.without(names)
    left = replace(left, open=left.open or (_by(node) and any(map(context.is_variable, words))))
    for label in inner.labels.known - left.known:
        context.dropped[label] = node.operator
    if node.operator.text == "count_values" and isinstance(node.parameter, Text):
        left = left.plus((node.parameter.word.text,), sure=True)
    return left


def _by(node: Aggregation) -> bool:
    """Whether only named labels stay; without a clause none does."""
    return node.grouping is None or not node.grouping.without
