"""What the mutation test found: score, survivors, marks, and what to do about them."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tapewatch.proving.mutation._mutants import Mutant
from tapewatch.proving.proofs import Locate
from tapewatch.rules.model import Equivalent
from tapewatch.rules.resolve import Rule
from tapewatch_sdk.problems import Place, Problem

__all__ = ["MOST_EQUIVALENT", "Marked", "MutationReport"]

MOST_EQUIVALENT = 0.05
"""The largest share of mutants that may be marked as equivalent; more of them hide a weak proof."""

_LACKING = {
    "parameter": "add cases just below and just above the limit",
    "number": "add a case whose outcome depends on this number: at it, just below and just above",
    "comparator": "add a case exactly at the limit (`covers: [boundary]`) and one on the other side of it",
    "window": "add a case that ends with the window: `until: ${30s + window}`, and one older than the window",
    "range": "add a case in which a sample just outside this range must not count",
    "offset": "add a case in which the value now and the value at the offset differ",
    "for": "add a case that is one evaluation shorter than `for`, and give the exact `at` of one that is longer",
    "matcher": "add a case with a further series that differs in this label alone and must not count",
    "set": "add a case in which only one of the two sides holds",
    "arithmetic": "add a case in which both operands count and the outcome depends on them",
    "aggregation": "add a case with two series (or instances) of different values, and its `says`",
    "by": "add a case with two targets that differ in this label, or name it among the firing's `labels`",
    "without": "add a case with two series that differ in this label",
    "on": "add a case with two services that must not be matched with each other",
    "ignoring": "add a case with two series that differ in this label",
    "group_left": "name this label among the firing's `labels`",
    "group_right": "name this label among the firing's `labels`",
    "function": "add a case in which the function changes the value",
    "macro": "add cases for the first increment, a reset, and a long-running service's first scrape",
}


@dataclass(frozen=True, slots=True)
class Marked:
    """A surviving mutant that a pack marks as equivalent, with its reason."""

    mutant: Mutant
    alert: str
    reason: str


@dataclass(frozen=True, slots=True)
class MutationReport:
    """What became of all mutants.

    Parameters:
        killed: those that a proof noticed, with the case that did.
        survived: those that no proof noticed.
        equivalent: survivors that a pack marks as equivalent.
        unloadable: those that Prometheus does not load; they count for nothing.
        broken: alerts whose proof fails without any mutation, with the case; their mutants are not judged.
        stale: marks that name no surviving mutant, with the alert, and the case that kills the mutant if there is one.
        seconds: how long it took.
    """

    killed: Mapping[str, str]
    survived: tuple[Mutant, ...]
    equivalent: tuple[Marked, ...]
    unloadable: tuple[Mutant, ...]
    broken: Mapping[str, str]
    stale: tuple[tuple[str, Equivalent, str], ...]
    seconds: float

    @classmethod
    def of(
        cls,
        found: Sequence[Mutant],
        killed: Mapping[str, str],
        unloadable: Collection[str],
        broken: Mapping[str, str],
        rules: Sequence[Rule],
        seconds: float,
    ) -> MutationReport:
        """Sort mutants and marks out."""
        marks = {mark.mutant: (rule.alert, mark) for rule in rules for mark in rule.proof.equivalent}
        judged = [mutant for mutant in found if not any(version.rule.alert in broken for version in mutant.versions)]
        left = [mutant for mutant in judged if mutant.id not in killed and mutant.id not in unloadable]
        open_ = {mutant.id for mutant in left} | {mutant.id for mutant in found} - {mutant.id for mutant in judged}
        return cls(
            killed={mutant.id: killed[mutant.id] for mutant in judged if mutant.id in killed},
            survived=tuple(mutant for mutant in left if mutant.id not in marks),
            equivalent=tuple(
                Marked(mutant, marks[mutant.id][0], marks[mutant.id][1].reason) for mutant in left if mutant.id in marks
            ),
            unloadable=tuple(mutant for mutant in judged if mutant.id in unloadable),
            broken=dict(broken),
            stale=tuple(
                (alert, mark, killed.get(mark.mutant, "")) for alert, mark in marks.values() if mark.mutant not in open_
            ),
            seconds=seconds,
        )

    @property
    def total(self) -> int:
        """All mutants that count."""
        return len(self.killed) + len(self.survived) + len(self.equivalent)

    @property
    def score(self) -> float:
        """The share of the non-equivalent mutants that were killed, from 0 to 1."""
        return len(self.killed) / max(len(self.killed) + len(self.survived), 1)

    def problems(self, locate: Locate | None = None) -> tuple[Problem, ...]:
        """Everything that must be mended before the proofs can be trusted.

        Parameters:
            locate: finds the place of a rule in its pack; without it the alert is named alone.
        """
        return tuple(self._problems(locate or (lambda alert, case: Place(path=alert))))

    def to_text(self, width: int = 100) -> str:
        """The report for a terminal or a log: score, survivors by rule, marks with their reasons."""
        lines = [
            f"{self.total} mutants: {len(self.killed)} killed, {len(self.survived)} survived, "
            f"{len(self.equivalent)} marked as equivalent; score {_percent(self.score)}, {self.seconds:.0f} s"
        ]
        for owner, count in Counter(mutant.owner for mutant in self.survived).items():
            lines += ["", f"{owner}: {count} survived"]
            lines += [line for mutant in self.survived if mutant.owner == owner for line in _told(mutant, width)]
        if self.equivalent:
            lines += ["", "Marked as equivalent:"]
        for mark in self.equivalent:
            lines += [f"  {mark.mutant.id}", *_wrapped(mark.reason, width)]
        if self.unloadable:
            lines += ["", f"{len(self.unloadable)} more cannot be loaded and do not count."]
        return "\n".join(lines) + "\n"

    def _problems(self, locate: Locate) -> Iterator[Problem]:
        for alert, case in self.broken.items():
            yield Problem(
                "mutation/broken-proof", f"the proof of {alert} fails without any mutation, in the case `{case}`",
                "a proof holds before it is put to the test", "run `tapewatch test` and mend what it names",
                locate(alert, case))  # fmt: skip
        for mutant in self.survived:
            yield Problem(
                "mutation/survived", f"no case notices the mutant {mutant.id}: {mutant.change}",
                "every mutant is killed by a case of the proof", _fix(mutant), locate(mutant.alert, ""))  # fmt: skip
        for alert, mark, case in self.stale:
            reason = f"is killed by `{case}`" if case else "does not exist"
            yield Problem(
                "mutation/stale-mark", f"{alert} marks {mark.mutant} as equivalent, but it {reason}",
                "each mark names a mutant that no case can tell from the rule", "remove the mark",
                locate(alert, ""))  # fmt: skip
        if len(self.equivalent) > MOST_EQUIVALENT * self.total:
            share = len(self.equivalent) / self.total
            yield Problem(
                "mutation/too-many-marks",
                f"{len(self.equivalent)} of {self.total} mutants ({_percent(share)}) are marked as equivalent",
                f"at most {_percent(MOST_EQUIVALENT)} of all mutants are",
                "sharpen the proofs, or write the expressions without what makes no difference")  # fmt: skip


def _fix(mutant: Mutant) -> str:
    lacking = _LACKING.get(mutant.kind, "add a case that tells the two apart")
    return f"{lacking}; or mark it under `proof.equivalent` with a reason if no input can tell the two apart"


def _told(mutant: Mutant, width: int) -> Iterator[str]:
    yield f"  {mutant.id}"
    yield from _wrapped(mutant.change, width)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 40), initial_indent="      ", subsequent_indent="      ")


def _percent(share: float) -> str:
    """A share without a false 100 %: it is cut off, not rounded up."""
    return f"{int(share * 1000) / 10:g} %"
