"""What makes a panel red."""

from __future__ import annotations

from typing import Any

import pytest

from tapewatch.viewing import Answer, PanelView, Series, View
from tapewatch.viewing.proof import Proof, prove
from tapewatch_sdk.plugins import Dashboard

BOARD = Dashboard("desk", "acme", {"title": "Desk", "panels": []})
FULL = Answer("A", "x", [Series("x", {}, [(1.0, 2.0)])])
NAN = Answer("A", "x", [Series("x", {}, [(1.0, float("nan"))])])
NOTHING = Answer("A", "x")
REFUSED = Answer("A", "x{", error="parse error")


def panel(*answers: Answer, no_value: str = "", **chosen: str) -> PanelView:
    model: dict[str, Any] = {"title": "Orders", "type": "stat", "fieldConfig": {"defaults": {"noValue": no_value}}}
    return PanelView(BOARD, model, chosen, answers)


def judged(*panels: PanelView, failures: dict[str, str] | None = None) -> Proof:
    """One view for each panel given: the same panel with another choice."""
    (proof,) = prove(View(BOARD, each.chosen, [each], failures or {}) for each in panels)
    return proof


def codes(proof: Proof) -> list[str]:
    return [problem.code for problem in proof.problems()]


def test_a_panel_with_data_is_green() -> None:
    assert codes(judged(panel(FULL))) == []


@pytest.mark.parametrize("answer", [NOTHING, NAN])
def test_a_panel_with_nothing_is_red(answer: Answer) -> None:
    assert codes(judged(panel(answer))) == ["panels/empty"]


def test_it_is_not_when_it_says_what_it_shows_instead() -> None:
    assert codes(judged(panel(NOTHING, no_value="no orders"))) == []


def test_an_error_is_red_whatever_it_says() -> None:
    proof = judged(panel(REFUSED, no_value="no orders"))

    (problem,) = proof.problems()
    assert problem.code == "panels/error"
    assert problem.where.path == "Desk / Orders (A)"
    assert "parse error" in problem.summary


def test_one_empty_query_among_others_is_named() -> None:
    (problem,) = judged(panel(FULL, Answer("B", "y"))).problems()

    assert problem.where.path == "Desk / Orders (B)"


def test_every_choice_of_a_variable_counts_and_the_bad_one_is_named() -> None:
    (problem,) = judged(panel(FULL, service="api"), panel(NOTHING, service="risk-manager")).problems()

    assert "with service risk-manager" in problem.summary


def test_a_panel_of_a_source_that_is_not_given_is_not_judged() -> None:
    proof = judged(panel())

    assert (proof.verdicts, codes(proof)) == ([], [])


def test_a_variable_without_values_is_a_finding() -> None:
    assert codes(judged(panel(FULL), failures={"symbol": "no values"})) == ["panels/no-values"]
