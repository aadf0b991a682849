"""The sample's drills, a scenario of a test's own making, and a real copy of the stack to play in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from support.rendering import varied_text
from tapewatch.drilling.exposition import Families
from tapewatch.drilling.scale import Scale, scaled
from tapewatch.drilling.scenario import DrillTarget, Expectation, Scenario, Series, scenarios
from tapewatch.drilling.throwaway import throwaway
from tapewatch.drilling.venue import Venue
from tapewatch.project import Project, open_project

Changed = Callable[[Callable[[dict[str, Any]], object]], Project]
Values = Sequence[float]


@pytest.fixture(scope="session")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Changed:
    """Opens the sample after a change of its catalogue."""

    def opened(change: Callable[[dict[str, Any]], object]) -> Project:
        folder = tmp_path_factory.mktemp("project")
        (folder / "catalogue.yaml").write_text(varied_text(change), encoding="utf-8")
        return open_project(folder)

    return opened


@pytest.fixture(scope="session")
def sample(changed: Changed) -> Project:
    """The sample as it is."""
    return changed(lambda data: None)


@pytest.fixture(scope="session")
def drills(sample: Project) -> list[Scenario]:
    """Every drill of the sample, undivided."""
    return scenarios(sample.rules, sample.catalogue)


@pytest.fixture(scope="session")
def families(sample: Project) -> Families:
    return Families(sample.catalogue.families.values())


@pytest.fixture(scope="session")
def venue(sample: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """A real Prometheus and a real Alertmanager on the sample's rules, twenty times as fast."""
    with throwaway(scaled(sample, 20), Scale(20), tmp_path_factory.mktemp("copy")) as running:
        yield running


@pytest.fixture
def make(drills: list[Scenario]) -> Callable[..., Scenario]:
    """A scenario of one target: `make("a", step=0.5, up=(1, 0), some_gauge=(1, 2, 3))`."""

    def made(
        name: str,
        *,
        step: float = 0.5,
        up: Sequence[Any] = (1.0,),
        pushed: bool = False,
        expected: bool = False,
        until: float | None = None,
        **series: Values,
    ) -> Scenario:
        labels = {"environment": "local", "service": f"drill-{name}", "team": "data"}
        target = DrillTarget(
            labels=labels,
            instance="",
            series=tuple(Series(each, {}, tuple(values)) for each, values in series.items()),
            up=Series("up", {}, tuple(up)),
            expected=expected,
            pushed=pushed,
        )
        alert: Mapping[str, str] = {"alertname": "Made", "severity": "critical", **labels}
        return Scenario(drills[0].rule, drills[0].case, (target,), step, (Expectation(alert, 0.0, until),))

    return made
