"""promtool's notation, taken apart as promtool itself does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tapewatch import servers
from tapewatch.documents import dump
from tapewatch.rules.values import Absent, parse_values

NOTATIONS = [
    "1 2 3",
    "5x3",
    "1+2x3",
    "10-2x3",
    "0x5 1x2",
    "_ 1",
    "_x3 7x1",
    "1 _x2 4",
    "-1+0.5x4",
    "1e2x1",
    ".5x1",
    "3+0x2",
]


def test_runs_gaps_and_stale_markers_are_taken_apart() -> None:
    assert parse_values("1+2x3") == [1, 3, 5, 7]
    assert parse_values("0x2 _ stale") == [0, 0, 0, Absent.MISSING, Absent.STALE]


@pytest.mark.parametrize("notation", ["1x", "x3", "a", "1+x3", "1 2,3", "_x"])
def test_what_promtool_would_not_read_is_refused(notation: str) -> None:
    with pytest.raises(ValueError, match="is no value"):
        parse_values(notation)


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("notation", NOTATIONS)
def test_promtool_sees_the_same_number_of_samples_and_the_same_sum(notation: str, tmp_path: Path) -> None:
    samples = [each for each in parse_values(notation) if isinstance(each, float)]
    length = len(parse_values(notation))
    expected = [
        {"expr": f"{function}_over_time(x[{length + 1}s])", "eval_time": f"{length}s",
         "exp_samples": [{"labels": "{}", "value": value}]}
        for function, value in (("count", len(samples)), ("sum", sum(samples)))
    ]  # fmt: skip
    test = {"interval": "1s", "input_series": [{"series": "x", "values": notation}], "promql_expr_test": expected}
    suite = {"evaluation_interval": "1s", "tests": [test]}
    path = tmp_path / "test.yml"
    path.write_text(dump(suite))

    promtool = servers.find("promtool").path
    done = subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
