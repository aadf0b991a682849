"""The whole stack in containers, from the files that are committed in form: metrics arrive, and all 29 alerts fire.

The stack of this file scrapes every second and its rules and routes are 20 times as fast (`support.compose`); how long
an alert takes when nothing is divided is what promtool proves, and `test_unscaled.py` for a nightly.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_api_client import PrometheusConnect
from rich.console import Console

from support.compose import FACTOR, Stack, compose_stack
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.drilling.ears import WebhookEar
from tapewatch.drilling.play import play
from tapewatch.drilling.report import as_junit, as_table
from tapewatch.drilling.scale import Scale, scaled
from tapewatch.drilling.scenario import DrillTarget, Expectation, Scenario, Series, scenarios, without_stimulus
from tapewatch.drilling.steps import Outcome, Step
from tapewatch.project import open_project
from tapewatch.running.clients import RefusedError

pytestmark = [pytest.mark.needs("docker", "compose", "images"), pytest.mark.alone]

SEED = "TAPEWATCH_SEED"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running stack that all tests of this file share."""
    with compose_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def ear(stack: Stack) -> Iterator[WebhookEar]:
    """Every receiver of the catalogue: all are told at one address, and each message names its receiver."""
    with WebhookEar((stack.venue.listen, stack.venue.port)) as listening:
        yield listening


def played(stack: Stack, ear: WebhookEar, wanted: Sequence[Scenario], name: str) -> list[Outcome]:
    """What came of scenarios, played at once; the table stands in the test's output."""
    outcomes = play(wanted, stack.venue, stack.project.catalogue, ear, name=name)
    Console(width=100).print(as_table(outcomes))
    return outcomes


def drills(stack: Stack, *alerts: str, run: str = "") -> list[Scenario]:
    """The drills of alerts, or of all, whose messages go to the real receivers."""
    rules = [rule for rule in stack.project.rules if not alerts or rule.alert in alerts]
    return scenarios(rules, stack.project.catalogue, notify=True, pace=Scale(FACTOR).pace, run=run)


def failures(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Why drills failed, by alert."""
    return {outcome.scenario.rule.alert: outcome.failure for outcome in outcomes if not outcome.passed}


def test_every_part_that_has_an_image_here_is_healthy(stack: Stack) -> None:
    state = stack.state()

    assert {
        "prometheus",
        "alertmanager",
        "loki",
        "jaeger",
        "node-exporter",
        "blackbox-exporter",
        "api",
        "platform",
    } <= set(state)
    assert {name: how for name, how in state.items() if how != "healthy" and name != "prepare"} == {}
    assert state["prepare"] == "exited"


def test_every_service_of_the_catalogue_is_measured_with_its_labels(stack: Stack) -> None:
    connection = PrometheusConnect(stack.prometheus.url)
    catalogue = stack.project.catalogue

    for name, service in catalogue.services.items():
        wanted = {"environment": catalogue.environment, "service": name, "team": service.team}

        def look(wanted: dict[str, str] = wanted) -> list[Any]:
            found: list[Any] = connection.get_current_metric_value("system_uptime_seconds", label_config=wanted)
            return found

        wait_for(f"samples of {name} are stored", look, 60, stack.log_tail)
        families = {family.name for family in catalogue.families.values() if family.domain in service.emits}
        names = {each["metric"]["__name__"] for each in connection.custom_query(f'{{service="{name}"}}')}
        stored = {one for one in names for family in families if one.startswith(family)}
        assert {family for family in families if not any(one.startswith(family) for one in stored)} == set(), name


def test_verify_in_the_stack_finds_every_service_as_the_catalogue_says(stack: Stack) -> None:
    def verified() -> str:
        out, errors, code = in_platform(stack, "tapewatch", "verify", "--prometheus", "http://prometheus:9090")
        if code:
            raise ValueError(out + errors)
        return out

    # The service that pushes may just have begun: a push that is whole must have come within two intervals.
    said = wait_for("every service is as declared", verified, 60, stack.log_tail)

    for name, service in stack.project.catalogue.services.items():
        where = "http://prometheus:9090" if service.mode == "push" else f"http://{service.targets[0]}/metrics"
        (line,) = [each for each in said.splitlines() if each.split()[0] == name]
        assert line.split()[1] == "ok"
        assert line.endswith(where)


def test_the_audit_trail_of_the_platform_arrives_from_a_container_that_cannot_write_its_root(stack: Stack) -> None:
    def begun() -> bool:
        rows = in_history(stack, "select distinct source from system_events where event_type = 'ENGINE_START'")
        return {row["source"] for row in rows} >= set(stack.project.catalogue.services) - {"api"}

    wait_for("every service has told that it began", begun, 60, stack.log_tail)


def test_what_a_service_pushes_and_what_becomes_of_its_orders_is_in_the_history(stack: Stack) -> None:
    def pushed() -> list[dict[str, Any]]:
        return in_history(
            stack,
            "select metric_name, count(*) as samples from trading_metrics "
            "where service = 'capture-pipeline' and metric_name = 'iceberg_rows_written_total' group by metric_name",
        )

    def traded() -> list[dict[str, Any]]:
        return in_history(stack, "select trade_id, symbol, price from trades where price > 0 limit 5")

    assert wait_for("capture-pipeline's rows are there", pushed, 60, stack.log_tail)[0]["samples"] > 0
    wait_for("trades are there", traded, 60, stack.log_tail)


def in_history(stack: Stack, question: str) -> list[dict[str, Any]]:
    """What the history's file answers, asked in its container while it is written to."""
    words = ["tapewatch", "history", "sql", "--format", "json", question]
    done = subprocess.run(
        ["docker", "compose", "exec", "-T", "api", *words],
        cwd=stack.folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ValueError(done.stdout + done.stderr)
    return list(json.loads(done.stdout))


def in_platform(stack: Stack, *command: str) -> tuple[str, str, int]:
    """What a command in the sample platform's container prints, its errors and its exit code."""
    words = ["docker", "compose", "exec", "-T", "platform", *command]
    done = subprocess.run(words, cwd=stack.folder, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout, done.stderr, done.returncode


def test_nothing_fires_for_the_sample_platform_at_rest(stack: Stack) -> None:
    services = "|".join(stack.project.catalogue.services)

    assert stack.prometheus.query(f'ALERTS{{alertstate="firing",service=~"{services}"}}') == []


def test_all_29_alerts_fire_arrive_at_their_receivers_and_resolve(
    stack: Stack, ear: WebhookEar, tmp_path: Path, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = drills(stack)
    assert len({scenario.rule.alert for scenario in wanted}) == 29

    outcomes = played(stack, ear, wanted, "29")

    with capsys.disabled():  # the report of each run, also of one in which all is well
        Console(width=100).print("", as_table(outcomes), sep="\n")
    (tmp_path / "drills.xml").write_text(as_junit(outcomes), encoding="utf-8")
    record_property("drills", str(tmp_path / "drills.xml"))
    assert failures(outcomes) == {}, stack.log_tail()
    for outcome in outcomes:
        _arrived_as_the_catalogue_says(stack, outcome)


def _arrived_as_the_catalogue_says(stack: Stack, outcome: Outcome) -> None:
    rule = outcome.scenario.rule
    routing = stack.project.catalogue.routing
    for track in outcome.tracks:
        assert track.told is not None
        steps = [track.steps[step] for step in Step if step in track.steps]
        assert steps == sorted(steps), outcome.title
        assert (Step.PENDING in track.steps) == (rule.for_ != "0s"), outcome.title
        labels, told = track.told.labels, track.told.annotations
        assert labels["severity"] == rule.severity
        of_team = cast(Mapping[str, str], routing.teams.get(labels["team"], {}))
        assert track.told.receiver == of_team.get(rule.severity, routing.by_severity[rule.severity].receiver)
        assert labels["service"] in told["summary"]
        assert told["runbook_url"].endswith(f"{rule.alert}.md")
        assert f"var-service={labels['service']}" in told["dashboard_url"]
        assert "{{" not in "".join(told.values())


def test_exactly_the_alerts_whose_stimulus_is_missing_are_red(
    stack: Stack, ear: WebhookEar, record_property: Any
) -> None:
    seed = int(os.environ.get(SEED, random.SystemRandom().randrange(10**6)))
    record_property(SEED, seed)
    alerts = sorted({rule.alert for rule in stack.project.rules})
    removed = set(random.Random(seed).sample(alerts, len(alerts) // 3))
    part = drills(stack, run="part")
    part = [without_stimulus(each) if each.rule.alert in removed else each for each in part]
    none = [without_stimulus(each) for each in drills(stack, run="none")]

    outcomes = played(stack, ear, [*part, *none], "missing")

    of_part = failures(outcomes[: len(part)])
    assert set(of_part) == removed, f"{SEED}={seed}: { ({name: of_part.get(name) for name in set(of_part) ^ removed}) }"
    red = failures(outcomes[len(part) :])
    assert set(red) == set(alerts)
    assert all("its condition never held" in reason for reason in red.values()), red


def test_a_rule_changed_by_hand_is_named(stack: Stack, ear: WebhookEar) -> None:
    path = stack.folder / layout.RULES / "risk.yml"
    right = path.read_text(encoding="utf-8")
    try:
        path.write_text(right.replace("risk_kill_switch_active", "risk_killswitch_active", 1), encoding="utf-8")
        stack.prometheus.reload()
        outcomes = played(stack, ear, drills(stack, "KillSwitchActivated", "DrawdownHigh", run="changed"), "changed")
    finally:
        path.write_text(right, encoding="utf-8")
        stack.prometheus.reload()

    assert set(failures(outcomes)) == {"KillSwitchActivated"}
    assert "risk_killswitch_active" in failures(outcomes)["KillSwitchActivated"]


def test_a_service_that_is_down_hides_its_other_alerts_and_nobody_elses(stack: Stack, ear: WebhookEar) -> None:
    (down,) = drills(stack, "ServiceDown", run="down")
    (switch,) = drills(stack, "KillSwitchActivated", run="other")
    (hidden,) = drills(stack, "KillSwitchActivated", run="hidden")
    # The service whose scraped target stops answering still pushes that its kill switch is on.
    service = down.targets[0].service
    hidden = _pushed_for(hidden, {**hidden.expects[0].labels, "service": service}, later=down.expects[0].at + 5)

    outcomes = played(stack, ear, [_long(down, 30), hidden, switch], "inhibited")

    assert set(failures(outcomes)) == {"KillSwitchActivated"}
    assert [outcome.passed for outcome in outcomes] == [True, False, True]
    assert "another alert inhibits it" in outcomes[1].failure


def _pushed_for(scenario: Scenario, labels: dict[str, str], later: float) -> Scenario:
    """The kill switch of another service, on `later` seconds after the start, pushed for as long as it is played."""
    interval = 3.0
    values = (*[0.0] * int(later / interval), *[1.0] * 40)
    target = DrillTarget(
        labels={name: labels[name] for name in ("environment", "service", "team")},
        instance="",
        series=(Series("risk_kill_switch_active", {}, values),),
        up=Series("up", {}, (1.0,)),
        expected=False,
        pushed=True,
    )
    expected = Expectation(labels, later, later + 40 * interval)
    return Scenario(scenario.rule, scenario.case, (target,), interval, (expected,))


def _long(scenario: Scenario, seconds: float) -> Scenario:
    """The same drill, in which what is down stays down for longer."""
    from dataclasses import replace

    steps = int(seconds / scenario.interval)

    def longer(values: tuple[Any, ...]) -> tuple[Any, ...]:
        down = [index for index, value in enumerate(values) if value == 0.0]
        return (*values[: down[-1]], *[0.0] * steps, *values[down[-1] :]) if down else values

    targets = tuple(replace(each, up=replace(each.up, values=longer(each.up.values))) for each in scenario.targets)
    later = tuple(replace(each, until=(each.until or 0) + steps * scenario.interval) for each in scenario.expects)
    return replace(scenario, targets=targets, expects=later)


def test_a_service_added_to_the_catalogue_is_scraped_without_a_restart(stack: Stack) -> None:
    def started() -> str:
        found = stack.prometheus.query('process_start_time_seconds{job="prometheus"}')
        return str(found[0]["value"][1]) if found else ""

    before = wait_for("Prometheus has scraped itself", started, 30, stack.log_tail)
    catalogue = stack.folder / "catalogue.yaml"
    text = catalogue.read_text(encoding="utf-8")
    added = "services:\n  added:\n    language: python\n    address: platform:9092\n    emits: [host]\n"
    catalogue.write_text(text.replace("services:\n", added, 1), encoding="utf-8")
    files = scaled(open_project(stack.folder), FACTOR).render()
    targets = f"{layout.TARGETS}/services.yml"
    (stack.folder / targets).write_text(files[targets], encoding="utf-8")

    wait_for("it is up", lambda: stack.prometheus.query('up{service="added"} == 1'), 60, stack.log_tail)
    assert started() == before


def test_a_broken_configuration_is_refused_and_the_old_one_lives_on(stack: Stack) -> None:
    path = stack.folder / layout.RULES / "risk.yml"
    right = path.read_text(encoding="utf-8")
    before = sorted(rule["name"] for rule in stack.prometheus.rules())
    try:
        path.write_text(right.replace("expr:", "expr: sum(", 1), encoding="utf-8")
        with pytest.raises(RefusedError, match="failed to reload config"):
            stack.prometheus.reload()
        assert sorted(rule["name"] for rule in stack.prometheus.rules()) == before
        answering = stack.prometheus.query('count(up{service="prometheus"} == 1)')
        assert answering
    finally:
        path.write_text(right, encoding="utf-8")
        stack.prometheus.reload()
