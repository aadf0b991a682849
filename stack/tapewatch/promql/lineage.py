"""Lineage: does everything that an expression uses exist, and can the expression do what it is meant for?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tapewatch.promql import grafana as grafana_text
from tapewatch.promql._analysis import analyse
from tapewatch.promql._context import Context, Inferred
from tapewatch.promql.tree import Node, Range, Text, parse
from tapewatch.promql.universe import Kind, RecordedSeries, Universe
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Inferred", "check_expression", "infer", "recorded"]


def check_expression(
    expr: str,
    universe: Universe,
    subject: str,
    *,
    template_labels: Mapping[str, Iterable[str]] | None = None,
    allow_raw_counters: bool = False,
    grafana: bool = False,
    file: str = "",
    line: int = 0,
) -> list[Problem]:
    """Everything that is wrong with an expression, in the order of the text.

    Parameters:
        expr: PromQL; with `grafana`, as a panel has it, with its variables.
        universe: what exists.
        subject: the rule or panel, for the `path` of each finding.
        template_labels: where labels of the result are used (`summary`, `legend`), and which ones.
        allow_raw_counters: for a panel that draws a counter's ever-growing value on purpose.
        file, line: where the first line of the expression stands, if known.

    Returns:
        Problems with codes `lineage/...`, or one `promql/syntax` or `promql/unsupported` for text that does not parse.
    """
    where = Place(file=file, line=line, path=subject)
    variables = grafana_text.variables(expr) if grafana else ()
    context = Context(expr, universe, where, variables, allow_raw_counters)
    try:
        tree = parse(grafana_text.substitute(expr) if grafana else expr)
        result = analyse(context, tree)
    except ProblemsError as error:
        return [_placed(problem, expr, where) for problem in error.problems]
    _check_result(context, tree, result)
    for use, labels in (template_labels or {}).items():
        _check_template(context, tree, result, use, labels)
    return sorted(context.problems, key=lambda problem: (problem.where.line, problem.where.excerpt_column))


def infer(expr: str, universe: Universe) -> Inferred:
    """What an expression yields: kind, labels, bound.

    Raises:
        ProblemsError: where it does not parse.
    """
    return analyse(Context(expr, universe), parse(expr))


def recorded(expr: str, universe: Universe, labels: Iterable[str] = ()) -> RecordedSeries:
    """The series that a recording rule with this expression yields.

    Parameters:
        labels: names of the labels that the rule itself adds.

    Raises:
        ProblemsError: where the expression does not parse.
    """
    result = infer(expr, universe)
    kind = Kind.GAUGE if result.kind is Kind.SCALAR else result.kind
    return RecordedSeries(result.labels.plus(labels, sure=True), kind, result.upper_bound)


def _placed(problem: Problem, expr: str, where: Place) -> Problem:
    """A problem of the parser, with rule or panel, file and line added."""
    above = problem.where.line - 1
    line = where.line + above if where.line else 0
    excerpt = expr.split("\n")[above]
    return replace(problem, where=replace(problem.where, file=where.file, line=line, path=where.path, excerpt=excerpt))


def _check_result(context: Context, tree: Node, result: Inferred) -> None:
    if isinstance(tree, Range | Text):
        what = "a range vector" if isinstance(tree, Range) else "a string"
        context.report(
            "not-instant",
            tree,
            f"The expression yields {what}, which can be neither drawn nor alerted on.",
            "A rule or panel has an expression that yields an instant vector or a scalar.",
            "Put a function such as rate() or last_over_time() around it.",
        )
        return
    context.report_raw(result)


def _check_template(context: Context, tree: Node, result: Inferred, use: str, labels: Iterable[str]) -> None:
    for label in sorted(set(labels)):
        if result.labels.may_have(label):
            continue
        reason = f"{context.drop_of(label)} removes it" if label in context.dropped else "the result does not have it"
        context.report(
            "template-label",
            context.dropped.get(label, tree),
            f"The {use} shows the label `{label}`, but {reason}.",
            f"Only labels of the result can be shown: {', '.join(sorted(result.labels.known)) or 'there are none'}.",
            f"Keep `{label}` in the expression, or leave it out of the {use}.",
        )
