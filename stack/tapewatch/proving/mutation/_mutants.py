"""Rules -> mutants: each rule, recording rule and macro with one thing changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tapewatch.proving.mutation._batch import cases_of
from tapewatch.proving.mutation._edits import Edit, Mutation, mutations
from tapewatch.proving.mutation._macros import damaged_macros
from tapewatch.proving.mutation._numbers import changed_holding, changed_values
from tapewatch.proving.mutation._sources import Sources, Version, filled
from tapewatch.rules.macros import MACROS
from tapewatch.rules.model import Record
from tapewatch.rules.resolve import Rule

__all__ = ["Mutant", "mutants"]

_AROUND = 36
"""Characters of an expression that are shown before and behind a change."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule with one thing changed; its proof should notice.

    Parameters:
        id: `OrderFillRateLow:window*2`, `OrderFillRateLow:expr:comparator#1:<→<=`, `...:record#1:...` or
            `exact_increase:...`; stable while that part of the rule stays as it is.
        kind: what was changed: `parameter`, `window`, `for`, `comparator`, `matcher`, ...
        alert: the alert whose rule was changed; for a macro, the first one that is asked about it.
        change: the change with a little of what stands around it: `... [-> -]{+>= +}5`.
        versions: the changed rule; of a recording rule or macro, each rule that uses it. It is killed when the proof
            of one of them fails.
    """

    id: str
    kind: str
    alert: str
    change: str
    versions: tuple[Version, ...]

    @property
    def owner(self) -> str:
        """The alert whose rule was changed, or the macro."""
        return self.id.partition(":")[0]


def mutants(rules: Sequence[Rule]) -> Iterator[Mutant]:
    """All mutants of all rules, in the order of the rules; those of macros come last.

    Recording rules are mutated once, in the rule that declares them, and only those that an alert reads.

    Raises:
        ProblemsError: an expression cannot be read.
    """
    sources = Sources(rules)
    whole = sorted(map(sources.version, sources.rules), key=_cost)
    for rule in sources.rules:
        original = [next(version for version in whole if version.rule is rule)]
        yield from _differing(_of_parameters(sources, rule), original)
        yield from _of_holding(sources, rule)
        yield from _differing(_of_expression(sources, rule), original)
        for number, record in sources.records_of(rule):
            yield from _of_record(sources, rule, number, record, whole)
    yield from _of_macros(sources, whole)


def _cost(version: Version) -> int:
    """About how long a proof takes: the cheapest one is asked first about what concerns several rules."""
    read = len(version.expr) + sum(len(record.expr) for record in version.records)
    return round(read * sum(case.cost for case in cases_of(version.rule)))


def _of_parameters(sources: Sources, rule: Rule) -> Iterator[Mutant]:
    for name, parameter in rule.spec.parameters.items():
        value = rule.values[name]
        for change, other in changed_values(parameter, value):
            version = sources.version(rule, values={**rule.values, name: other})
            kind = "window" if isinstance(value, str) else "parameter"
            yield Mutant(f"{rule.alert}:{name}{change}", kind, rule.alert, f"{name}: {value} → {other}", (version,))


def _of_holding(sources: Sources, rule: Rule) -> Iterator[Mutant]:
    for change, other in changed_holding(rule.for_):
        version = sources.version(rule, for_=other)
        yield Mutant(f"{rule.alert}:for{change}", "for", rule.alert, f"for: {rule.for_} → {other}", (version,))


def _of_expression(sources: Sources, rule: Rule) -> Iterator[Mutant]:
    text, fixed = filled(rule.spec.expr, rule.values)
    for each in mutations(text, fixed, MACROS):
        yield _mutant(f"{rule.alert}:expr", rule.alert, each, text, [sources.version(rule, edit=each.edit)])


def _of_record(sources: Sources, rule: Rule, number: int, record: Record, whole: Sequence[Version]) -> Iterator[Mutant]:
    text, fixed = filled(record.expr, rule.values)
    name, _ = filled(record.record, rule.values)
    readers = [version for version in whole if name in {each.record for each in version.records}]
    for each in mutations(text, fixed, MACROS) if readers else ():
        versions = [sources.version(reader.rule, record=(record, each.edit)) for reader in readers]
        yield _mutant(f"{rule.alert}:record#{number}", rule.alert, each, text, versions)


def _of_macros(sources: Sources, whole: Sequence[Version]) -> Iterator[Mutant]:
    for name, mutation, text, expand in damaged_macros():
        asked = sorted(whole, key=lambda version: not _speaks_for(version.rule, name))
        versions = [sources.version(version.rule, expand=expand) for version in asked]
        changed = [version for version, original in zip(versions, asked, strict=True) if version != original]
        if changed:
            yield _mutant(name, changed[0].rule.alert, mutation, text, changed)


def _speaks_for(rule: Rule, macro: str) -> bool:
    """Whether a rule's proof is written to kill a macro's mutants too; then it marks those that it cannot kill."""
    return any(mark.mutant.startswith(f"{macro}:") for mark in rule.proof.equivalent)


def _mutant(prefix: str, alert: str, mutation: Mutation, text: str, versions: Iterable[Version]) -> Mutant:
    return Mutant(f"{prefix}:{mutation.name}", mutation.kind, alert, _shown(text, mutation.edit), tuple(versions))


def _differing(found: Iterable[Mutant], originals: Sequence[Version]) -> Iterator[Mutant]:
    """Leave out what changes nothing, such as a parameter that only the texts use."""
    return (mutant for mutant in found if mutant.versions != tuple(originals))


def _shown(text: str, edit: Edit) -> str:
    before, after = " ".join(text[: edit.start].split()), " ".join(text[edit.end :].split())
    before += " " * text[: edit.start].endswith((" ", "\n"))
    after = " " * text[edit.end :].startswith((" ", "\n")) + after
    start = f"…{before[-_AROUND:]}" if len(before) > _AROUND else before
    end = f"{after[:_AROUND]}…" if len(after) > _AROUND else after
    old = " ".join(text[edit.start : edit.end].split())
    return start + (f"[-{old}-]" if old else "") + (f"{{+{edit.text}+}}" if edit.text else "") + end
