"""Playing the proofs with the real promtool, and what is said when one fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tapewatch.proving.promtool import Promtool
from tapewatch.proving.proofs import case_problems, locator, prove, write_suite
from tapewatch.rules.packs import LoadedPack
from tapewatch.rules.proofs import promtool_tests
from tapewatch.rules.resolve import Rule

pytestmark = pytest.mark.needs("promtool")

Make = Callable[..., Sequence[Rule]]
Read = Callable[[str], Sequence[LoadedPack]]

RECORDING = """\
- alert: RatioHigh
  severity: high
  for: 0s
  records:
  - record: service:toy:double
    expr: 2 * toy
    help: Twice the toy.
  - record: service:toy:quadruple
    expr: 2 * service:toy:double
    help: Four times the toy.
  expr: max by (environment, service, team) (service:toy:quadruple) > 4
  summary: High at {{ $labels.service }}
  description: It is high.
  action: Look.
  proof: &proof
    cases:
    - name: fires
      covers: [two-services, no-traffic]
      targets: {a: {toy: 0x3 2x3 0x3}, b: {toy: 1x11}}
      fires: [{at: 20s, until: 40s, says: {summary: High at a, description: It is high.}}]
    - name: silent
      targets: {a: {toy: 1x3}}
"""
BORROWING = """\
- alert: RatioHighElsewhere
  severity: medium
  for: 0s
  expr: service:toy:quadruple > 4
  summary: High at {{ $labels.service }}
  description: It is high.
  action: Look.
  proof:
    cases:
    - name: fires
      covers: [two-services, no-traffic]
      targets: {a: {toy: 0x3 2x3 0x3}, b: {toy: 1x11}}
      fires: [{at: 20s, until: 40s, labels: {instance: 'a:9000', job: services}, says: {summary: High at a}}]
    - name: silent
      targets: {a: {toy: 1x3}}
"""


def test_a_rule_that_keeps_its_proof_has_no_problems(make: Make, strong: str, promtool: Promtool) -> None:
    report = prove(make(strong), promtool)
    assert report.cases == 2
    assert report.problems() == ()


def test_a_rule_finds_the_recording_rules_of_another_rule(make: Make, promtool: Promtool) -> None:
    rules = make(RECORDING + BORROWING)
    for order in (rules, rules[::-1]):
        assert prove(order, promtool).problems() == ()


def test_a_case_that_fails_is_named_with_what_was_expected_and_what_came(
    make: Make, read: Read, strong: str, promtool: Promtool
) -> None:
    wrong = strong.replace('{queue="in"}) >', '{queue="in"}) >=')
    (problem,) = prove(make(wrong), promtool).problems(locator(read(wrong)))
    assert "TooManyWaiting, case `silent at the limit" in problem.summary
    assert "expected 0" in problem.summary
    assert problem.where.file.endswith("toy.yaml")
    assert "silent at the limit" in problem.where.excerpt


def test_an_alert_that_does_not_fire_is_said_to_be_missing(make: Make, strong: str, promtool: Promtool) -> None:
    (problem, *_) = prove(make(strong.replace("sum by", "max by")), promtool).problems()
    assert "at 30s" in problem.summary
    assert 'expected {domain="toy", environment="proof", service="busy"' in problem.summary


def test_a_text_that_differs_is_shown_beside_the_expected_one(make: Make, strong: str, promtool: Promtool) -> None:
    (problem,) = prove(
        make(strong.replace("summary: Messages wait for {{", "summary: Wait for {{")), promtool
    ).problems()
    assert "it says summary `Wait for busy`, expected `Messages wait for busy`" in problem.summary


def test_a_metric_renamed_in_a_rule_file_fails_with_the_rule_named(
    make: Make, strong: str, promtool: Promtool, tmp_path: Path
) -> None:
    (rule,) = make(strong)
    alert = {"alert": rule.alert, "expr": rule.expr, "for": rule.for_, "labels": dict(rule.labels)}
    alert["annotations"] = dict(rule.annotations)
    file = write_suite(tmp_path / "suite", [alert], [test for _, test in promtool_tests(rule)], 5.0)
    assert case_problems(promtool.test(file)) == ()

    rules = tmp_path / "suite" / "rules.yml"
    rules.write_text(rules.read_text().replace("toy_waiting", "toy_queued"))
    (problem,) = case_problems(promtool.test(file))
    assert problem.summary.startswith("TooManyWaiting, case `fires while more wait than may`: at 30s nothing fires")


def test_a_rule_that_cannot_be_loaded_fails_with_the_reason(make: Make, strong: str, promtool: Promtool) -> None:
    problems = prove(
        make(strong.replace("sum by (environment, service, team) (", "histogram_sum(up, ")), promtool
    ).problems()
    assert any("could not parse expression" in problem.summary for problem in problems)


def test_progress_is_told_after_each_rule(make: Make, promtool: Promtool) -> None:
    told: list[tuple[int, int]] = []
    prove(make(RECORDING + BORROWING), promtool, jobs=1, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
