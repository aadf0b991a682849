"""What came of drills: a table for people, JSON and JUnit for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from rich.table import Table

from tapewatch.drilling.steps import Outcome, Step, Track

__all__ = ["as_data", "as_junit", "as_table"]

_HEADINGS = {
    Step.SCRAPED: "seen",
    Step.PENDING: "pending",
    Step.FIRING: "firing",
    Step.ALERTMANAGER: "at AM",
    Step.DELIVERED: "told",
    Step.RESOLVED: "over",
}


def as_table(outcomes: Sequence[Outcome]) -> Table:
    """A row for each drill, with the seconds from the start at which it took each step."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("drill", overflow="fold")
    for heading in _HEADINGS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for outcome in outcomes:
        table.add_row(outcome.title, *(_time(outcome, step) for step in Step), _mark(outcome))
    return table


def as_data(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The same as data: for each alert that had to fire its labels, what was told, and the time of each step."""
    return [
        {
            "drill": outcome.title,
            "alert": outcome.scenario.rule.alert,
            "severity": outcome.scenario.rule.severity,
            "case": outcome.scenario.case.name,
            "passed": outcome.passed,
            "failure": outcome.failure,
            "alerts": [_track(track) for track in outcome.tracks],
        }
        for outcome in outcomes
    ]


def as_junit(outcomes: Sequence[Outcome]) -> str:
    """A JUnit report, with the times in each test's output."""
    failed = sum(not outcome.passed for outcome in outcomes)
    suite = ElementTree.Element("testsuite", name="drills", tests=str(len(outcomes)), failures=str(failed))
    for outcome in outcomes:
        lasted = outcome.at(Step.RESOLVED) or 0.0
        case = ElementTree.SubElement(suite, "testcase", classname="drill", name=outcome.title, time=f"{lasted:.1f}")
        if not outcome.passed:
            ElementTree.SubElement(case, "failure", message=outcome.failure or "it was not played to its end")
        steps = ", ".join(f"{step} {time}" for step in Step if (time := _time(outcome, step)))
        ElementTree.SubElement(case, "system-out").text = steps
    ElementTree.indent(suite)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(suite, encoding="unicode")}\n'


def _track(track: Track) -> dict[str, Any]:
    return {
        "labels": dict(track.labels),
        "receiver": track.told.receiver if track.told else None,
        "annotations": dict(track.told.annotations) if track.told else {},
        "steps": {step.value: round(time, 2) for step in Step if (time := track.steps.get(step)) is not None},
    }


def _time(outcome: Outcome, step: Step) -> str:
    at = outcome.at(step)
    return "" if at is None else f"{at:.1f}"


def _mark(outcome: Outcome) -> str:
    if outcome.passed:
        return "[green]ok[/]"
    return "[red]FAILED[/]" if outcome.failure else "…"
