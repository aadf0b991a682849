"""The macro `exact_increase`, evaluated by the real Prometheus engine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tapewatch import servers
from tapewatch.documents import dump
from tapewatch.rules.macros import expand

TARGET = 'environment="e",service="s",team="t",job="j",instance="i"'

CASES = {
    # name: (values of the counter, of `up`, seconds, expected increase over 5m; None for no result)
    "no increase": ("7x90", "1x90", 400, 0),
    "three whole events stay three": ("10x30 11 12 13x80", "1x120", 300, 3),
    "the first increment of a counter that appears with 1": ("_x6 1x80", "1x90", 30, 1),
    "the first increment while it is in the window": ("_x6 1x80", "1x90", 325, 1),
    "the first increment has left the window": ("_x6 1x80", "1x90", 330, 0),
    "several at the first appearance": ("_x6 4x80", "1x90", 60, 4),
    "a long-running target's first scrape": ("_x6 100x80", "_x6 1x80", 60, 0),
    "a long-running target that goes on counting": ("_x6 100x5 102x80", "_x6 1x90", 90, 2),
    "a reset counts from zero": ("10x30 0x2 1x80", "1x120", 200, 1),
    "a reset and more events than before": ("2x10 0x5 5x80", "1x120", 200, 5),
    "a reset to an absent counter that appears again": ("10x30 _x4 3x80", "1x120", 200, 3),
    "an outage of a minute with events in it": ("10x20 stale _x12 14x80", "1x20 0x12 1x80", 250, 4),
    "an outage longer than twice the window": ("10x20 stale _x140 14x40", "1x20 0x140 1x40", 880, 0),
    "sparse samples are not extrapolated": ("10x2 13x80", "1x90", 200, 3),
    "a gap in the samples of a new target is no appearance": ("10 _x25 10 _x40", "1x80", 200, 0),
    "a counter that ends at a new target has not appeared": ("50x12 stale", "1x90", 200, 0),
    "a counter that appeared and ended is still counted": ("_x6 2x12 stale", "1x90", 200, 2),
    "the counter is gone": ("10x5 stale", "1x90", 400, None),
}


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("version", [None, pytest.param("3.5", marks=pytest.mark.needs("promtool-3.5"))])
def test_increases_are_exact_whatever_happens_to_the_counter(version: str | None, tmp_path: Path) -> None:
    tests = [
        {
            "name": name,
            "interval": "5s",
            "input_series": [
                {"series": f"c_total{{{TARGET}}}", "values": counter},
                {"series": f"up{{{TARGET}}}", "values": up},
            ],
            "promql_expr_test": [
                {
                    "expr": expand("exact_increase(c_total[5m])"),
                    "eval_time": f"{seconds}s",
                    "exp_samples": [] if expected is None else [{"labels": f"{{{TARGET}}}", "value": expected}],
                }
            ],
        }
        for name, (counter, up, seconds, expected) in CASES.items()
    ]
    path = tmp_path / "test.yml"
    path.write_text(dump({"tests": tests, "evaluation_interval": "5s"}))

    promtool = servers.find("promtool", version).path
    done = subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_label_of_its_own_that_appears_is_an_increment_and_its_siblings_are_not() -> None:
    # The text alone: the third branch joins by all labels of the series, not only by those of the target.
    third = expand("exact_increase(c_total[5m])").split("or (max_over_time")[1]
    assert "and on" not in third


@pytest.mark.parametrize("call", ["exact_increase(c_total)", "exact_increase()", "exact_increase(c_total[5m:1m])"])
def test_a_call_without_a_range_is_refused(call: str) -> None:
    with pytest.raises(Exception, match=r"exact_increase|argument"):
        expand(call)
