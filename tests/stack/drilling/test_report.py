"""What came of drills, for people and for machines: the three reports say the same."""

from __future__ import annotations

import io
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from tapewatch.drilling.ears import Message
from tapewatch.drilling.report import as_data, as_junit, as_table
from tapewatch.drilling.scenario import Scenario
from tapewatch.drilling.steps import Outcome, Step, Track

TIMES = dict(zip(Step, (100.0, 110.0, 120.0, 121.0, 122.5, 600.0), strict=True))


def passed(scenario: Scenario) -> Outcome:
    told = Message(0.0, "risk-pager", "firing", {}, {"summary": "look"})
    return Outcome(scenario, [Track(each, dict(TIMES), told) for each in scenario.expects])


def failed(scenario: Scenario) -> Outcome:
    return Outcome(scenario, [Track(each, {Step.SCRAPED: 5.0}) for each in scenario.expects], 'it said <no> & "why"')


@pytest.fixture
def outcomes(drills: list[Scenario]) -> list[Outcome]:
    """Every drill of the sample; each third has failed."""
    return [failed(each) if number % 3 == 0 else passed(each) for number, each in enumerate(drills)]


def printed(outcomes: list[Outcome], width: int) -> list[str]:
    written = io.StringIO()
    Console(width=width, file=written).print(as_table(outcomes))
    return written.getvalue().splitlines()


def test_the_table_has_a_line_a_drill_and_fits_80_columns(outcomes: list[Outcome]) -> None:
    lines = printed(outcomes, 80)

    assert len(lines) == 1 + len(outcomes)
    assert max(map(len, lines)) <= 80
    for line, outcome in zip(lines[1:], outcomes, strict=True):
        assert line.startswith(outcome.title)
        assert line.rstrip().endswith("ok" if outcome.passed else "FAILED")


def test_a_long_name_is_broken_and_no_time_is(drills: list[Scenario]) -> None:
    long = replace(drills[0], rule=replace(drills[0].rule, service="a-service-with-quite-a-long-name"))

    lines = printed([passed(long)], 80)

    assert max(map(len, lines)) <= 80
    assert "600.0" in lines[1]
    assert "".join(line[:28].strip() for line in lines[1:]).replace(" ", "").startswith("DataCaptureStalledofa-service")


def test_a_step_counts_when_the_last_of_its_alerts_took_it(drills: list[Scenario]) -> None:
    down = passed(next(each for each in drills if each.title == "ServiceDown"))
    assert len(down.tracks) == 2

    down.tracks[1].steps = {Step.SCRAPED: 90.0, Step.PENDING: 112.0}

    assert [down.at(step) for step in Step] == [100.0, 112.0, None, None, None, None]
    assert not down.passed
    assert not down.done


def test_json_and_junit_agree(outcomes: list[Outcome]) -> None:
    data = as_data(outcomes)
    suite = ElementTree.fromstring(as_junit(outcomes))

    assert (suite.get("tests"), suite.get("failures")) == (
        str(len(data)),
        str(sum(not each["passed"] for each in data)),
    )
    for each, case in zip(data, suite, strict=True):
        failure = case.find("failure")
        assert case.get("name") == each["drill"]
        assert (failure is None) == each["passed"]
        assert (failure.get("message") if failure is not None else "") == each["failure"]
        assert float(case.get("time") or 0) == (
            each["alerts"][0]["steps"].get("resolved", 0.0) if each["passed"] else 0
        )


def test_json_has_each_alert_with_what_was_told_and_when(outcomes: list[Outcome]) -> None:
    switch = next(each for each in as_data(outcomes) if each["drill"] == "KillSwitchActivated" and each["passed"])

    assert (switch["alert"], switch["severity"]) == ("KillSwitchActivated", "critical")
    (alert,) = switch["alerts"]
    assert alert["labels"]["service"] == "drill-killswitchactivated-risk-a"
    assert alert["receiver"] == "risk-pager"
    assert alert["annotations"] == {"summary": "look"}
    assert alert["steps"] == {step.value: time for step, time in TIMES.items()}
