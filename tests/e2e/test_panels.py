"""The panel proof: every query of every panel, asked of real servers while the sample platform runs."""

from __future__ import annotations

import copy
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from support.observed import NEEDS, Observed, observed
from support.waiting import wait_for
from tapewatch.panels import all_panels
from tapewatch.viewing import Moment, State, since_now, view
from tapewatch.viewing.proof import Proof, prove
from tapewatch_sdk.plugins import Dashboard

pytestmark = [pytest.mark.needs(*NEEDS), pytest.mark.xdist_group("panels")]

SPEED = 6
"""The platform's time: what happens once in five minutes happens every 50 seconds."""

TOGETHER = (
    ("kill-switch", "breaker", "loss-warning", "rate-limit", "reconnects", "backlog", "api-errors", "drawdown"),
    ("limit-breach", "rejections", "stale-symbol", "sequence-gap", "slow-pipeline", "reconciliation-break"),
    ("service-down=position-tracker", "clock-drift=execution-engine", "daily-loss"),
)
"""Faults that can be on at the same time; each round makes other panels full."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """The platform at rest, seen long enough for every rate."""
    with observed(tmp_path_factory.mktemp("panels"), f"--speed={SPEED}") as found:
        wait_for("no panel is red", partial(green, found), 180, lambda: "\n".join(problems(found)[:20]))
        yield found


def green(running: Observed) -> bool:
    """Whether no panel is red; asked now and then, because it is some 600 queries."""
    time.sleep(3)
    return not problems(running)


def moment() -> Moment:
    return since_now("5m", "1s")


def proofs(running: Observed, boards: tuple[Dashboard, ...] = ()) -> list[Proof]:
    return prove(view(boards or running.project.dashboards, running.sources, moment(), every_choice=True))


def problems(running: Observed, boards: tuple[Dashboard, ...] = ()) -> list[str]:
    return [
        f"{problem.where.path}: {problem.summary}" for proof in proofs(running, boards) for problem in proof.problems()
    ]


def silent(running: Observed) -> set[tuple[str, str]]:
    """Dashboard and title of the panels that have no data, whatever is chosen; the Service dashboards count as one."""
    states: dict[tuple[str, str], set[State]] = {}
    for seen in view(running.project.dashboards, running.sources, moment(), every_choice=True):
        uid = seen.dashboard.uid
        for panel in seen.panels:
            states.setdefault((uid if not uid.startswith("service-") else "service", panel.title), set()).add(
                panel.state
            )
    return {name for name, found in states.items() if State.DATA not in found}


def test_every_panel_of_every_dashboard_has_data_or_says_that_it_has_none(running: Observed) -> None:
    assert problems(running) == []


def test_every_panel_is_asked(running: Observed) -> None:
    asked = {(proof.uid, verdict.view.panel["id"]) for proof in proofs(running) for verdict in proof.verdicts}

    drawn = {
        (board.uid, panel["id"])
        for board in running.project.dashboards
        for panel in all_panels(board.model)
        if panel["type"] not in ("row", "text")
    }
    assert asked == drawn


def test_the_command_says_so(running: Observed) -> None:
    sources = running.sources
    urls = [f"--prometheus={sources.prometheus}", f"--loki={sources.loki}", f"--jaeger={sources.jaeger}"]
    words = [sys.executable, "-m", "tapewatch.cli", "panels", f"--project={running.sample.folder}", "--since=5m", *urls]

    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(running.project.dashboards)} dashboards" in done.stdout


def test_breaking_one_expression_makes_exactly_that_panel_red(running: Observed) -> None:
    for board in running.project.dashboards:
        for panel in all_panels(board.model):
            for index, target in enumerate(panel.get("targets", ())):
                if "expr" in target:
                    assert red(running, board, panel["id"], index) == {panel["title"]}


def red(running: Observed, board: Dashboard, panel: int, index: int) -> set[str]:
    """The red panels among one whose expression was broken and one other of its dashboard."""
    model: dict[str, Any] = copy.deepcopy(dict(board.model))
    asked = [each for each in all_panels(model) if each["type"] not in ("row", "text")]
    (broken,) = (each for each in asked if each["id"] == panel)
    broken["targets"][index]["expr"] += " )"
    model["panels"] = [broken, next(each for each in asked if each["id"] != panel)]
    (proof,) = proofs(running, (replace(board, model=model),))
    return {verdict.view.title for verdict in proof.verdicts if verdict.red}


def test_a_metric_that_was_renamed_leaves_its_panel_red(running: Observed) -> None:
    (execution,) = (board for board in running.project.dashboards if board.uid == "execution")
    text = "order_placement_latency_milliseconds"
    model: dict[str, Any] = copy.deepcopy(dict(execution.model))
    for panel in all_panels(model):
        for target in panel.get("targets", ()):
            target["expr"] = target["expr"].replace(text, "order_latency_milliseconds")

    found = {line.partition(":")[0] for line in problems(running, (replace(execution, model=model),))}

    touched = {
        f"Execution / {panel['title']} ({target['refId']})"
        for panel in all_panels(execution.model)
        for target in panel.get("targets", ())
        if f"{text}_" in target["expr"] and ":" not in target["expr"].partition("{")[0]
    }
    assert found == touched
    assert touched


def test_every_panel_that_says_it_has_none_is_full_when_its_fault_is_provoked(running: Observed) -> None:
    empty = silent(running)

    for faults in TOGETHER:
        fault(running, *faults)
        wait_for("a panel that was silent is full", partial(settled, running, empty), 60, running.log)
        empty &= silent(running)
        fault(running, "--off")

    assert empty == set()


def fault(running: Observed, *arguments: str) -> None:
    words = [sys.executable, "-m", "tapewatch.cli", "fault", f"--project={running.sample.folder}", *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr


def settled(running: Observed, before: set[tuple[str, str]]) -> bool:
    """Whether something that was silent is full now."""
    return bool(before - silent(running)) or not before
