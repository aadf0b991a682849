"""Binary operators: can the two sides match, can the comparison ever hold, what labels and values are left?"""

from __future__ import annotations

import math
from dataclasses import replace

from tapewatch.promql._context import Context, Inferred
from tapewatch.promql.lexer import Word
from tapewatch.promql.tree import Binary
from tapewatch.promql.universe import Kind, Labels
from tapewatch_sdk.problems import Severity

__all__ = ["infer_binary"]

_COMPARISONS = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
"""Each comparison, and how it reads when the two sides change places."""
_SETS = frozenset(("and", "or", "unless"))


def infer_binary(context: Context, node: Binary, left: Inferred, right: Inferred) -> Inferred:
    """Check an operator, given what its sides yield, and say what it yields."""
    if not left.is_vector and not right.is_vector:
        return Inferred(Kind.SCALAR, Labels(), value=_constant(node.operator.text, left.value, right.value))
    if left.is_vector and right.is_vector:
        _check_matching(context, node, left, right)
    operator = node.operator.text
    if operator in _SETS:
        return _set_operation(operator, left, right)
    if operator in _COMPARISONS:
        _check_threshold(context, node.operator, left, right)
    labels = _labels(context, node, left, right)
    result = _value(context, node, left, right)
    metrics, shifted = left.metrics | right.metrics, left.shifted or right.shifted
    return replace(result, labels=labels, metrics=metrics, shifted=shifted, value=None)


def _value(context: Context, node: Binary, left: Inferred, right: Inferred) -> Inferred:
    """Kind, raw counters and bound of an arithmetic operator or a comparison."""
    operator = node.operator.text
    vector = left if left.is_vector else right
    one_scalar = left.is_vector != right.is_vector
    if one_scalar and operator in ("*", "/") and (left.is_vector or operator == "*"):
        return replace(vector, upper_bound=_scaled(vector, operator, (right if left.is_vector else left).value))
    excused = operator in ("-", *_COMPARISONS) and _same_counter_earlier(left, right)
    if not excused:
        context.report_raw(left)
        context.report_raw(right)
    if operator in _COMPARISONS and not node.returns_bool:
        return replace(vector, raw=())
    if node.returns_bool:
        return Inferred(Kind.GAUGE)
    buckets = _kept_buckets(operator, left, right)
    if buckets is not None:
        return replace(buckets, kind=Kind.BUCKET_RATE, raw=())
    unclear = left.is_bucket or right.is_bucket or Kind.UNKNOWN in (left.kind, right.kind)
    return Inferred(Kind.UNKNOWN if unclear else Kind.GAUGE)


def _kept_buckets(operator: str, left: Inferred, right: Inferred) -> Inferred | None:
    """The side whose buckets are buckets still: of a sum or a difference, or scaled by the other side."""
    if left.is_bucket and right.is_bucket:
        return left if operator in ("+", "-") else None
    if operator == "*" and right.is_bucket:
        return right
    return left if operator in ("*", "/") and left.is_bucket else None


def _same_counter_earlier(left: Inferred, right: Inferred) -> bool:
    """Whether the sides are the same counters at two times: their difference is an increase."""
    return bool(left.raw or right.raw) and left.metrics == right.metrics and (left.shifted or right.shifted)


def _set_operation(operator: str, left: Inferred, right: Inferred) -> Inferred:
    shifted = left.shifted or right.shifted
    if operator == "unless" and right.shifted and left.metrics == right.metrics:
        # A counter that was not there earlier has grown from nothing to its value.
        kind = Kind.BUCKET_RATE if left.is_bucket else left.kind
        return replace(left, raw=(), kind=kind, shifted=shifted)
    if operator != "or":
        return left
    bounds = (left.upper_bound, right.upper_bound)
    return Inferred(
        left.kind if left.kind is right.kind else Kind.UNKNOWN,
        left.labels.union(right.labels),
        left.raw + right.raw,
        left.metrics | right.metrics,
        None if None in bounds else max(bound for bound in bounds if bound is not None),
        shifted=shifted,
    )


def _constant(operator: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    if operator in ("+", "-", "*"):
        return {"+": left + right, "-": left - right, "*": left * right}[operator]
    return left / right if operator == "/" and right else None


def _scaled(vector: Inferred, operator: str, by: float | None) -> float | None:
    if vector.is_bucket:
        return vector.upper_bound  # the counts are scaled, the bounds stay
    if vector.upper_bound is None or by is None or by <= 0:
        return None
    return vector.upper_bound * by if operator == "*" else vector.upper_bound / by


def _check_threshold(context: Context, operator: Word, left: Inferred, right: Inferred) -> None:
    """Report a comparison of something bounded with a constant that it cannot reach."""
    limit, bounded, comparison = right.value, left, operator.text
    if limit is None:
        limit, bounded, comparison = left.value, right, _COMPARISONS[operator.text]
    bound = bounded.upper_bound
    if limit is None or bound is None or bounded.is_bucket or comparison not in (">", ">=", "=="):
        return
    equal = math.isclose(limit, bound, rel_tol=1e-9)
    if equal and comparison != ">":
        context.report(
            "threshold-saturated",
            operator,
            f"The value never exceeds the threshold {limit:g}: whatever is above counts as {bound:g}.",
            "A threshold lies below the highest finite bucket bound.",
            "Declare buckets above the threshold.",
            Severity.WARNING,
        )
    elif equal or limit > bound:
        context.report(
            "threshold-unreachable",
            operator,
            f"This can never fire: the value never exceeds {bound:g}, and the threshold is {limit:g}.",
            "A quantile cannot exceed the highest finite bucket bound, so a threshold lies below it.",
            "Declare buckets above the threshold, or lower the threshold.",
        )


def _check_matching(context: Context, node: Binary, left: Inferred, right: Inferred) -> None:
    matching = node.matching
    if matching.on:
        for label in matching.labels:
            _check_on(context, node, label, left, right)
    else:
        either = replace(left, labels=left.labels.union(right.labels), metrics=left.metrics | right.metrics)
        for label in matching.labels:
            context.require_label(label, either, "`ignoring` leaves out")
        _check_equal_sets(context, node, left, right)
    if matching.group:
        one = right if matching.group == "group_left" else left
        for label in matching.include:
            context.require_label(label, one, f"`{matching.group}` takes over")


def _check_on(context: Context, node: Binary, label: Word, left: Inferred, right: Inferred) -> None:
    has = (left.labels.may_have(label.text), right.labels.may_have(label.text))
    if all(has) or context.is_variable(label) or node.operator.text == "or":
        return
    if not any(has):
        both = replace(left, labels=left.labels.union(right.labels), metrics=left.metrics | right.metrics)
        context.require_label(label, both, "`on` matches on")
        return
    side = "right" if has[0] else "left"
    context.report(
        "match-label-lost",
        label,
        f"`on` matches on `{label.text}`, which the {side} hand of `{node.operator.text}` does not have.",
        "Both sides carry every label that they are matched on, else no pair is found.",
        f"Keep `{label.text}` on the {side} hand, or match on labels that both sides have.",
    )


def _check_equal_sets(context: Context, node: Binary, left: Inferred, right: Inferred) -> None:
    """Report sides that are matched on all labels, while one surely has a label that the other cannot have."""
    if node.operator.text == "or" or node.matching.filled or any(map(context.is_variable, node.matching.labels)):
        return
    ignored = {label.text for label in node.matching.labels}
    for side, has, lacks in (("left", left, right), ("right", right, left)):
        extra = set() if lacks.labels.open else has.labels.sure - lacks.labels.known - ignored
        if extra:
            names = ", ".join(f"`{name}`" for name in sorted(extra))
            context.report(
                "never-matches",
                node.operator,
                f"The sides of `{node.operator.text}` never match: only the {side} hand has {names}.",
                "Without `on` or `ignoring` both sides have exactly the same labels.",
                _matching_fix(node, (left.labels.known & right.labels.known) - ignored),
            )
            return


def _matching_fix(node: Binary, shared: frozenset[str]) -> str:
    if not shared:
        return "Aggregate both sides by the same labels."
    grouped = "" if node.operator.text in _SETS else ", with group_left or group_right where one side has more series"
    return f"Write on({', '.join(sorted(shared))}){grouped}."


def _labels(context: Context, node: Binary, left: Inferred, right: Inferred) -> Labels:
    if not left.is_vector or not right.is_vector:
        return (left if left.is_vector else right).labels
    matching = node.matching
    many, one = (right, left) if matching.group == "group_right" else (left, right)
    if matching.group:
        included = [label for label in matching.include if not context.is_variable(label)]
        labels = many.labels.plus(label.text for label in included)
        return replace(labels, open=labels.open or len(included) < len(matching.include))
    names = [label.text for label in matching.labels]
    unsure = any(map(context.is_variable, matching.labels))
    if matching.on:
        _note_dropped(context, node, many.labels, names)
        return replace(many.labels.keep(names), open=unsure)
    narrower = one.labels if many.labels.open else many.labels
    return narrower.without(names)


def _note_dropped(context: Context, node: Binary, labels: Labels, kept: list[str]) -> None:
    for label in labels.known.difference(kept):
        context.dropped.setdefault(label, Word("on", node.operator.start, node.operator.end))
