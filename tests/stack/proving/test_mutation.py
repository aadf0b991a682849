"""Damaged rules against their proofs, with the real promtool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tapewatch.proving.mutation import MutationReport, mutants, run_mutation
from tapewatch.proving.promtool import Promtool
from tapewatch.proving.proofs import locator
from tapewatch.rules.packs import LoadedPack
from tapewatch.rules.resolve import Rule
from tapewatch_sdk.errors import ToolError

needs_promtool = pytest.mark.needs("promtool")

Make = Callable[..., Sequence[Rule]]
Read = Callable[[str], Sequence[LoadedPack]]


def marked(rule: str, *names: str) -> str:
    """A rule that marks mutants as equivalent."""
    marks = [f"    - {{mutant: '{name}', reason: nothing in this world could tell the two apart}}" for name in names]
    return "\n".join([rule.rstrip("\n"), "    equivalent:", *marks, ""])


def ids(rules: Sequence[Rule]) -> set[str]:
    return {mutant.id for mutant in mutants(rules)}


def codes(report: MutationReport) -> list[str]:
    return [problem.code for problem in report.problems()]


COUNTED = """\
- alert: Broke
  severity: critical
  for: 0s
  parameters:
    window: {default: 1m, unit: duration, help: How long a break is shown.}
  records:
  - record: service:broke:increase${window}
    expr: sum by (environment, service, team) (exact_increase(broke_total[${window}]))
    help: Breaks.
  expr: service:broke:increase${window} > 0
  summary: Broke {{ $labels.service }}
  description: It broke.
  action: Look.
  proof:
    cases:
    - name: the first break
      covers: [two-services, no-traffic, first-increment]
      targets: {a: {broke_total: '_x3 1x20'}, b: {broke_total: 1x23}}
      fires: [{at: 15s, until: 75s, says: {summary: Broke a, description: It broke.}}]
    - name: a break after a start anew
      covers: [reset]
      targets: {a: {broke_total: '9x2 0x14 1x14'}}
      fires: [{at: 90s, until: 150s}]
    - name: silent when a service that broke long ago is scraped for the first time
      covers: [long-running]
      targets: {a: {up: '_x3 1x29', broke_total: '_x3 7x29'}}
"""


def test_every_part_of_a_rule_is_damaged(make: Make, strong: str) -> None:
    found = ids(make(strong))
    assert {
        "TooManyWaiting:threshold-1",
        "TooManyWaiting:threshold+1",
        "TooManyWaiting:for=0s",
        "TooManyWaiting:for/2",
        "TooManyWaiting:for*2",
        "TooManyWaiting:expr:comparator#1:>→>=",
        "TooManyWaiting:expr:matcher#1:queue dropped",
        "TooManyWaiting:expr:by#1:without team",
        "TooManyWaiting:expr:aggregation#1:sum→max",
    } <= found


def test_records_and_macros_are_damaged_once_for_all_rules_that_use_them(make: Make) -> None:
    reader = COUNTED.replace("Broke\n", "BrokeToo\n", 1)
    reader = reader[: reader.index("  records:")] + reader[reader.index("  expr: service") :]
    found = list(mutants(make(COUNTED + reader)))
    record = next(mutant for mutant in found if mutant.id == "Broke:record#1:aggregation#1:sum→max")
    assert [version.rule.alert for version in record.versions] == ["Broke", "BrokeToo"]
    assert not any(mutant.id.startswith("BrokeToo:record") for mutant in found)
    macro = next(mutant for mutant in found if mutant.id == "exact_increase:comparator#2:<=→<")
    assert len(macro.versions) == 2


def test_a_damaged_macro_keeps_the_counter_the_window_and_further_arguments_of_each_call(make: Make) -> None:
    rule = COUNTED.replace("broke_total[${window}]", 'broke_total{kind="x"}[${window}], beat, pulse')
    found = {mutant.id: mutant for mutant in mutants(make(rule))}
    (version,) = found["exact_increase:comparator#2:<=→<"].versions
    (record,) = version.records
    assert 'broke_total{kind="x"}[1m] offset 1m) < min_over_time(broke_total{kind="x"}[1m])' in record.expr
    assert "or (min_over_time(timestamp(beat)[2m:5s]) + 5) or (min_over_time(timestamp(pulse)" in record.expr
    assert "tapewatch_" not in record.expr


def test_a_macro_is_judged_first_by_the_rule_that_marks_its_mutants(make: Make) -> None:
    spokesman = marked(
        COUNTED.replace("Broke\n", "BrokeToo\n", 1).replace(":broke:", ":broke_too:"), "exact_increase:x"
    )
    macro = next(mutant for mutant in mutants(make(COUNTED + spokesman)) if mutant.owner == "exact_increase")
    assert [version.rule.alert for version in macro.versions] == ["BrokeToo", "Broke"]


def test_of_a_pattern_only_the_alternatives_of_the_pack_are_left_out(make: Make, strong: str) -> None:
    given = "  parameters:\n    queues: {default: in|out, unit: regular expression, help: Queues that are watched.}\n"
    (rule,) = make(strong.replace("  parameters:\n", given).replace('queue="in"', 'queue=~"${queues}"', 1))
    wider = replace(rule, values={**rule.values, "queues": "in|out|aside"})
    assert {each for each in ids([wider]) if ":queues" in each} == {
        "TooManyWaiting:queues without in",
        "TooManyWaiting:queues without out",
    }


@needs_promtool
def test_a_recording_rule_that_yields_nan_is_noticed_though_the_alert_is_silent(make: Make, promtool: Promtool) -> None:
    share = "service:broke:increase${window} / (service:broke:increase${window} > 0)"
    rule = COUNTED.replace(
        "  expr: service",
        f"  - record: service:broke:ratio${{window}}\n    expr: {share}\n    help: All of them.\n  expr: service",
    ).replace("service:broke:increase${window} > 0\n  summary", "service:broke:ratio${window} > 0\n  summary")
    report = run_mutation(make(rule), promtool)
    assert report.broken == {}
    assert "Broke:record#2:comparator#1:>→>=" in report.killed


def test_texts_and_proof_keep_the_original_values(make: Make, strong: str) -> None:
    (rule,) = make(strong)
    moved = next(mutant for mutant in mutants([rule]) if mutant.id.endswith("threshold+1"))
    (version,) = moved.versions
    assert version.expr.endswith("> 11")
    assert version.rule is rule


def test_a_rule_of_one_service_is_not_damaged_again(make: Make, strong: str) -> None:
    (rule,) = make(strong)
    assert ids([rule, replace(rule, service="busy")]) == ids([rule])


def test_the_mutants_do_not_depend_on_the_order_of_the_rules(make: Make, strong: str) -> None:
    rules = make(strong + COUNTED)
    assert ids(rules) == ids(rules[::-1])


@needs_promtool
def test_a_strong_proof_kills_every_mutant(make: Make, strong: str, promtool: Promtool) -> None:
    report = run_mutation(make(strong), promtool)
    assert [mutant.id for mutant in report.survived] == []
    assert report.unloadable == ()
    assert report.score == 1
    assert report.problems() == ()
    assert "score 100 %" in report.to_text()


@needs_promtool
def test_a_weak_proof_lets_mutants_survive_and_they_are_named(
    make: Make, read: Read, weak: str, promtool: Promtool
) -> None:
    report = run_mutation(make(weak), promtool)
    assert {mutant.id for mutant in report.survived} == {
        "TooManyWaiting:threshold-1",
        "TooManyWaiting:threshold+1",
        "TooManyWaiting:expr:comparator#1:>→>=",
    }
    assert report.score < 1
    problem = next(each for each in report.problems(locator(read(weak))) if "comparator" in each.summary)
    assert "[->-]{+>=+} 10" in problem.summary
    assert "covers: [boundary]" in problem.fix
    assert problem.where.file.endswith("toy.yaml")
    assert "TooManyWaiting:expr:comparator#1:>→>=" in report.to_text(80)


@needs_promtool
def test_damage_to_a_recording_rule_and_inside_a_macro_is_noticed(make: Make, promtool: Promtool) -> None:
    report = run_mutation(make(COUNTED), promtool)
    assert {
        "Broke:window*2",
        "Broke:window/2",
        "Broke:record#1:by#1:without service",
        "Broke:record#1:macro#1:exact_increase→increase",
        "exact_increase:comparator#1:>→<",
    } <= report.killed.keys()
    assert report.killed["Broke:for=30s"] in ("Broke: the first break", "Broke: a break after a start anew")


@needs_promtool
def test_the_verdicts_do_not_depend_on_the_order_of_the_rules(
    make: Make, strong: str, weak: str, promtool: Promtool
) -> None:
    rules = make(strong + weak.replace("TooManyWaiting", "StillTooManyWaiting"))
    one, other = run_mutation(rules, promtool), run_mutation(rules[::-1], promtool, jobs=1)
    assert {mutant.id for mutant in one.survived} == {mutant.id for mutant in other.survived}
    assert one.killed.keys() == other.killed.keys()


@needs_promtool
def test_a_mark_takes_a_survivor_out_of_the_score_and_is_printed(make: Make, weak: str, promtool: Promtool) -> None:
    report = run_mutation(make(marked(weak, "TooManyWaiting:threshold+1")), promtool)
    assert [mark.mutant.id for mark in report.equivalent] == ["TooManyWaiting:threshold+1"]
    assert "TooManyWaiting:threshold+1" not in {mutant.id for mutant in report.survived}
    assert "nothing in this world" in report.to_text()


@needs_promtool
def test_a_mark_of_a_mutant_that_does_not_exist_is_refused(make: Make, strong: str, promtool: Promtool) -> None:
    report = run_mutation(make(marked(strong, "TooManyWaiting:thresold+1")), promtool)
    (problem,) = report.problems()
    assert problem.code == "mutation/stale-mark"
    assert "thresold+1 as equivalent, but it does not exist" in problem.summary


@needs_promtool
def test_a_mark_of_a_mutant_that_the_proof_kills_is_refused(make: Make, strong: str, promtool: Promtool) -> None:
    report = run_mutation(make(marked(strong, "TooManyWaiting:threshold+1")), promtool)
    (problem,) = report.problems()
    assert problem.code == "mutation/stale-mark"
    assert "is killed by `TooManyWaiting: fires while more wait than may`" in problem.summary


@needs_promtool
def test_more_marks_than_a_twentieth_are_refused(make: Make, weak: str, promtool: Promtool) -> None:
    names = [f"TooManyWaiting:{name}" for name in ("threshold+1", "threshold-1", "expr:comparator#1:>→>=")]
    report = run_mutation(make(marked(weak, *names)), promtool)
    assert report.score == 1
    assert codes(report) == ["mutation/too-many-marks"]


@needs_promtool
def test_a_proof_that_fails_by_itself_is_a_problem_and_judges_nothing(
    make: Make, strong: str, promtool: Promtool
) -> None:
    report = run_mutation(make(strong.replace("0x3 6x5 0x5", "0x3 7x5 0x5")), promtool)
    assert codes(report) == ["mutation/broken-proof"]
    assert report.total == 0


@needs_promtool
def test_a_mutant_that_cannot_be_evaluated_is_killed_without_hiding_the_others(make: Make, promtool: Promtool) -> None:
    rule = COUNTED.replace(
        "service:broke:increase${window} > 0",
        "service:broke:increase${window} > on (service) group_left () 0 * max by (service) (up)",
    )
    report = run_mutation(make(rule), promtool)
    assert "Broke:expr:on#1:without service" in report.killed
    assert "Broke:expr:comparator#1:>→<" in report.killed
    assert "Broke:window*2" in report.killed


@needs_promtool
def test_progress_ends_with_all_mutants(make: Make, strong: str, promtool: Promtool) -> None:
    told: list[tuple[int, int]] = []
    report = run_mutation(make(strong), promtool, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (report.total, report.total)


@pytest.mark.parametrize(
    ("script", "code"), [("exec sleep 60", "tool/timeout"), ("exit 2", "tool/crashed"), ("exit 1", "mutation/unclear")]
)
def test_a_promtool_that_hangs_crashes_or_says_nothing_ends_the_run_with_a_problem(
    make: Make, strong: str, tmp_path: Path, script: str, code: str
) -> None:
    program = tmp_path / "promtool"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(ToolError) as caught:
        run_mutation(make(strong), Promtool(program, timeout=0.2))
    assert caught.value.problems[0].code == code
