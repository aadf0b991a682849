"""500 rules in the styles of many exporters go through everything that we do with PromQL."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tapewatch.promql.duration import durations
from tapewatch.promql.edit import add_matchers, scale_durations
from tapewatch.promql.lexer import tokenize
from tapewatch.promql.lineage import check_expression
from tapewatch.promql.selector import selectors
from tapewatch.promql.tree import parse
from tapewatch.promql.universe import Universe
from tapewatch.servers import find

TEMPLATES = [
    text.strip("\n") for text in (Path(__file__).parent / "public_rules.txt").read_text("utf-8").split("---\n")
]
JOBS = ["node", "kube-apiserver", "postgres", "redis", "kafka", "nginx", "blackbox", "mysqld", "rabbitmq", "etcd"]
WINDOWS = ["30s", "1m", "5m", "90s", "10m", "1h", "1h30m", "6h", "1d", "1w"]
RULES = [
    template.replace("<job>", job).replace("<win>", window).replace("<n>", str(number))
    for template in TEMPLATES
    for number, (job, window) in enumerate(zip(JOBS, WINDOWS, strict=True), 1)
]
MATCHERS = 'service!~"drill-.+|x",environment="production"'
EXPECTED = {"lineage/unknown-metric"}


def edits(expr: str) -> list[str]:
    return [
        add_matchers(expr, MATCHERS),
        add_matchers(expr, MATCHERS, skip={"up", "ALERTS"}),
        scale_durations(expr, 10),
        scale_durations(add_matchers(expr, MATCHERS), 7),
    ]


def test_there_are_500_different_rules_from_at_least_40_templates() -> None:
    assert len(TEMPLATES) >= 40
    assert len(RULES) >= 500
    assert len(set(RULES)) >= 450


@pytest.mark.parametrize("template", range(len(TEMPLATES)))
def test_rules_are_analysed_without_a_crash_and_with_no_finding_but_metrics_that_nobody_declared(template: int) -> None:
    for expr in RULES[template * 10 : template * 10 + 10]:
        assert "".join(token.text for token in tokenize(expr)) == expr
        problems = check_expression(expr, Universe(), "Rule")
        assert {problem.code for problem in problems} <= EXPECTED, (expr, problems)


@pytest.mark.parametrize("template", range(len(TEMPLATES)))
def test_every_edit_of_a_rule_still_parses_and_does_what_it_says(template: int) -> None:
    for expr in RULES[template * 10 : template * 10 + 10]:
        for edited in edits(expr):
            parse(edited)
        plain, added = selectors(expr), selectors(add_matchers(expr, MATCHERS))
        assert [len(s.matchers) + 2 for s in plain] == [len(s.matchers) for s in added]
        scaled = [literal.milliseconds for literal in durations(scale_durations(expr, 10))]
        assert scaled == [literal.milliseconds / 10 for literal in durations(expr)]


@pytest.mark.parametrize("seed", range(20))
def test_a_mangled_rule_gives_problems_and_never_a_crash(seed: int) -> None:
    chance = random.Random(seed)
    for expr in chance.sample(RULES, 20):
        pieces = [token.text for token in tokenize(expr)]
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(pieces))
            pieces[at] = chance.choice(["", "(", ")", "{", "]", ",", '"', "by", "foo", "5m", "=~", "offset", "-"])
        mangled = "".join(pieces)
        for problem in check_expression(mangled, Universe(), "Rule"):
            assert problem.where.excerpt in mangled.split("\n")
            assert 1 <= problem.where.excerpt_column <= len(problem.where.excerpt) + 1


def test_a_thousand_rules_are_analysed_within_a_second() -> None:
    universe = Universe()
    known = [expr for expr in RULES if not check_expression(expr, universe, "Rule")]
    many = (known * (1000 // len(known) + 1))[:1000]
    started = time.process_time()
    for expr in many:
        check_expression(expr, universe, "Rule")
    assert time.process_time() - started < 1.0


@pytest.mark.needs("promtool")
def test_promtool_accepts_every_rule_and_every_edit_of_it(tmp_path: Path) -> None:
    expressions = [text for expr in RULES for text in (expr, *edits(expr))]
    rules = [{"record": f"test:{number}", "expr": expr} for number, expr in enumerate(expressions)]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}), "utf-8")
    command = [
        str(find("promtool").path),
        "--enable-feature=promql-experimental-functions",
        "check",
        "rules",
        str(file),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-3000:]
