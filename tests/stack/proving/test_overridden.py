"""The proofs of the built-in rules hold for other parameters too: `tapewatch test` is green after any sane override."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.rendering import varied_text
from support.samples import ROOT
from tapewatch.project import Project, open_project
from tapewatch.proving.promtool import Promtool
from tapewatch.proving.proofs import prove
from tapewatch.rules.model import AlertSpec, Parameter
from tapewatch.rules.parameters import format_duration
from tapewatch.rules.resolve import PUSHED_FAMILIES
from tapewatch.schema import seconds

pytestmark = pytest.mark.needs("promtool")

Override = Mapping[str, float | str]


def overridden(folder: Path, override: Callable[[AlertSpec], Override]) -> Project:
    """The sample with every rule overridden."""
    specs = [spec for pack in open_project(ROOT).packs for spec in pack.pack.rules]
    alerts = {spec.alert: dict(override(spec)) for spec in specs}

    def change(data: dict[str, Any]) -> None:
        data["alerts"] = {alert: values for alert, values in alerts.items() if values}

    (folder / "catalogue.yaml").write_text(varied_text(change), encoding="utf-8")
    return open_project(folder)


def times(factor: float) -> Callable[[AlertSpec], Override]:
    """Every number of a rule, a duration or not, so many times as large."""

    def override(spec: AlertSpec) -> Override:
        return {
            name: _times(parameter, factor) for name, parameter in spec.parameters.items() if name != PUSHED_FAMILIES
        }

    return override


def _times(parameter: Parameter, factor: float) -> float | str:
    value = parameter.default
    if isinstance(value, str):
        return format_duration(seconds(value) * factor)
    if parameter.unit == "ratio" and value < 1 < value * factor:
        return (1 + value) / 2  # a share above 1 would be no share
    return value * factor


def together(override: Callable[[AlertSpec], Override], held: str) -> Callable[[AlertSpec], Override]:
    return lambda spec: {**override(spec), "for": held}


@pytest.mark.parametrize(
    "override",
    [together(times(2), "0s"), together(times(0.5), "1m30s")],
    ids=["everything is doubled and nothing waits", "everything is halved and all waits for 90 s"],
)
def test_the_proof_of_every_rule_holds_when(tmp_path: Path, override: Callable[[AlertSpec], Override]) -> None:
    project = overridden(tmp_path, override)
    assert len(project.catalogue.alerts) >= 25
    # Garbage is collected less often: a quarter less time for some more memory.
    promtool = replace(Promtool.find(timeout=120), environment={"GOGC": "400"})

    report = prove(project.rules, promtool)

    assert [problem.summary for problem in report.problems()] == []
    assert report.cases > 200


def test_a_rule_that_waits_as_long_as_it_remembers_can_never_fire_and_its_proof_says_so(tmp_path: Path) -> None:
    project = overridden(tmp_path, lambda spec: {"for": "5m"} if spec.alert == "SequenceGapDetected" else {})
    rules = [rule for rule in project.rules if rule.alert == "SequenceGapDetected"]

    problems = prove(rules, Promtool.find(timeout=120)).problems()

    assert [problem.code for problem in problems] == ["proof/failed"] * 3
    assert "the first gap after a start" in problems[0].summary
