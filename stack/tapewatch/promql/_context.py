"""What a check of one expression carries along: the universe, the findings so far, and what is known of a result."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tapewatch.promql._problem import problem_at
from tapewatch.promql.lexer import Word
from tapewatch.promql.universe import ANY_LABELS, Kind, Labels, Universe
from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = ["Context", "Inferred", "Span", "nearest"]


class Span(Protocol):
    """Anything that knows where it stands in the expression."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Inferred:
    """What is known of the result of an expression.

    Parameters:
        kind: what its values are.
        labels: which labels its series carry.
        raw: the counters (where they stand) whose ever-growing value is the value of the result, or a sum of such.
        metrics: the names of all metrics from which values or labels come.
        upper_bound: what the value cannot exceed, or for buckets the highest finite bound; None when there is none.
        value: the value of a constant scalar; None for everything else.
        shifted: whether a selector in it is moved by an offset or `@`.
    """

    kind: Kind
    labels: Labels = ANY_LABELS
    raw: tuple[Word, ...] = ()
    metrics: frozenset[str] = frozenset()
    upper_bound: float | None = None
    value: float | None = None
    shifted: bool = False

    @property
    def is_bucket(self) -> bool:
        """Whether it is a histogram's buckets, cumulative or as a rate."""
        return self.kind in (Kind.BUCKET, Kind.BUCKET_RATE)

    @property
    def is_vector(self) -> bool:
        """Whether it is a vector, and not a scalar or a string."""
        return self.kind not in (Kind.SCALAR, Kind.STRING)


@dataclass(slots=True)
class Context:
    """One check of one expression.

    Parameters:
        expr: the expression as its author wrote it; excerpts come from it.
        universe: what exists.
        where: place of the expression; its `path` is the name of the rule or panel.
        variables: offsets of Grafana's variables; what overlaps one is not judged.
        allow_raw_counters: whether the raw value of a counter is wanted.
    """

    expr: str
    universe: Universe
    where: Place = field(default_factory=Place)
    variables: Sequence[tuple[int, int]] = ()
    allow_raw_counters: bool = False
    problems: list[Problem] = field(default_factory=list)
    dropped: dict[str, Word] = field(default_factory=dict)
    _seen: set[tuple[str, str]] = field(default_factory=set)

    def is_variable(self, span: Span) -> bool:
        """Whether a Grafana variable makes up the span or a part of it."""
        return any(start < span.end and span.start < end for start, end in self.variables)

    def report(
        self, code: str, span: Span, summary: str, must: str, fix: str, severity: Severity = Severity.ERROR
    ) -> None:
        """Add a finding `lineage/<code>` that points at the span.

        What is said already is not said again: an expanded macro repeats one mistake many times.
        """
        key = (code, summary)
        if key in self._seen:
            return
        self._seen.add(key)
        problem = problem_at(
            self.expr,
            span.start,
            span.end,
            code=f"lineage/{code}",
            summary=summary,
            must=must,
            fix=fix,
            where=self.where,
            severity=severity,
        )
        self.problems.append(problem)

    def report_raw(self, result: Inferred) -> None:
        """Say of each counter in the result that its raw value is used, unless that is wanted."""
        if self.allow_raw_counters:
            return
        for word in result.raw:
            self.report(
                "raw-counter",
                word,
                f"The raw value of the counter `{word.text}` is used: it grows for ever and falls to 0 at a restart.",
                "A counter is read through rate(), increase() or the difference to itself at an earlier time.",
                f"Write rate({word.text}[5m]) or increase({word.text}[5m]).",
            )

    def require_label(self, word: Word, source: Inferred, use: str) -> bool:
        """Report a label that the source cannot have; whether it can.

        Parameters:
            use: what the expression does with the label, such as "`by` groups by".
        """
        if self.is_variable(word) or source.labels.may_have(word.text):
            return True
        had = any(self._metric_has(name, word.text) for name in source.metrics)
        reason = f"{self.drop_of(word.text)} has removed" if had else f"{_metrics(source)} does not have"
        self.report(
            "lost-label" if had else "unknown-label",
            word,
            f"{use} `{word.text}`, a label that {reason}.",
            f"Only labels that are there can be used: {_listed(source.labels.known)}.",
            _kept(word.text) if had else nearest(word.text, source.labels.known, "Use a label that the metric has."),
        )
        return False

    def drop_of(self, label: str) -> str:
        """The aggregation that removed a label, as words for a message."""
        operator = self.dropped.get(label)
        return f"`{operator.text}`" if operator else "the expression"

    def _metric_has(self, name: str, label: str) -> bool:
        series = self.universe.series(name)
        return series is not None and series.labels.may_have(label)


def nearest(wanted: str, candidates: Iterable[str], otherwise: str) -> str:
    """A fix that names the candidate that is closest to what was written, or else says `otherwise`."""
    close = difflib.get_close_matches(wanted, sorted(candidates), n=1, cutoff=0.6)
    return f"Did you mean `{close[0]}`?" if close else otherwise


def _metrics(source: Inferred) -> str:
    names = sorted(source.metrics)
    return " or ".join(f"`{name}`" for name in names[:3]) if names else "the operand"


def _listed(labels: Iterable[str]) -> str:
    return ", ".join(sorted(labels)) or "there are none"


def _kept(label: str) -> str:
    return f"Keep `{label}` in the aggregation, or do without it here."
