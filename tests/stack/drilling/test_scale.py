"""A copy in which time passes faster: what is divided, by how much, and that its rules are still proven."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rendering import render, write
from tapewatch import layout
from tapewatch.drilling.scale import Scale, scaled
from tapewatch.drilling.scenario import Scenario, scenarios
from tapewatch.drilling.throwaway import faster_flags
from tapewatch.project import Project
from tapewatch.promql.duration import durations
from tapewatch.proving.promtool import Promtool
from tapewatch.proving.proofs import prove
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer
from tapewatch.rules.resolve import Rule, resolve
from tapewatch.schema import seconds

FACTORS = (1, 5, 20, 100)
LEAST = 4.0
"""Seconds: four scrapes of a copy."""

TIMERS = ("group_wait", "group_interval", "repeat_interval")


@pytest.fixture(scope="module")
def project(changed: Callable[[Callable[[dict[str, Any]], object]], Project]) -> Project:
    """The sample with what a copy must not forget: overrides, another scrape profile, timers, an objective."""

    def change(data: dict[str, Any]) -> None:
        engine = data["services"]["execution-engine"]
        engine["alerts"] = {"OrderRejectionRateHigh": {"window": "10m", "for": "2m", "threshold": 0.05}}
        engine["scrape"] = {"interval": "30s", "timeout": "10s"}
        data["alerts"] = {"MessageQueueBacklog": {"for": "10m"}, "DrawdownHigh": {"enabled": False}}
        data["routing"]["high"] |= {"group_wait": "0s", "group_interval": "1m"}

    return changed(change)


def divided(length: str, factor: float) -> float:
    """What a copy makes of a duration: whole scrapes, four at least, and nothing of nothing."""
    return max(LEAST, math.ceil(seconds(length) / factor)) if seconds(length) else 0.0


def pairs(project: Project, copy: Project) -> Iterator[tuple[Rule, Rule]]:
    """Each rule with its copy."""
    copies = {(rule.alert, rule.service): rule for rule in copy.rules}
    for rule in project.rules:
        if (rule.alert, rule.service) in copies:
            yield rule, copies[rule.alert, rule.service]


@pytest.mark.parametrize("factor", FACTORS)
def test_every_range_and_every_holding_time_is_divided(factor: int, project: Project) -> None:
    copied = list(pairs(project, scaled(project, factor)))

    assert len(copied) == 29
    for rule, copy in copied:
        assert seconds(copy.for_) == divided(rule.for_, factor), rule.alert
        expr = " ".join([copy.expr, *(record.expr for record in copy.records)])
        lengths = {literal.milliseconds / 1000 for literal in durations(expr)}
        for name, parameter in rule.spec.parameters.items():
            if parameter.unit == "duration":
                assert divided(str(rule.values[name]), factor) in lengths, f"{name} of {rule.alert} in {expr}"


def test_a_rule_that_is_switched_off_has_no_copy(project: Project) -> None:
    assert "DrawdownHigh" not in {rule.alert for rule in scaled(project, 20).rules}


def test_an_overrides_own_times_are_divided_and_its_numbers_are_not(project: Project) -> None:
    copy = next(rule for rule in scaled(project, 20).rules if rule.service)

    assert copy.alert == "OrderRejectionRateHigh"
    assert copy.for_ == "6s"
    assert "[30s]" in copy.records[0].expr
    assert copy.expr.endswith("> 0.05")


@pytest.mark.parametrize("factor", FACTORS)
def test_every_timer_of_a_route_is_divided_and_none_stays_none(factor: int, project: Project) -> None:
    before, after = (list(routes(each)) for each in (project, scaled(project, factor)))

    assert len(before) == len(after) > 4
    timed = [(old, new) for old, new in zip(before, after, strict=True) if "group_wait" in old]
    assert "0s" in {old["group_wait"] for old, _ in timed}
    for old, new in timed:
        assert old.get("matchers") == new.get("matchers")
        assert [seconds(new[name]) for name in TIMERS] == [divided(old[name], factor) for name in TIMERS]


def routes(project: Project) -> Iterator[dict[str, Any]]:
    """Every route that Alertmanager is given, the root first."""
    (text,) = render(AlertmanagerRenderer(), project.catalogue).values()

    def flat(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield route
        for child in route.get("routes", ()):
            yield from flat(child)

    return flat(yaml.safe_load(text)["route"])


@pytest.mark.parametrize("factor", FACTORS)
def test_everything_is_scraped_and_evaluated_each_second_whatever_the_factor(factor: int, project: Project) -> None:
    copy = scaled(project, factor)
    prometheus = yaml.safe_load(render(PrometheusRenderer(), copy.catalogue)[f"{layout.PROMETHEUS}/prometheus.yml"])

    assert prometheus["global"]["scrape_interval"] == prometheus["global"]["evaluation_interval"] == "1s"
    assert {job.get("scrape_interval", "1s") for job in prometheus["scrape_configs"]} == {"1s"}
    assert copy.catalogue.defaults.push.interval == "3s"


@pytest.mark.parametrize(
    ("factor", "flags"),
    [
        (1, ("--query.lookback-delta=5m", "--rules.alert.resend-delay=1m")),
        (20, ("--query.lookback-delta=15s", "--rules.alert.resend-delay=4s")),
        (1000, ("--query.lookback-delta=4s", "--rules.alert.resend-delay=4s")),
    ],
)
def test_look_back_and_resend_delay_are_divided_as_well(factor: int, flags: tuple[str, str]) -> None:
    assert faster_flags(Scale(factor)) == (*flags, "--scrape.discovery-reload-interval=1s")


def test_nothing_gets_shorter_than_four_scrapes_and_zero_stays_zero() -> None:
    scale = Scale(20)

    assert [scale.real(length) for length in ("10m", "80s", "79s", "1s", "0s")] == [30, 4, 4, 4, 0]
    assert [scale.timer(length) for length in ("1h", "10s", "0s")] == ["3m", "4s", "0s"]
    assert scale.timer("90s") == "5s"  # not less than a twentieth


def test_a_proofs_step_of_five_seconds_is_one_scrape() -> None:
    assert [Scale(20).in_proof(length) for length in ("10m", "1m", "0s")] == ["2m30s", "20s", "0s"]


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("factor", FACTORS)
def test_promtool_accepts_the_copys_rules(factor: int, project: Project, tmp_path: Path) -> None:
    copy = scaled(project, factor)
    files = {file.path: file.text for file in RulesRenderer().render(copy.request)}
    folder = write(files, tmp_path)

    assert len(files) == 10
    assert Promtool.find().check_rules(sorted((folder / layout.RULES).iterdir())) == ()


@pytest.mark.needs("promtool")
def test_what_is_drilled_is_proven_of_the_copys_rules(project: Project) -> None:
    """The rules as their proofs have them: the copy's own have the same durations, each divided by five."""
    copy = scaled(project, 20)
    as_proven = resolve([each.pack for each in project.packs], copy.catalogue)
    drilled = [with_drilled_cases(rule, copy) for rule in as_proven]

    report = prove(drilled, Promtool.find())

    assert report.cases == len(scenarios(as_proven, copy.catalogue)) == 30
    assert report.problems() == ()
    for rule, loaded in zip(as_proven, copy.rules, strict=True):
        lengths = [float(each.milliseconds) / 5 for each in durations(rule.expr)]
        assert [float(each.milliseconds) for each in durations(loaded.expr)] == pytest.approx(lengths, abs=0.5)
        assert seconds(loaded.for_) == seconds(rule.for_) / 5


def with_drilled_cases(rule: Rule, project: Project) -> Rule:
    """A rule whose proof has only the cases that drills play; of a rule for one service, with that service alone."""
    played: list[Scenario] = scenarios([rule], project.catalogue)
    cases = [each.case for each in played]
    if rule.service:
        cases = [case.model_copy(update={"targets": dict([next(iter(case.targets.items()))])}) for case in cases]
    proof = rule.proof.model_copy(update={"cases": tuple(cases)})
    return replace(rule, spec=rule.spec.model_copy(update={"proof": proof}))


def test_a_drill_of_the_copy_lasts_about_as_long_as_its_divided_times(project: Project) -> None:
    copy = scaled(project, 20)
    fast = {each.title: each for each in scenarios(copy.rules, copy.catalogue, pace=Scale(20).pace)}

    assert max(each.duration for each in fast.values()) < 60
    assert fast["MessageQueueBacklog"].interval == 1.0
    assert [each.at for each in fast["MessageQueueBacklog"].expects] == [30 / 5 + divided("10m", 20)]
