"""Proves the generated files as they are on disk, with promtool."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tapewatch import documents, layout
from tapewatch.project import Project
from tapewatch.proving.promtool import CaseResult, Promtool
from tapewatch.proving.proofs import case_problems, locator, needed_records
from tapewatch.rules.resolve import RecordingRule
from tapewatch_sdk.problems import Place, Problem

__all__ = ["FilesReport", "prove_files", "stale_files"]


@dataclass
class FilesReport:
    """What became of the generated files.

    Parameters:
        cases: how many unit tests of rules were run.
        problems: what failed.
    """

    cases: int = 0
    problems: list[Problem] = field(default_factory=list)


def stale_files(project: Project, root: Path) -> list[Problem]:
    """The files that are not what the catalogue renders; a proof of them would prove something else."""
    from tapewatch.writing import compare

    changes = compare(root, project.render())
    differing = [*changes.created, *changes.updated, *changes.removed, *changes.edited_by_hand, *changes.foreign]
    return [_stale(path) for path in dict.fromkeys(differing) if path != layout.MANIFEST]


def prove_files(
    project: Project, root: Path, promtool: Promtool, jobs: int | None = None, alerts: Collection[str] = ()
) -> FilesReport:
    """Check the configuration of Prometheus and run every unit test that was generated.

    promtool evaluates all rules of a file in every test. So each alert's tests are run against that alert and the
    recording rules behind it alone, cut out of the files as they are: the same answers in a tenth of the time.

    Parameters:
        project: says where in the packs a failed case stands.
        root: the folder that the files are in.
        promtool: the program.
        jobs: how many runs at a time; by default one for each core.
        alerts: the alerts whose tests are run; all by default.

    Raises:
        ProblemsError: a generated file is damaged.
        ToolError: promtool could not be started, hung or crashed.
    """
    report = FilesReport()
    # Garbage is collected less often: a quarter less time for some more memory.
    promtool = replace(promtool, environment={"GOGC": "400", **promtool.environment})
    folder = root / layout.PROMETHEUS
    for config in sorted(folder.glob("prometheus*.yml")) or [folder / "prometheus.yml"]:  # one for each shard
        report.problems += promtool.check_config(config)
    suites = sorted((root / layout.TESTS).glob("*.yml"))
    with (
        tempfile.TemporaryDirectory(prefix="tapewatch-") as cut_here,
        ThreadPoolExecutor(jobs or os.cpu_count()) as pool,
    ):
        cut = [path for suite in suites for path in _by_alert(suite, Path(cut_here), alerts)]
        # The longest first, so that no core is left with one at the end.
        cut.sort(key=lambda path: path.stat().st_size, reverse=True)
        results = [result for found in pool.map(promtool.test, cut) for result in found]
    report.cases = len(results)
    report.problems += case_problems(results, locator(project.packs))
    report.problems += _nothing_run(suites, results)
    return report


def _by_alert(suite: Path, folder: Path, wanted: Collection[str]) -> Iterator[Path]:
    """A file of tests, cut into one for each alert, each beside a file with the rules that it needs."""
    tests = documents.read(suite).data
    rules = [
        rule
        for name in tests["rule_files"]
        for group in documents.read(suite.parent / name).data["groups"]
        for rule in group["rules"]
    ]
    records = {rule["record"]: RecordingRule(rule["record"], rule["expr"]) for rule in rules if "record" in rule}
    whole = {key: value for key, value in tests.items() if key != "group_eval_order"}
    for alert in dict.fromkeys(rule["alert"] for rule in rules if "alert" in rule):
        if wanted and alert not in wanted:
            continue
        alerts = [rule for rule in rules if rule.get("alert") == alert]
        needed = {each.record for rule in alerts for each in needed_records(rule["expr"], records)}
        own = [rule for rule in rules if rule.get("record") in needed] + alerts
        cases = [test for test in tests["tests"] if str(test["name"]).startswith((f"{alert}:", f"{alert} of "))]
        yield _written(folder / suite.stem / alert, own, {**whole, "rule_files": ["rules.yml"], "tests": cases})


def _written(folder: Path, rules: list[Any], suite: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True)
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "proof", "rules": rules}]}), encoding="utf-8")
    path = folder / "tests.yml"
    path.write_text(json.dumps(suite), encoding="utf-8")
    return path


def _nothing_run(suites: Sequence[Path], results: Sequence[CaseResult]) -> Iterator[Problem]:
    """A green run of nothing is no proof."""
    if not suites or not results:
        yield Problem(
            code="prove/no-tests",
            summary=f"no unit test was run from {layout.TESTS}",
            must="every rule has unit tests, made from its proof",
            fix="run `tapewatch generate`",
            where=Place(file=layout.TESTS),
        )


def _stale(path: str) -> Problem:
    return Problem(
        code="prove/stale",
        summary=f"{path} is not what the catalogue renders",
        must="the files that are proven are those that the catalogue renders",
        fix="run `tapewatch generate`",
        where=Place(file=path),
    )
