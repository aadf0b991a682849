"""A rule's proof becomes a scenario: under which services, with which labels, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tapewatch.drilling.play import waves
from tapewatch.drilling.scenario import START, DrillTarget, Moment, Scenario, Series, scenarios, without_stimulus
from tapewatch.project import Project
from tapewatch.rules.model import Case
from tapewatch.rules.resolve import Rule
from tapewatch.rules.values import Absent
from tapewatch_sdk.errors import ProblemsError

Changed = Callable[[Callable[[dict[str, Any]], object]], Project]

TEAMS = {
    "capture": "data",
    "dashboard": "data",
    "execution": "trading",
    "market_data": "data",
    "ml": "data",
    "pipeline": "data",
    "platform": "platform",
    "position": "risk",
    "risk": "risk",
}
"""By domain the team of the first service in the sample that emits it; nobody emits what the platform's rules read."""


def override(**alerts: Mapping[str, object]) -> Callable[[dict[str, Any]], object]:
    """A change of the sample: parameters of alerts for execution-engine."""

    def change(data: dict[str, Any]) -> None:
        data["services"]["execution-engine"]["alerts"] = alerts

    return change


def of(found: list[Scenario], title: str) -> Scenario:
    return next(each for each in found if each.title == title)


def test_every_alert_of_the_sample_has_a_scenario(drills: list[Scenario], sample: Project) -> None:
    assert {each.rule.alert for each in drills} == {rule.alert for rule in sample.rules}
    assert len({each.rule.alert for each in drills}) == 29


def test_what_must_fire_carries_severity_domain_and_the_owners_team(drills: list[Scenario]) -> None:
    for drill in drills:
        for expected in drill.expects:
            labels = expected.labels
            assert labels["alertname"] == drill.rule.alert
            assert labels["severity"] == drill.rule.spec.severity
            assert labels["domain"] == drill.rule.domain
            assert labels["team"] == TEAMS[drill.rule.domain], drill.title
            assert labels["environment"] == "local"
            assert labels["service"].startswith("drill-")
            assert labels["service"] in drill.services


def test_no_two_drills_share_a_service_so_that_all_are_played_at_once(drills: list[Scenario]) -> None:
    services = [service for drill in drills for service in drill.services]

    assert len(set(services)) == len(services)
    assert waves(drills) == [drills]


def test_up_and_what_is_expected_are_never_exposed(drills: list[Scenario]) -> None:
    exposed = {series.name for drill in drills for target in drill.targets for series in target.series}

    assert exposed
    assert not exposed & {"up", "tapewatch_expected"}


def test_missing_telemetry_is_drilled_by_a_target_that_is_removed_and_by_a_push_that_stops(
    drills: list[Scenario],
) -> None:
    removed, stops = of(drills, "TelemetryMissing"), of(drills, "TelemetryMissing pushed")
    gone, silent = removed.targets[0], stops.targets[0]

    assert [gone.pushed, silent.pushed] == [False, True]
    assert [gone.expected, silent.expected] == [True, True]
    assert Absent.STALE in gone.up.values
    assert silent.exposes(START)
    assert [] in [silent.exposes(Moment(step)) for step in range(20)]


def test_a_service_that_is_down_is_one_whose_target_stops_answering(drills: list[Scenario]) -> None:
    down = of(drills, "ServiceDown")

    assert {each.labels["extent"] for each in down.expects} == {"some", "all"}
    assert 0.0 in down.targets[0].up.values
    assert not any(isinstance(value, Absent) for value in down.targets[0].up.values)


def test_what_only_pushing_services_emit_is_pushed_and_the_rest_is_scraped(drills: list[Scenario]) -> None:
    pushed = {drill.rule.domain for drill in drills if drill.case.pushed} - {"platform"}

    assert pushed == {"capture", "dashboard", "ml", "pipeline"}
    scraped = {drill.rule.domain for drill in drills if not drill.case.pushed} - {"platform"}
    assert scraped == {"execution", "market_data", "position", "risk"}


def test_the_drill_of_an_override_for_a_pushing_service_pushes(changed: Changed) -> None:
    def change(data: dict[str, Any]) -> None:
        own = {"ClockDrift": {"threshold": 0.01}, "TelemetryMissing": {"window": "4m"}}
        data["services"]["capture-pipeline"]["alerts"] = own
        data["services"]["market-data"]["alerts"] = {"ClockDrift": {"threshold": 0.02}, "TelemetryMissing": {}}

    project = changed(change)
    found = scenarios([rule for rule in project.rules if rule.service], project.catalogue)

    assert {(each.title, each.targets[0].pushed) for each in found} == {
        ("ClockDrift of capture-pipeline", True),
        ("ClockDrift of market-data", False),
        ("TelemetryMissing of capture-pipeline pushed", True),
        ("TelemetryMissing of market-data", False),
    }


def test_an_override_is_drilled_under_its_services_name_with_its_own_threshold(changed: Changed) -> None:
    project = changed(override(OrderRejectionRateHigh={"threshold": 0.05}))
    rules = [rule for rule in project.rules if rule.alert == "OrderRejectionRateHigh"]

    default, own = scenarios(rules, project.catalogue)

    assert own.title == "OrderRejectionRateHigh of execution-engine"
    assert own.services == {"drill-execution-engine"}
    assert [each.labels["team"] for each in own.expects] == ["trading"]
    assert rejected_share(default) == pytest.approx(0.101)
    assert rejected_share(own) == pytest.approx(0.051)


def rejected_share(scenario: Scenario) -> float:
    """What the first target says was rejected of what was submitted, once orders come."""
    exposed = scenario.targets[0].exposes(Moment(7))

    def total(name: str) -> float:
        return sum(value for series, value in exposed if series.name == name)

    return total("execution_orders_rejected_total") / total("execution_orders_submitted_total")


def test_overrides_of_one_service_are_played_one_after_the_other(changed: Changed) -> None:
    project = changed(override(OrderRejectionRateHigh={"threshold": 0.05}, ExchangeRateLimitLow={"threshold": 0.2}))

    groups = waves(scenarios(project.rules, project.catalogue))

    assert [len(group) for group in groups] == [31, 1]


@pytest.mark.parametrize(("notify", "prefix"), [(False, "drill-"), (True, "drill-notify-")])
def test_the_prefix_says_whether_the_real_receivers_are_told(notify: bool, prefix: str, changed: Changed) -> None:
    project = changed(override(OrderRejectionRateHigh={"threshold": 0.05}))

    found = scenarios(project.rules, project.catalogue, notify=notify)
    services = {service for each in found for service in each.services}

    assert all(service.startswith(prefix) for service in services)
    assert any(service.startswith("drill-notify-") for service in services) == notify
    assert f"{prefix}execution-engine" in services


def test_a_run_has_services_of_its_own(sample: Project) -> None:
    one = {service for each in scenarios(sample.rules, sample.catalogue, run="one") for service in each.services}
    two = {service for each in scenarios(sample.rules, sample.catalogue, run="two") for service in each.services}

    assert not one & two


def test_a_faster_pace_shortens_every_time_alike(sample: Project, drills: list[Scenario]) -> None:
    for slow, fast in zip(drills, scenarios(sample.rules, sample.catalogue, pace=5), strict=True):
        assert fast.interval == slow.interval / 5
        assert [each.at for each in fast.expects] == [each.at / 5 for each in slow.expects]
        assert fast.targets == slow.targets


def test_without_its_stimulus_a_target_does_what_one_does_that_must_be_silent(drills: list[Scenario]) -> None:
    switch = of(drills, "KillSwitchActivated")

    quiet = switch.targets[1]
    calm = without_stimulus(switch).targets

    assert [each.labels for each in calm] == [each.labels for each in switch.targets]
    assert [(each.series, each.up) for each in calm] == [(quiet.series, quiet.up)] * 2


def test_where_all_targets_are_stimulated_nothing_changes_without_it(drills: list[Scenario]) -> None:
    breach = of(drills, "RiskLimitBreached")
    assert len(breach.services) == 1

    (before,), (after,) = breach.targets, without_stimulus(breach).targets

    assert [value for _, value in after.exposes(Moment(1000))] == [value for _, value in before.exposes(START)]
    assert after.up.at(Moment(1000)) == 1.0


def test_labels_are_read_without_their_escapes(sample: Project, drills: list[Scenario]) -> None:
    rule = of(drills, "KillSwitchActivated").rule
    written = r'risk_kill_switch_active{reason="a \"b\" \\ c\nd",by="x,y={}"}'
    case = rule.proof.cases[0].model_copy(update={"targets": {"risk-a": {written: "0x5 1x5"}}})

    (target,) = scenarios([with_case(rule, case)], sample.catalogue)[0].targets

    assert target.series[0].labels == {"reason": 'a "b" \\ c\nd', "by": "x,y={}"}


def with_case(rule: Rule, case: Case) -> Rule:
    """A rule whose proof has but one case."""
    proof = rule.proof.model_copy(update={"cases": (case,)})
    return replace(rule, spec=rule.spec.model_copy(update={"proof": proof}))


def test_a_rule_that_no_case_makes_fire_cannot_be_drilled(sample: Project, drills: list[Scenario]) -> None:
    rule = drills[0].rule
    silent = next(case for case in rule.proof.cases if not case.fires)

    with pytest.raises(ProblemsError, match="nothing to drill") as error:
        scenarios([with_case(rule, silent)], sample.catalogue)

    assert [problem.code for problem in error.value.problems] == ["drill/no-case"]


def growing(*values: float, name: str = "orders_total") -> Series:
    return Series(name, {}, values)


def test_while_it_is_held_a_target_goes_on_as_before_and_never_jumps_back() -> None:
    held = [growing(0, 10, 20, 25).at(Moment(2, hold=2, extra=extra)) for extra in range(4)]
    after = growing(0, 10, 20, 25).at(Moment(3, hold=2, extra=3))

    assert held == [20, 30, 40, 50]
    assert after == 55


def test_a_gauge_that_was_held_ends_as_its_proof_says() -> None:
    gauge = Series("queue", {}, (0.0, 5.0, 5.0, 0.0))

    assert [gauge.at(Moment(2, hold=2, extra=extra)) for extra in range(3)] == [5, 5, 5]
    assert gauge.at(Moment(3, hold=2, extra=2)) == 0


def test_a_drill_is_held_at_the_last_step_before_its_first_alert_ends(drills: list[Scenario]) -> None:
    switch = of(drills, "KillSwitchActivated")
    on = [step for step, value in enumerate(switch.targets[0].series[0].values) if value == 1.0]

    assert switch.hold == on[-1]
    assert all(target_is_as_at(drill.targets[0], drill.hold) for drill in drills)


def target_is_as_at(target: DrillTarget, step: int) -> bool:
    """Whether a target is held as it is played at that step."""
    return target.exposes(Moment(step, step)) == target.exposes(Moment(step))
