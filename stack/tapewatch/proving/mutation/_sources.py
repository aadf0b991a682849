"""The rules as their packs have them, ready to be built again with one thing changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from tapewatch.proving.mutation._edits import Edit, Span
from tapewatch.proving.proofs import needed_records
from tapewatch.rules.macros import expand as expand_macros
from tapewatch.rules.model import Record
from tapewatch.rules.parameters import Value, fill
from tapewatch.rules.resolve import RecordingRule, Rule

__all__ = ["Expand", "Sources", "Version", "expanded", "filled"]

Expand = Callable[[str], str]
"""An expression with macros -> plain PromQL."""

_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")


@cache
def expanded(expr: str) -> str:
    """An expression with its macros as they are."""
    return expand_macros(expr).strip()


@dataclass(frozen=True, slots=True)
class Version:
    """A rule as promtool gets it, whole or damaged.

    Parameters:
        rule: the rule as it should be; its proof is held against this version.
        expr, for_: what the alert has in this version.
        records: the recording rules that it needs, in an order in which each has fresh values to read.
    """

    rule: Rule
    expr: str
    for_: str
    records: tuple[RecordingRule, ...]


class Sources:
    """All rules, and the recording rules that each of them finds by name.

    Overrides of single services are left out: they are the same rules with other numbers.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        found: dict[str, Rule] = {}
        for rule in rules:
            if rule.alert not in found or not rule.service:
                found[rule.alert] = rule
        self.rules = tuple(found.values())
        self._first = {
            fill(record.record, rule.values): rule for rule in reversed(self.rules) for record in rule.spec.records
        }

    def version(
        self,
        rule: Rule,
        *,
        values: Mapping[str, Value] | None = None,
        for_: str | None = None,
        edit: Edit | None = None,
        record: tuple[Record, Edit] | None = None,
        expand: Expand = expanded,
    ) -> Version:
        """A rule, whole or with one thing changed.

        Parameters:
            values: other parameter values, for its expression and its own records.
            for_: another holding time.
            edit: a change of its expression, once filled in.
            record: a change of the expression of a recording rule, once filled in, whichever rule declares it.
            expand: another way to expand macros.
        """
        values = values or rule.values
        text = fill(rule.spec.expr, values)
        expr = expand(edit.apply(text) if edit else text)
        declared: dict[str, RecordingRule] = {}
        for other in (*self.rules, rule):
            theirs = values if other is rule else other.values
            for each in other.spec.records:
                text = fill(each.expr, theirs)
                text = record[1].apply(text) if record and record[0] is each else text
                name = fill(each.record, theirs)
                declared[name] = RecordingRule(name, expand(text))
        return Version(rule, expr, for_ or rule.for_, needed_records(expr, declared))

    def records_of(self, rule: Rule) -> Iterator[tuple[int, Record]]:
        """The recording rules that a rule is the first to declare, with their numbers there."""
        for number, record in enumerate(rule.spec.records, 1):
            if self._first[fill(record.record, rule.values)] is rule:
                yield number, record


def filled(template: str, values: Mapping[str, Value]) -> tuple[str, tuple[Span, ...]]:
    """A text with its `${...}` filled in, and where what was filled in stands."""
    text, spans, done = "", [], 0
    for match in _PLACEHOLDER.finditer(template):
        text += template[done : match.start()]
        spans.append((len(text), len(text) + len(fill(match[0], values))))
        text += fill(match[0], values)
        done = match.end()
    return text + template[done:], tuple(spans)
