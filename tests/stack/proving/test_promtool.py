"""The real promtool behind our runner, and programs that hang or crash in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tapewatch.proving.promtool import Promtool
from tapewatch_sdk.errors import ToolError

needs_promtool = pytest.mark.needs("promtool")


def program(folder: Path, script: str) -> Path:
    path = folder / "promtool"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def write(path: Path, data: Any) -> Path:
    path.write_text(json.dumps(data))
    return path


def rules(expr: str) -> dict[str, Any]:
    return {"groups": [{"name": "toy", "rules": [{"alert": "Toy", "expr": expr}]}]}


@needs_promtool
def test_a_correct_rule_file_has_no_problems(tmp_path: Path, promtool: Promtool) -> None:
    assert promtool.check_rules([write(tmp_path / "rules.yml", rules("up == 0"))]) == ()


@needs_promtool
def test_a_broken_expression_is_a_problem_that_names_file_and_rule(tmp_path: Path, promtool: Promtool) -> None:
    (problem,) = promtool.check_rules([write(tmp_path / "rules.yml", rules("sum(up"))])
    assert "Toy" in problem.summary
    assert "unclosed left parenthesis" in problem.summary
    assert problem.where.file.endswith("rules.yml")


@needs_promtool
def test_a_broken_server_configuration_is_a_problem(tmp_path: Path, promtool: Promtool) -> None:
    good = write(tmp_path / "good.yml", {"global": {"scrape_interval": "5s"}})
    bad = write(tmp_path / "bad.yml", {"global": {"scrape_intervall": "5s"}})
    assert promtool.check_config(good) == ()
    assert any("scrape_intervall" in problem.summary for problem in promtool.check_config(bad))


@needs_promtool
def test_each_unit_test_has_a_result_of_its_own(tmp_path: Path, promtool: Promtool) -> None:
    write(tmp_path / "rules.yml", rules("up == 0"))

    def test(name: str, sample: float) -> dict[str, Any]:
        return {
            "name": name,
            "input_series": [{"series": "up", "values": "1"}],
            "promql_expr_test": [{"expr": "up", "exp_samples": [{"labels": "up", "value": sample}]}],
        }

    suite = {"rule_files": ["rules.yml"], "tests": [test("right", 1), test("wrong", 0)]}
    right, wrong = promtool.test(write(tmp_path / "tests.yml", suite))
    assert (right.name, right.passed) == ("right", True)
    assert (wrong.name, wrong.passed) == ("wrong", False)
    assert "got" in wrong.failures[0]


@needs_promtool
def test_a_test_file_that_cannot_be_read_is_a_failure(tmp_path: Path, promtool: Promtool) -> None:
    (result,) = promtool.test(write(tmp_path / "tests.yml", {"no_such_key": 1}))
    assert not result.passed
    assert "no_such_key" in result.failures[0]


def test_a_promtool_that_hangs_is_stopped_and_named(tmp_path: Path) -> None:
    hanging = Promtool(program(tmp_path, "exec sleep 60"), timeout=0.2)
    with pytest.raises(ToolError, match=r"did not end within 0\.2 s"):
        hanging.check_rules([tmp_path / "rules.yml"])


@pytest.mark.parametrize("script", ["kill -SEGV $$", "echo 'panic: out of memory' >&2; exit 2"])
def test_a_promtool_that_crashes_is_named_with_what_it_said(tmp_path: Path, script: str) -> None:
    with pytest.raises(ToolError, match="ended with") as caught:
        Promtool(program(tmp_path, script)).test(tmp_path / "tests.yml")
    (problem,) = caught.value.problems
    assert problem.code == "tool/crashed"
    assert "panic: out of memory" in problem.summary or "signal 11" in problem.summary


def test_a_promtool_that_is_not_there_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        Promtool(tmp_path / "nothing").check_config(tmp_path / "prometheus.yml")
    assert "make servers" in caught.value.problems[0].fix
