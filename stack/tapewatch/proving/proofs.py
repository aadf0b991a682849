"""The unit tests of every rule, made from its proof and run with promtool."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapewatch.promql.selector import selectors
from tapewatch.proving.failures import told
from tapewatch.proving.promtool import CaseResult, Promtool
from tapewatch.rules.packs import LoadedPack
from tapewatch.rules.parameters import format_duration
from tapewatch.rules.proofs import tests_by_evaluation
from tapewatch.rules.resolve import RecordingRule, Rule
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Locate", "Progress", "ProofReport", "case_problems", "locator", "needed_records", "prove", "write_suite"]

Locate = Callable[[str, str], Place]
"""Alert and name of a case (or empty) -> where it stands."""

Progress = Callable[[int, int], None]
"""Called with how many are done, and of how many."""


@dataclass(frozen=True, slots=True)
class ProofReport:
    """What became of the unit tests.

    Parameters:
        results: for each rule, in the order given, the results of its cases.
    """

    results: Sequence[tuple[Rule, tuple[CaseResult, ...]]]

    @property
    def cases(self) -> int:
        """How many cases were played."""
        return sum(len(results) for _, results in self.results)

    def problems(self, locate: Locate | None = None) -> tuple[Problem, ...]:
        """One problem for each case that failed.

        Parameters:
            locate: finds the place of a case in its pack; without it the alert is named alone.
        """
        return case_problems((result for _, results in self.results for result in results), locate)


def prove(
    rules: Sequence[Rule], promtool: Promtool, jobs: int | None = None, progress: Progress | None = None
) -> ProofReport:
    """Play every case of every rule.

    Each rule is tested in a file of its own, with the recording rules that it needs: promtool evaluates every rule
    of a file in every test, so one file for all would take time with the square of their number.

    Parameters:
        rules: the resolved rules.
        promtool: the program.
        jobs: how many runs at a time; by default one for each core.
        progress: told after each rule.

    Raises:
        ToolError: promtool could not be started, hung or crashed.
    """
    results: dict[int, tuple[CaseResult, ...]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="tapewatch-") as folder,
        ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool,
    ):
        runs = {
            pool.submit(_play, rule, rules, promtool, Path(folder) / str(index)): index
            for index, rule in enumerate(rules)
        }
        try:
            for run in as_completed(runs):
                results[runs[run]] = run.result()
                if progress:
                    progress(len(results), len(rules))
        finally:
            pool.shutdown(cancel_futures=True)
    return ProofReport([(rule, results[index]) for index, rule in enumerate(rules)])


def case_problems(results: Iterable[CaseResult], locate: Locate | None = None) -> tuple[Problem, ...]:
    """One problem for each test that failed, whether it comes from `prove` or from a generated file of tests."""
    return tuple(_problem(result, locate or _by_name) for result in results if not result.passed)


def needed_records(expr: str, declared: Mapping[str, RecordingRule]) -> tuple[RecordingRule, ...]:
    """The recording rules behind an expression, in the order in which they are declared.

    Parameters:
        expr: plain PromQL.
        declared: all recording rules by name.
    """
    needed: set[str] = set()
    waiting = [expr]
    while waiting:
        names = {name for selector in selectors(waiting.pop()) for name in selector.names}
        found = (names & declared.keys()) - needed
        needed |= found
        waiting += [declared[name].expr for name in found]
    return tuple(record for name, record in declared.items() if name in needed)


def write_suite(
    folder: Path, rules: Iterable[Mapping[str, Any]], tests: Iterable[Mapping[str, Any]], evaluation: float
) -> Path:
    """Write rules and their unit tests as files for promtool, evaluated every `evaluation` seconds; the tests' path.

    They are JSON, which is YAML too and is written and read faster.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "proof", "rules": list(rules)}]}))
    suite = {"rule_files": ["rules.yml"], "evaluation_interval": format_duration(evaluation), "tests": list(tests)}
    path = folder / "tests.yml"
    path.write_text(json.dumps(suite))
    return path


def locator(packs: Iterable[LoadedPack]) -> Locate:
    """Finds alerts and their cases in the packs that they were read from."""
    places: dict[tuple[str, str], tuple[LoadedPack, tuple[str | int, ...]]] = {}
    for pack in packs:
        for number, spec in enumerate(pack.pack.rules):
            places[spec.alert, ""] = pack, ("rules", number, "alert")
            for index, case in enumerate(spec.proof.cases):
                places[spec.alert, case.name] = pack, ("rules", number, "proof", "cases", index, "name")

    def locate(alert: str, case: str) -> Place:
        found = places.get((alert, case)) or places.get((alert, ""))
        return found[0].document.place(found[1]) if found else _by_name(alert, case)

    return locate


def _play(rule: Rule, rules: Sequence[Rule], promtool: Promtool, folder: Path) -> tuple[CaseResult, ...]:
    needed = list(_rules_of(rule, rules))
    return tuple(
        result
        for evaluation, tests in tests_by_evaluation([rule]).items()
        for result in promtool.test(write_suite(folder / f"{evaluation:g}", needed, tests, evaluation))
    )


def _rules_of(rule: Rule, rules: Sequence[Rule]) -> Iterator[Mapping[str, Any]]:
    # A rule's own recording rules win over those of the same name that another one declares.
    declared = {record.record: record for other in (*rules, rule) for record in other.records}
    for record in needed_records(rule.expr, declared):
        yield {"record": record.record, "expr": record.expr, "labels": dict(record.labels)}
    yield {
        "alert": rule.alert,
        "expr": rule.expr,
        "for": rule.for_,
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
    }


def _problem(result: CaseResult, locate: Locate) -> Problem:
    heading, _, case = result.name.partition(": ")
    return Problem(
        code="proof/failed",
        summary=f"{heading}, case `{case}`: {told(result.failures)}",
        must="an alert fires at the evaluations that its proof names, with those labels and texts, and at no other",
        fix="correct the rule's expression, or the case if it asks for the wrong thing",
        where=locate(heading.partition(" of ")[0], case),
    )


def _by_name(alert: str, case: str) -> Place:
    return Place(path=f"{alert}: {case}" if case else alert)
