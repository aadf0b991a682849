"""Holds every mutant against the proofs, on all cores."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tapewatch.proving.mutation._batch import Case, cases_of, play
from tapewatch.proving.mutation._mutants import Mutant, mutants
from tapewatch.proving.mutation._report import MutationReport
from tapewatch.proving.mutation._sources import Sources, Version
from tapewatch.proving.promtool import Promtool
from tapewatch.proving.proofs import Progress
from tapewatch.rules.resolve import Rule

__all__ = ["run_mutation"]

_CHUNK = 40
"""Mutants that share a run of promtool: enough to make its start cheap, few enough to spread over the cores."""

_ASKED_IF_MARKED = 3
"""Proofs that a mutant is held against which is marked as equivalent. Those of macros concern nearly every rule, and
asking them all about a mutant that survives anyway would take half of the time."""

_WHOLE = 0
"""The number of the rule as it should be, which goes along to show that its proof holds."""


def run_mutation(
    rules: Sequence[Rule], promtool: Promtool, jobs: int | None = None, progress: Progress | None = None
) -> MutationReport:
    """Damage every rule in every way we know, and see whether the proofs notice.

    Parameters:
        rules: the resolved rules; overrides of single services are left out.
        promtool: the program.
        jobs: how many runs at a time; by default one for each core.
        progress: told how many mutants are judged, of how many.

    Raises:
        ProblemsError: an expression cannot be read.
        ToolError: promtool could not be started, hung or crashed.
    """
    began = time.monotonic()
    found = tuple(mutants(rules))
    run = _Run(Sources(rules), promtool, jobs or os.cpu_count() or 1)
    for judged in run.rounds(found):
        if progress:
            progress(judged, len(found))
    seconds = time.monotonic() - began
    return MutationReport.of(found, run.killed, run.unloadable, run.broken, run.rules, seconds)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some mutants of a rule, with the versions that this rule's proof judges."""

    rule: Rule
    mutants: tuple[tuple[Mutant, Version], ...]


@dataclass(frozen=True, slots=True)
class _Judgement:
    """What a rule's proof says about a chunk: the case that killed each mutant, and those that cannot be loaded."""

    killed: Mapping[str, str]
    unloadable: frozenset[str]
    broken: str = ""


class _Run:
    """One run; what it finds is kept by the identifiers of the mutants."""

    def __init__(self, sources: Sources, promtool: Promtool, jobs: int) -> None:
        self._sources = sources
        self._promtool = promtool
        self._jobs = jobs
        self._cases: dict[str, tuple[Case, ...]] = {}
        self._marked = {mark.mutant for rule in sources.rules for mark in rule.proof.equivalent}
        self.killed: dict[str, str] = {}
        self.unloadable: set[str] = set()
        self.broken: dict[str, str] = {}

    @property
    def rules(self) -> Sequence[Rule]:
        """The rules that are damaged."""
        return self._sources.rules

    def rounds(self, found: Sequence[Mutant]) -> Iterator[int]:
        """Each round asks one rule about each mutant; who survives, and has a further rule to ask, goes on."""
        waiting, number, judged = list(found), 0, 0
        with tempfile.TemporaryDirectory(prefix="tapewatch-") as folder:
            while waiting:
                for chunk, judgement in self._round(self._chunks(waiting, number), Path(folder)):
                    self._keep(chunk, judgement)
                    judged += sum(self._is_judged(mutant, number) for mutant, _ in chunk.mutants)
                    yield judged
                waiting = [mutant for mutant in waiting if not self._is_judged(mutant, number)]
                number += 1

    def _is_judged(self, mutant: Mutant, number: int) -> bool:
        last = min(len(mutant.versions), _ASKED_IF_MARKED if mutant.id in self._marked else len(mutant.versions))
        return mutant.id in self.killed or mutant.id in self.unloadable or number + 1 >= last

    def _chunks(self, waiting: Sequence[Mutant], number: int) -> list[_Chunk]:
        """The round's work, the longest first, so that no core is left alone with it at the end."""
        by_rule: dict[str, list[tuple[Mutant, Version]]] = defaultdict(list)
        for mutant in waiting:
            version = mutant.versions[number]
            by_rule[version.rule.alert].append((mutant, version))
        size = max(4, min(_CHUNK, math.ceil(len(waiting) / self._jobs)))
        chunks = [
            _Chunk(group[0][1].rule, tuple(group[first : first + size]))
            for group in by_rule.values()
            for first in range(0, len(group), size)
        ]
        return sorted(chunks, key=self._cost, reverse=True)

    def _cost(self, chunk: _Chunk) -> float:
        texts = sum(len(version.expr) + sum(len(each.expr) for each in version.records) for _, version in chunk.mutants)
        return texts * sum(case.cost for case in self._cases_of(chunk.rule))

    def _cases_of(self, rule: Rule) -> tuple[Case, ...]:
        if rule.alert not in self._cases:
            self._cases[rule.alert] = cases_of(rule)
        return self._cases[rule.alert]

    def _round(self, chunks: Iterable[_Chunk], folder: Path) -> Iterator[tuple[_Chunk, _Judgement]]:
        with ThreadPoolExecutor(self._jobs) as pool:
            runs = {pool.submit(self._judge, chunk, folder / str(number)): chunk for number, chunk in enumerate(chunks)}
            try:
                for run in as_completed(runs):
                    yield runs[run], run.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _judge(self, chunk: _Chunk, folder: Path) -> _Judgement:
        whole = self._sources.version(chunk.rule)
        left = {_WHOLE: whole, **{number: version for number, (_, version) in enumerate(chunk.mutants, 1)}}
        names = {number: mutant.id for number, (mutant, _) in enumerate(chunk.mutants, 1)}
        killed: dict[str, str] = {}
        unloadable: set[str] = set()
        for case in self._cases_of(chunk.rule):
            verdict = play(case, left, whole.records, self._promtool, folder)
            if _WHOLE in verdict.killed | verdict.unloadable:
                return _Judgement({}, frozenset(), case.name)
            killed |= {names[number]: f"{chunk.rule.alert}: {case.name}" for number in verdict.killed}
            unloadable |= {names[number] for number in verdict.unloadable}
            gone = verdict.killed | verdict.unloadable
            left = {number: version for number, version in left.items() if number not in gone}
            if left.keys() == {_WHOLE}:
                break
        return _Judgement(killed, frozenset(unloadable))

    def _keep(self, chunk: _Chunk, judgement: _Judgement) -> None:
        self.killed |= judgement.killed
        self.unloadable |= judgement.unloadable
        if judgement.broken:
            self.broken[chunk.rule.alert] = judgement.broken
