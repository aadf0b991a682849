"""A heartbeat that could not beat is refused before a file is written."""

from __future__ import annotations

from typing import Any

import pytest

from support.rendering import varied, varied_text
from support.samples import load_sample, problems_in
from tapewatch_sdk.problems import Problem

URL = "https://beats.example/check"


def found(evaluation: str = "5s", **heartbeat: Any) -> list[Problem]:
    def change(data: dict[str, Any]) -> None:
        data["defaults"]["evaluation_interval"] = evaluation
        data["stack"]["heartbeat"] = heartbeat

    problems = problems_in(varied_text(change))
    assert all(problem.where.line > 0 and problem.must and problem.fix for problem in problems)
    return problems


def test_the_sample_has_none() -> None:
    assert load_sample().stack.heartbeat is None


def test_with_a_url_alone_it_beats_once_a_minute() -> None:
    catalogue = varied(lambda data: data["stack"].update(heartbeat={"url": URL}))

    assert catalogue.stack.heartbeat is not None
    assert catalogue.stack.heartbeat.interval == "1m"


@pytest.mark.parametrize("given", [{}, {"interval": "2m"}, {"url": URL, "url_file": "beat-url"}])
def test_it_goes_to_one_url_given_or_in_a_file(given: dict[str, str]) -> None:
    (problem,) = found(**given)

    assert problem.code == "catalogue/webhook"
    assert problem.where.path == "stack.heartbeat"
    assert found(url_file="beat-url", credentials_file="token") == []


@pytest.mark.parametrize(
    ("evaluation", "interval", "says"),
    [
        ("5s", "19s", "interval: 20s"),
        ("1m", "1m", "interval: 4m"),
        ("500ms", "1s", "interval: 2s"),
        ("5s", "0s", "20s"),
    ],
)
def test_it_does_not_beat_faster_than_rules_are_evaluated_a_few_times(
    evaluation: str, interval: str, says: str
) -> None:
    (problem,) = found(evaluation, url=URL, interval=interval)

    assert problem.code == "catalogue/heartbeat-interval"
    assert problem.where.path == "stack.heartbeat.interval"
    assert says in problem.fix


@pytest.mark.parametrize(("evaluation", "interval"), [("5s", "20s"), ("1m", "4m"), ("500ms", "2s")])
def test_four_evaluations_a_beat_are_enough(evaluation: str, interval: str) -> None:
    assert found(evaluation, url=URL, interval=interval) == []


def test_where_rules_are_never_evaluated_that_alone_is_said() -> None:
    assert [problem.code for problem in found("0s", url=URL)] == ["catalogue/zero-interval"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"url": "beats.example"}, "catalogue/bad-url"),
        ({"url": "https://user:secret@beats.example/"}, "catalogue/inline-secret"),
        ({"url": URL, "interval": "often"}, "catalogue/bad-duration"),
        ({"url": URL, "every": "1m"}, "catalogue/unknown-key"),
    ],
)
def test_a_setting_that_is_none_is_named(given: dict[str, str], code: str) -> None:
    assert [problem.code for problem in found(**given)] == [code]


def test_no_receiver_of_the_catalogue_can_be_called_heartbeat() -> None:
    text = varied_text(lambda data: data["receivers"].update(heartbeat={"webhook": [{"url": URL}]}))

    assert [problem.code for problem in problems_in(text)] == ["catalogue/reserved-name"]
