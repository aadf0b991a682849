"""What dashboards ask of alerts, evaluated by the real promtool over alerts that fire and end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tapewatch.servers import find
from tapewatch_dashboards.facade.alerting import WORST, count, over_time, worst, worst_by

pytestmark = pytest.mark.needs("promtool")

ALERTS = {
    'ALERTS{alertname="Slow", alertstate="pending", severity="medium", service="a"}': "1x3",
    'ALERTS{alertname="Slow", alertstate="firing", severity="medium", service="a"}': "_x4 1x3",
    'ALERTS{alertname="Down", alertstate="firing", severity="critical", service="b"}': "_x6 1x1",
    'ALERTS{alertname="Heartbeat", alertstate="firing", severity="none", service="b"}': "1x20",
}
"""Slow is pending for four minutes and fires for four, Down fires for the last two of these; the heart beats on."""

WORDS = {state.text: state.value for state in WORST}


def holds(folder: Path, expr: str, at: str, *expected: tuple[str, float]) -> None:
    """Whether promtool finds exactly these samples."""
    case = {
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in ALERTS.items()],
        "promql_expr_test": [
            {
                "expr": expr.replace("$__range", "15m"),
                "eval_time": at,
                "exp_samples": [{"labels": labels, "value": value} for labels, value in expected],
            }
        ],
    }
    path = folder / "test.yml"
    path.write_text(json.dumps({"rule_files": [], "evaluation_interval": "1m", "tests": [case]}), encoding="utf-8")
    done = subprocess.run([find("promtool").path, "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("at", "word"), [("1m", "pending"), ("5m", "medium"), ("7m", "critical"), ("14m", "none")])
def test_the_worst_that_fires_is_a_word(tmp_path: Path, at: str, word: str) -> None:
    holds(tmp_path, worst(""), at, ("{}", WORDS[word]))


def test_alerts_are_counted_and_a_heartbeat_is_none(tmp_path: Path) -> None:
    holds(tmp_path, count(""), "1m", ("{}", 0))
    holds(tmp_path, count(""), "7m", ("{}", 2))
    holds(tmp_path, count("", ["severity"]), "7m", ('{severity="medium"}', 1), ('{severity="critical"}', 1))


def test_a_timeline_has_a_line_for_each_alert_that_fired_and_is_quiet_where_it_did_not(tmp_path: Path) -> None:
    lines: Mapping[str, tuple[str, str]] = {"7m": ("medium", "critical"), "14m": ("none", "none")}

    for at, (slow, down) in lines.items():
        expected = ('{alertname="Slow"}', WORDS[slow]), ('{alertname="Down"}', WORDS[down])
        holds(tmp_path, over_time("", ["alertname"]), at, *expected)


def test_a_timeline_without_alerts_has_one_line_that_says_so(tmp_path: Path) -> None:
    holds(tmp_path, over_time('service="c"', ["alertname"]), "7m", ('{alertname="nothing fired"}', WORDS["none"]))
    holds(tmp_path, over_time("", ["alertname"]), "2m", ('{alertname="nothing fired"}', WORDS["none"]))


def test_each_that_is_known_has_its_worst_whether_anything_fires_there_or_not(tmp_path: Path) -> None:
    known = 'ALERTS{alertname="Heartbeat"}'
    named = ('{service="a"}', WORDS["medium"]), ('{service="b"}', WORDS["critical"])

    holds(tmp_path, worst_by("", ["service"], known), "7m", *named)
    holds(tmp_path, worst_by("", ["service"], known), "14m", ('{service="b"}', WORDS["none"]))
