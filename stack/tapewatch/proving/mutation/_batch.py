"""Many versions of one rule in one run of promtool.

Most of the time of a unit test goes into evaluating the rule every 5 s; starting promtool and filling its database
is the rest, and is paid once for all versions: they stand side by side in one rule file, each under a name of its
own, and each with its own copy of the recording rules that differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tapewatch.promql.selector import selectors
from tapewatch.proving.mutation._sources import Version
from tapewatch.proving.promtool import Promtool
from tapewatch.proving.proofs import write_suite
from tapewatch.rules.proofs import promtool_tests
from tapewatch.rules.resolve import RecordingRule, Rule
from tapewatch.rules.values import parse_values
from tapewatch.schema import seconds
from tapewatch_sdk.errors import ToolError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["Case", "Verdict", "cases_of", "play"]

_NAME = "TapewatchMutant"
_ANY = "TapewatchMutantN"
"""Stands for the name of each version in what is made once for all of them."""
_NAMED = re.compile(rf"{_NAME}(\d+)")
_UNLOADABLE = re.compile(rf'^.*rule \d+, "{_NAME}(\d+)[^"]*": .*$', re.MULTILINE)
_UNEVALUABLE = re.compile(rf"^\s*rule: {_NAME}(\d+)\S*, time: .*, err: ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a proof, ready to be asked of versions under any name.

    Parameters:
        name: as in the pack.
        cost: evaluations times series, which is what its time goes with.
        evaluation: seconds between two evaluations.
        series: promtool's `interval` and `input_series`.
        checks: for each kind of check (`promql_expr_test`, ...) the JSON of its list, `_ANY` in place of the name.
    """

    name: str
    cost: float
    evaluation: float
    series: Mapping[str, Any]
    checks: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of which versions, by their number, a case says what; the others passed."""

    killed: frozenset[int]
    unloadable: frozenset[int]


def cases_of(rule: Rule) -> tuple[Case, ...]:
    """The cases of a rule's proof, the cheapest first."""
    anonymous = replace(rule, spec=rule.spec.model_copy(update={"alert": _ANY}))
    cases = (_case(test, evaluation) for evaluation, test in promtool_tests(anonymous))
    return tuple(sorted(cases, key=lambda case: case.cost))


def play(
    case: Case, versions: Mapping[int, Version], records: Sequence[RecordingRule], promtool: Promtool, folder: Path
) -> Verdict:
    """Ask one case of many versions of a rule.

    Parameters:
        case: a case of the rule.
        versions: the versions by number.
        records: the recording rules of the rule as it should be; versions share those that are the same.
        promtool: the program.
        folder: for its files.

    Raises:
        ToolError: promtool could not be started, hung, crashed, or failed in a way that names no version.
    """
    killed: set[int] = set()
    unloadable: set[int] = set()
    left = dict(versions)
    while left:
        names = {number: _own_records(number, version, records) for number, version in left.items()}
        write_suite(folder, _rules(left, names, records), [_test(case, names)], case.evaluation)
        done = promtool.run("test", "rules", "tests.yml", folder=folder)
        if done.returncode == 0:
            break
        output = done.stdout + done.stderr
        # A rule that cannot be loaded or evaluated ends the whole run, so the others must be asked again.
        if refused := _numbers(_UNLOADABLE, output) & left.keys():
            unloadable |= refused
        elif refused := _numbers(_UNEVALUABLE, output) & left.keys():
            killed |= refused
        else:
            failed = _numbers(_NAMED, output) & left.keys()
            if not failed:
                raise ToolError([_unclear(case, output)])
            killed |= failed
            break
        left = {number: version for number, version in left.items() if number not in refused}
    return Verdict(frozenset(killed), frozenset(unloadable))


def _case(test: Mapping[str, Any], evaluation: float) -> Case:
    samples = max(len(parse_values(series["values"])) for series in test["input_series"])
    return Case(
        name=test["name"].removeprefix(_ANY).partition(": ")[2],
        cost=samples * seconds(test["interval"]) / evaluation * len(test["input_series"]),
        evaluation=evaluation,
        series={key: test[key] for key in ("interval", "input_series")},
        checks={key: json.dumps(test[key]) for key in ("alert_rule_test", "promql_expr_test") if key in test},
    )


def _test(case: Case, names: Mapping[int, Mapping[str, str]]) -> dict[str, Any]:
    checks = {key: list(_checks(text, names)) for key, text in case.checks.items()}
    return {"name": case.name, **case.series, **checks}


def _checks(text: str, names: Mapping[int, Mapping[str, str]]) -> Iterator[dict[str, Any]]:
    shared = set()
    for number, renamed in names.items():
        for check in json.loads(text):
            asked = json.loads(json.dumps(check).replace(_ANY, f"{_NAME}{number}"))
            if asked == check:  # it asks a recording rule, the version's own or the one that all share
                asked["expr"] = _renamed(check["expr"], renamed)
                if asked["expr"] in shared:
                    continue
                shared.add(asked["expr"])
            yield asked


def _rules(
    versions: Mapping[int, Version], names: Mapping[int, Mapping[str, str]], shared: Sequence[RecordingRule]
) -> Iterator[dict[str, Any]]:
    for record in shared:
        yield {"record": record.record, "expr": record.expr}
    for number, version in versions.items():
        for record in version.records:
            if record.record in names[number]:
                yield {"record": names[number][record.record], "expr": _renamed(record.expr, names[number])}
    for number, version in versions.items():
        yield _alert(f"{_NAME}{number}", version, names[number])


def _own_records(number: int, version: Version, shared: Sequence[RecordingRule]) -> dict[str, str]:
    """New names for the recording rules that a version does not share, because they, or what they read, differ."""
    known = {record.record: record.expr for record in shared}
    renamed: dict[str, str] = {}
    for record in version.records:
        if known.get(record.record) != _renamed(record.expr, renamed):
            renamed[record.record] = f"{_NAME}{number}:{record.record}"
    return renamed


def _alert(name: str, version: Version, renamed: Mapping[str, str]) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": _renamed(version.expr, renamed),
        "for": version.for_,
        "labels": dict(version.rule.labels),
        "annotations": dict(version.rule.annotations),
    }


def _renamed(expr: str, names: Mapping[str, str]) -> str:
    """An expression that reads other series in place of some."""
    for selector in reversed(selectors(expr)) if names else ():
        if selector.name is not None and selector.name.text in names:
            expr = expr[: selector.name.start] + names[selector.name.text] + expr[selector.name.end :]
    return expr


def _numbers(pattern: re.Pattern[str], output: str) -> set[int]:
    return {int(number) for number in pattern.findall(output)}


def _unclear(case: Case, output: str) -> Problem:
    return Problem(
        code="mutation/unclear",
        summary=f"promtool refused the case `{case.name}` without naming a rule: {' '.join(output.split())[:400]}",
        must="promtool says which rule fails",
        fix="run `tapewatch test` first; if that passes, report a bug in tapewatch",
        where=Place(path=case.name),
    )
