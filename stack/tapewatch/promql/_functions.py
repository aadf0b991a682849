"""What each function does to kind, labels and bounds, and which inputs make no sense for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tapewatch.promql._context import Context, Inferred, Span
from tapewatch.promql._names import names
from tapewatch.promql._vectors import equal_labels
from tapewatch.promql.lexer import Word
from tapewatch.promql.tree import Call, Node, Range, Text, Vector
from tapewatch.promql.universe import Kind, Labels
from tapewatch_sdk.problems import Severity

__all__ = ["check_quantile", "infer_call"]

_RATES = frozenset(("rate", "increase", "irate"))
# Functions that read a counter at chosen moments; with them an exact increase is put together.
_READS = frozenset(("max_over_time", "min_over_time", "last_over_time", "first_over_time"))
# Functions that look at when there are samples, or how they follow each other, and not at the height of the value.
_VALUELESS = names(
    """
    changes resets count_over_time present_over_time timestamp ts_of_first_over_time ts_of_last_over_time
    ts_of_max_over_time ts_of_min_over_time
    """
)
_TRENDS = frozenset(("delta", "idelta", "deriv", "predict_linear"))
_UNCHANGED = frozenset(("sort", "sort_desc", "sort_by_label", "sort_by_label_desc"))
_KEEP_BOUND = _READS | {"avg_over_time", "quantile_over_time"}
_ABSENCE = frozenset(("absent", "absent_over_time"))
_QUANTILES = frozenset(("histogram_quantile", "histogram_quantiles", "histogram_fraction"))
_SCALARS = frozenset(("time", "pi", "start", "end", "step", "range", "max_of", "min_of"))


def infer_call(context: Context, node: Call, arguments: Sequence[Inferred]) -> Inferred:
    """Check a function call, given what its arguments yield, and say what it yields."""
    name = node.function.text
    if name in _SCALARS:
        return Inferred(Kind.SCALAR, Labels())
    if name == "scalar":
        context.report_raw(arguments[0])
        return Inferred(Kind.SCALAR, Labels(), metrics=arguments[0].metrics, upper_bound=arguments[0].upper_bound)
    if name == "vector":
        return Inferred(Kind.GAUGE, Labels(), upper_bound=arguments[0].value)
    vector = next((argument for argument in arguments if argument.is_vector), None)
    if vector is None:  # hour() and its like, without an argument
        return Inferred(Kind.GAUGE, Labels())
    if name in _ABSENCE:
        return replace(vector, kind=Kind.GAUGE, labels=_absent_labels(node.arguments[0]), raw=(), upper_bound=1.0)
    if name in ("label_replace", "label_join"):
        return _relabelled(context, node, vector)
    if name in _QUANTILES:
        return _quantile(context, node, arguments, vector)
    if name == "info":
        return replace(vector, labels=replace(vector.labels, open=True))
    return vector if name in _UNCHANGED else _of_values(context, node, arguments, vector)


def check_quantile(context: Context, place: Span, argument: Inferred) -> None:
    """Report a constant quantile outside 0 to 1, for which the result is an infinity."""
    if argument.value is not None and not 0 <= argument.value <= 1:
        context.report(
            "quantile-range",
            place,
            f"The quantile {argument.value:g} is outside 0 to 1; the result is always an infinity.",
            "A quantile is a share between 0 and 1.",
            f"Write {argument.value / 100:g}." if 1 < argument.value <= 100 else "Use a share such as 0.99.",
        )


def _of_values(context: Context, node: Call, arguments: Sequence[Inferred], vector: Inferred) -> Inferred:
    """Functions of samples and of values: rates, `..._over_time`, trends, mathematics."""
    name = node.function.text
    bound = vector.upper_bound if name in _KEEP_BOUND or vector.is_bucket else None
    result = replace(vector, raw=(), upper_bound=bound)
    if name == "quantile_over_time":
        check_quantile(context, node.arguments[0], arguments[0])
    if name in _RATES or name == "resets":
        _check_counter(context, node.function, vector)
    if name in _RATES or (name in _READS and vector.is_bucket):
        return replace(result, kind=_RATE_OF.get(vector.kind, vector.kind))
    if name in _TRENDS:
        _check_trend(context, node.function, vector)
    elif name not in _READS and name not in _VALUELESS:
        context.report_raw(vector)
        if vector.kind is Kind.BUCKET_RATE:  # rounded or averaged, buckets are still buckets
            return result
    return replace(result, kind=Kind.UNKNOWN if vector.kind is Kind.UNKNOWN else Kind.GAUGE)


_RATE_OF = {Kind.COUNTER: Kind.GAUGE, Kind.BUCKET: Kind.BUCKET_RATE}


def _check_counter(context: Context, function: Word, vector: Inferred) -> None:
    if vector.kind not in (Kind.GAUGE, Kind.BUCKET_RATE):
        return
    context.report(
        "rate-on-gauge",
        function,
        f"`{function.text}` is applied to {_named(vector)}, which is not a counter but a {vector.kind}: "
        "each fall of the value would count as a reset.",
        f"`{function.text}` takes a counter.",
        "Use delta() or deriv() for the change of a gauge, or select a counter.",
    )


def _check_trend(context: Context, function: Word, vector: Inferred) -> None:
    if vector.kind not in (Kind.COUNTER, Kind.BUCKET):
        return
    context.report(
        "trend-of-counter",
        function,
        f"`{function.text}` is applied to the counter {_named(vector)}; a restart makes it jump.",
        f"`{function.text}` takes a gauge.",
        "Use rate() or increase(), which know about resets.",
        Severity.WARNING,
    )


def _named(vector: Inferred) -> str:
    return ", ".join(f"`{name}`" for name in sorted(vector.metrics)) or "the expression"


def _absent_labels(argument: Node) -> Labels:
    inner = argument.inner if isinstance(argument, Range) else argument
    return equal_labels(inner.selector) if isinstance(inner, Vector) else Labels()


def _relabelled(context: Context, node: Call, vector: Inferred) -> Inferred:
    words = [argument.word for argument in node.arguments if isinstance(argument, Text)]
    target, sources = words[0], words[2:3] if node.function.text == "label_replace" else words[2:]
    for source in sources:
        if source.text:
            context.require_label(source, vector, f"`{node.function.text}` reads")
    labels = vector.labels.without((target.text,)).plus((target.text,))
    return replace(vector, labels=replace(labels, open=labels.open or context.is_variable(target)))


def _quantile(context: Context, node: Call, arguments: Sequence[Inferred], vector: Inferred) -> Inferred:
    name = node.function.text
    if name != "histogram_fraction":
        for argument, inferred in zip(node.arguments, arguments, strict=True):
            check_quantile(context, argument, inferred)
    _check_buckets(context, node.function, vector)
    labels = vector.labels.without(("le",))
    if name == "histogram_quantiles" and isinstance(node.arguments[1], Text):
        labels = labels.plus((node.arguments[1].word.text,), sure=True)
    bound = 1.0 if name == "histogram_fraction" else vector.upper_bound if vector.is_bucket else None
    return replace(vector, kind=Kind.GAUGE, labels=labels, raw=(), upper_bound=bound)


def _check_buckets(context: Context, function: Word, vector: Inferred) -> None:
    name = function.text
    if vector.kind in (Kind.GAUGE, Kind.COUNTER):
        context.report(
            "not-a-histogram",
            function,
            f"`{name}` is applied to {_named(vector)}, which has no buckets.",
            f"`{name}` takes the `_bucket` series of a histogram.",
            _bucket_fix(context, vector),
        )
    elif vector.is_bucket and not vector.labels.may_have("le"):
        context.report(
            "quantile-without-le",
            function,
            f"`{name}` needs the label `le`, which {context.drop_of('le')} has removed from {_named(vector)}.",
            "An aggregation of buckets keeps `le`.",
            "Add `le` to its `by` clause.",
        )
    elif vector.kind is Kind.BUCKET:
        context.report(
            "quantile-without-rate",
            function,
            f"`{name}` is applied to the buckets of {_named(vector)} since the start of the program.",
            f"`{name}` takes the increase of buckets over a time.",
            "Put rate(...[5m]) around the bucket selector.",
        )


def _bucket_fix(context: Context, vector: Inferred) -> str:
    for name in sorted(vector.metrics):
        bucket = f"{name.removesuffix('_sum').removesuffix('_count')}_bucket"
        if context.universe.series(bucket) is not None and not bucket.startswith(name):
            return f"Did you mean `{bucket}`?"
    return "Select the `_bucket` series of a declared histogram."
