"""Checks of one vector selector: does its metric exist, has it these labels, does that service emit it?"""

from __future__ import annotations

from tapewatch.promql._context import Context, Inferred, Span, nearest
from tapewatch.promql.lexer import Word
from tapewatch.promql.selector import Matcher, Selector, plain_alternatives
from tapewatch.promql.tree import Vector
from tapewatch.promql.universe import Kind, Labels, Series

__all__ = ["equal_labels", "infer_vector"]

_DRILL = "drill-"
"""Services of this prefix exist only while a drill of an alert runs."""


def infer_vector(context: Context, node: Vector) -> Inferred:
    """Check a selector and say what it yields."""
    selector = node.selector
    place = _name_place(selector)
    names = () if place is None or context.is_variable(place) else selector.names
    found = [context.universe.series(name) for name in names]
    for name, series in zip(names, found, strict=True):
        if series is None and place is not None:
            _report_unknown(context, place, name)
    known = [series for series in found if series is not None]
    result = _merged(known) if known and len(known) == len(found) else Inferred(Kind.UNKNOWN)
    source = Inferred(result.kind, result.labels, metrics=frozenset(names), upper_bound=result.upper_bound)
    for matcher in selector.matchers:
        _check_matcher(context, matcher, source, known)
    raw = tuple(Word(name, place.start, place.end) for name in names) if place is not None else ()
    return Inferred(
        source.kind,
        _narrowed(context, source.labels, selector),
        raw if source.kind in (Kind.COUNTER, Kind.BUCKET) else (),
        source.metrics,
        source.upper_bound,
        shifted=node.shifted,
    )


def equal_labels(selector: Selector) -> Labels:
    """The labels that `absent()` of this selector carries: those that one matcher sets equal to a value."""
    names = [matcher.label.text for matcher in selector.matchers]
    return Labels.of(
        *(
            matcher.label.text
            for matcher in selector.matchers
            if matcher.op == "=" and matcher.value.text and names.count(matcher.label.text) == 1
        )
    )


def _name_place(selector: Selector) -> Word | None:
    if selector.name is not None:
        return selector.name
    return next((matcher.value for matcher in selector.matchers if matcher.label.text == "__name__"), None)


def _report_unknown(context: Context, place: Span, name: str) -> None:
    universe = context.universe
    family = universe.families.get(name)
    near = universe.nearest(name)
    fix = f"Did you mean `{near}`?" if near else "Declare it in the catalogue, or use a metric that is declared."
    if family is not None:
        fix = f"`{name}` is a histogram, whose samples are {', '.join(f'`{each}`' for each in family.series_names)}."
    context.report(
        "unknown-metric",
        place,
        f"Nothing emits the metric `{name}`.",
        "A metric is declared in the catalogue, recorded by a rule, or one of the servers' own.",
        fix,
    )


def _merged(series: list[Series]) -> Inferred:
    """What a selector yields that selects any of these."""
    labels = series[0].labels
    for other in series[1:]:
        labels = labels.union(other.labels)
    kinds = {each.kind for each in series}
    bounds = [each.upper_bound for each in series]
    known = [bound for bound in bounds if bound is not None]
    return Inferred(
        kinds.pop() if len(kinds) == 1 else Kind.UNKNOWN,
        labels,
        upper_bound=max(known) if len(known) == len(bounds) else None,
    )


def _narrowed(context: Context, labels: Labels, selector: Selector) -> Labels:
    """The labels, after what the matchers say of them: set for sure, or surely not there."""
    for matcher in selector.matchers:
        if matcher.op != "=" or matcher.label.text == "__name__" or context.is_variable(matcher.value):
            continue
        name = (matcher.label.text,)
        labels = labels.plus(name, sure=True) if matcher.value.text else labels.without(name)
    return labels


def _check_matcher(context: Context, matcher: Matcher, source: Inferred, series: list[Series]) -> None:
    label = matcher.label
    if label.text == "__name__" or (matcher.op == "=" and not matcher.value.text):
        return
    context.require_label(label, source, "The selector asks for")
    if label.text == "service" and not context.is_variable(matcher.value):
        for service in plain_alternatives(matcher):
            _check_service(context, matcher.value, service, series)


def _check_service(context: Context, place: Word, service: str, series: list[Series]) -> None:
    emits = context.universe.emits
    if not emits or service.startswith(_DRILL):
        return
    if service not in emits:
        context.report(
            "unknown-service",
            place,
            f"The catalogue has no service `{service}`.",
            f"A selector names services of the catalogue: {', '.join(sorted(emits))}.",
            nearest(service, emits, "Add the service to the catalogue, or name one that is there."),
        )
        return
    for each in series:
        if each.domain and each.domain not in emits[service]:
            emitters = sorted(name for name, domains in emits.items() if each.domain in domains)
            context.report(
                "not-emitted",
                place,
                f"The service `{service}` does not emit `{each.name}`: it lacks the domain `{each.domain}`.",
                "A selector for a service names a metric of a domain that this service emits.",
                f"Select {' or '.join(emitters)}." if emitters else f"Let a service emit the domain `{each.domain}`.",
            )
