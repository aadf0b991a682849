"""Seeded faults of every kind: each is found, at its place and by its name; what is correct gives no finding."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import tapewatch.promql
from tapewatch.promql.lineage import check_expression
from tapewatch.promql.universe import Universe
from tapewatch_sdk.problems import Problem, Severity

Check = Callable[..., list[Problem]]

HERE = Path(__file__).parent
FAULTS = yaml.safe_load((HERE / "faults.yaml").read_text("utf-8"))
CORRECT = yaml.safe_load((HERE / "correct.yaml").read_text("utf-8"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["expr"])
def test_a_seeded_fault_is_found_and_named_and_nothing_else_is(check: Check, fault: dict[str, str]) -> None:
    problems = check(fault["expr"])
    assert {problem.code for problem in problems} == {f"lineage/{fault['kind']}"}
    where = problems[0].where
    assert (where.path, where.excerpt[where.excerpt_column - 1 :][: where.length]) == ("Rule", fault["at"])
    assert fault["says"] in problems[0].summary
    assert fault.get("fix", "") in problems[0].fix
    assert problems[0].must


def test_every_kind_of_finding_has_a_seeded_fault() -> None:
    source = "".join(path.read_text("utf-8") for path in Path(tapewatch.promql.__file__).parent.glob("*.py"))
    kinds = set(re.findall(r'report\(\s*"([a-z-]+)"', source)) | {"unknown-label", "lost-label"}
    assert kinds - {fault["kind"] for fault in FAULTS} == {"template-label"}  # it has tests of its own below


@pytest.mark.parametrize("expr", CORRECT)
def test_a_correct_expression_gives_no_finding(check: Check, expr: str) -> None:
    assert [(problem.code, problem.summary) for problem in check(expr)] == []


def test_a_panel_may_draw_raw_counters_on_purpose(check: Check) -> None:
    assert check("sum(ticks_total) / sum(orders_total)", allow_raw_counters=True) == []


def test_what_only_looks_wrong_is_a_warning(check: Check) -> None:
    assert [problem.severity for problem in check("delta(ticks_total[5m]) > 1")] == [Severity.WARNING]
    assert [problem.severity for problem in check("price_usdd > 1")] == [Severity.ERROR]


def test_a_label_that_an_annotation_shows_must_survive_the_aggregation(check: Check) -> None:
    expr = "sum by (service) (rate(ticks_total[5m])) > 1"
    assert check(expr, template_labels={"summary": ["service"]}) == []
    (problem,) = check(expr, template_labels={"summary": ["service"], "legend": ["symbol"]})
    assert problem.code == "lineage/template-label"
    assert problem.summary == "The legend shows the label `symbol`, but `sum` removes it."
    assert (problem.where.excerpt_column, problem.where.length) == (1, 3)


def test_a_label_that_never_was_there_is_missed_in_an_annotation(check: Check) -> None:
    (problem,) = check("feed_connected == 0", template_labels={"description": ["symbol"]})
    assert "the result does not have it" in problem.summary


def test_absent_shows_only_the_labels_that_its_selector_fixes(check: Check) -> None:
    expr = 'absent(price_usd{service="market-data", symbol=~"a|b"})'
    assert check(expr, template_labels={"summary": ["service"]}) == []
    assert len(check(expr, template_labels={"summary": ["symbol"]})) == 1


def test_labels_of_undeclared_metrics_are_not_judged(check: Check) -> None:
    assert check('node_load1{anything="x"} > 1', template_labels={"summary": ["whatever"]}) == []
    codes = [problem.code for problem in check('nosuch{a="b"} > 1', template_labels={"summary": ["c"]})]
    assert codes == ["lineage/unknown-metric"]


def test_a_finding_tells_file_line_and_the_line_of_the_expression(check: Check) -> None:
    (problem,) = check("feed_connected == 0\nand on (service)\n  price_us > 1", file="rules.yaml", line=10)
    where = problem.where
    assert (where.file, where.line, where.excerpt, where.excerpt_column) == ("rules.yaml", 12, "  price_us > 1", 3)


def test_text_that_does_not_parse_gives_one_problem_with_the_rule_and_its_line(check: Check) -> None:
    (problem,) = check("sum(\n  price_usd price_usd)", file="rules.yaml", line=10)
    assert (problem.code, problem.where.path, problem.where.line) == ("promql/syntax", "Rule", 11)


def test_a_mistake_that_an_expanded_macro_repeats_is_told_once(check: Check) -> None:
    expr = "max_over_time(tick_total[5m]) - last_over_time(tick_total[5m] offset 5m) > 0"
    assert [problem.where.excerpt_column for problem in check(expr)] == [15]


def test_findings_come_in_the_order_of_the_text(check: Check) -> None:
    problems = check('rate(price_usd{symbl="x"}[5m]) / nosuch > 1')
    columns = [problem.where.excerpt_column for problem in problems]
    assert columns == sorted(columns)
    assert len(columns) == 3


def test_without_services_no_selector_for_one_is_judged() -> None:
    assert check_expression('up{service="anything"} == 0', Universe(), "Rule") == []
