"""Drills on real servers: what fires, arrives and resolves, what is red and why, and what a drill never does.

Two stacks run at once, and everything that takes long is played in them side by side: a throw-away copy in which time
passes twenty times as fast, and the generated files as they are, with a command line that drills the real receivers.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from support.rendering import varied_text
from support.servers import free_port, start_alertmanager, start_prometheus
from support.waiting import wait_for
from support.webhook import WebhookReceiver
from tapewatch import layout
from tapewatch.drilling.ears import WebhookEar
from tapewatch.drilling.play import play
from tapewatch.drilling.scale import Scale, scaled
from tapewatch.drilling.scenario import Expectation, Scenario, scenarios, without_stimulus
from tapewatch.drilling.steps import Outcome, Step
from tapewatch.drilling.throwaway import throwaway
from tapewatch.drilling.venue import Venue, running_venue
from tapewatch.project import Project, open_project
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer
from tapewatch.renderers.where import native

pytestmark = [pytest.mark.needs("prometheus", "alertmanager"), pytest.mark.xdist_group("drills")]

FACTOR = 20
WEBHOOK = "http://api:8000/api/alerts/webhook"
"""Where the sample's receivers send."""

REAL = {"alertname": "OrderRejectionRateHigh", "severity": "high", "domain": "execution", "team": "trading",
        "service": "execution-engine", "environment": "local"}  # fmt: skip
"""An alert of a real service, which the kill switch of a real service would silence."""

BROKEN = "risk_breaker_state"
"""What the metric of CircuitBreakerOpen is called after somebody edited the rule."""


def project_in(folder: Path, url: str, change: Callable[[dict[str, Any]], object]) -> Project:
    """The sample after a change, all of whose receivers are one webhook."""
    text = varied_text(change)
    assert text.count(WEBHOOK) == 7
    (folder / "catalogue.yaml").write_text(text.replace(WEBHOOK, url), encoding="utf-8")
    return open_project(folder)


def drills(project: Project, *alerts: str, service: str = "", pace: float = 1.0, **more: Any) -> list[Scenario]:
    """The drills of alerts, in their order; of the rule for one service if it is named."""
    rules = [rule for name in alerts for rule in project.rules if (rule.alert, rule.service) == (name, service)]
    return scenarios(rules, project.catalogue, pace=pace, **more)


def edit_rule(venue: Venue, domain: str, alert: str, edit: Callable[[dict[str, Any]], object]) -> None:
    """What a person does who changes a rule file by hand: of an alert, or of what is recorded under this name."""
    path = venue.folder / "rules" / f"{domain}.yml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    rules = [rule for group in data["groups"] for rule in group["rules"]]
    edit(next(rule for rule in rules if alert in (rule.get("alert"), rule.get("record"))))
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    venue.prometheus.reload()


def renamed(old: str, new: str) -> Callable[[dict[str, Any]], object]:
    """Another metric in a rule's expression."""

    def edit(rule: dict[str, Any]) -> None:
        assert old in rule["expr"]
        rule["expr"] = rule["expr"].replace(old, new)

    return edit


def left(venue: Venue, number: int | str = "") -> list[str]:
    """The files of drills, or of one drill."""
    found = venue.folder.glob(f"*/*drill-{number}*")
    return sorted(f"{path.parent.name}/{path.name}" for path in found)


# -- a stack as it is generated, natively


@dataclass
class Native:
    """The running stack, its project's folder, and what its receivers were told."""

    project: Project
    venue: Venue
    webhook: WebhookReceiver

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """`tapewatch drill ...` in its project, begun."""
        return subprocess.Popen(
            [sys.executable, "-m", "tapewatch.cli", "drill", *arguments],
            cwd=self.project.root,
            env={**os.environ, "COLUMNS": "80"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def told(self) -> list[tuple[str, str, str]]:
        """Receiver, alert and service of all that was delivered."""
        return [
            (payload["receiver"], alert["labels"]["alertname"], alert["labels"]["service"])
            for payload in list(self.webhook.payloads)
            for alert in payload["alerts"]
        ]

    def post(self, labels: Mapping[str, str]) -> None:
        """An alert, as Prometheus would send it."""
        ends = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        body = json.dumps([{"labels": labels, "annotations": {}, "endsAt": ends}]).encode()
        self.venue.alertmanager.post("/api/v2/alerts", body, {"Content-Type": "application/json"})

    def held(self, service: str) -> list[dict[str, Any]]:
        """What Alertmanager holds of a service."""
        return self.venue.alertmanager.alerts(f'service="{service}"')


@pytest.fixture(scope="module")
def native_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Native]:
    """The sample, scraped and told of each second; ServiceDown is off because no service is there."""
    folder = tmp_path_factory.mktemp("native")
    ports = {name: free_port() for name in ("prometheus", "alertmanager", "drill")}
    soon = {"group_wait": "0s", "group_interval": "2s"}

    def change(data: dict[str, Any]) -> None:
        data["defaults"] |= {"scrape": {"interval": "1s", "timeout": "1s"}, "evaluation_interval": "1s"}
        data["alerts"] = {"ServiceDown": {"enabled": False}}
        data["stack"]["ports"] = ports
        for severity in ("critical", "high", "medium"):
            data["routing"][severity] |= soon

    with WebhookReceiver() as webhook:
        project = project_in(folder, webhook.url, change)
        for renderer in (PrometheusRenderer(native), AlertmanagerRenderer(native), RulesRenderer()):
            for file in renderer.render(project.request):
                (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
                (folder / file.path).write_text(file.text, encoding="utf-8")
        with (
            start_alertmanager(
                folder / layout.ALERTMANAGER / "alertmanager.yml",
                folder,
                "--enable-feature=receiver-name-in-metrics",
                port=ports["alertmanager"],
            ),
            start_prometheus(
                folder / layout.PROMETHEUS / "prometheus.yml",
                folder,
                "--web.enable-otlp-receiver",
                port=ports["prometheus"],
            ),
        ):
            venue = running_venue(project)
            edit_rule(venue, "risk", "CircuitBreakerOpen", renamed("risk_circuit_breaker_status", BROKEN))
            yield Native(project, venue, webhook)


@dataclass
class Finished:
    """A command that has come to its end."""

    code: int
    data: list[dict[str, Any]]
    junit: ElementTree.Element


@pytest.fixture(scope="module")
def begun(native_stack: Native) -> Iterator[subprocess.Popen[str]]:
    """`tapewatch drill --notify` of an alert of each severity, and of one whose rule was changed; takes 100 s."""
    alerts = ("KillSwitchActivated", "DrawdownHigh", "DailyLossLimitApproaching", "CircuitBreakerOpen")
    process = native_stack.command(*alerts, "--notify", "--format", "json", "--junit", "drills.xml")
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.fixture(scope="module")
def finished(begun: subprocess.Popen[str], native_stack: Native) -> Finished:
    printed, errors = begun.communicate(timeout=300)
    assert not errors, errors
    junit = ElementTree.parse(native_stack.project.root / "drills.xml").getroot()
    return Finished(begun.returncode, json.loads(printed), junit)


def wait_until_listed(process: subprocess.Popen[str], venue: Venue) -> None:
    """Until the targets of a begun drill stand in its file."""
    path = venue.folder / "targets" / f"drill-{process.pid}.yml"

    def look() -> bool:
        assert process.poll() is None, process.communicate()
        return path.exists() and "drill-" in path.read_text(encoding="utf-8")

    wait_for(f"{path.name} has targets", look, 60)


def ends(process: subprocess.Popen[str]) -> int:
    process.communicate(timeout=60)
    return process.returncode


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_an_interrupted_drill_leaves_no_file(how: signal.Signals, native_stack: Native, begun: object) -> None:
    drill = native_stack.command("KillSwitchActivated", "TelemetryMissing")
    wait_until_listed(drill, native_stack.venue)

    drill.send_signal(how)

    assert ends(drill) == 128 + how
    assert left(native_stack.venue, drill.pid) == []


def test_what_a_killed_drill_leaves_is_taken_away_by_the_next(native_stack: Native, begun: Any) -> None:
    venue = native_stack.venue
    killed = native_stack.command("TelemetryMissing")
    rules = venue.folder / "rules" / f"drill-{killed.pid}.yml"
    wait_for("it lets Prometheus expect its services", rules.exists, 60)
    killed.kill()
    ends(killed)
    assert left(venue, killed.pid) == [f"rules/drill-{killed.pid}.yml", f"targets/drill-{killed.pid}.yml"]

    following = native_stack.command("KillSwitchActivated")
    wait_until_listed(following, venue)

    assert left(venue, killed.pid) == []
    assert left(venue, following.pid) == [f"targets/drill-{following.pid}.yml"]
    assert left(venue, begun.pid), "a drill that lives is left alone"
    assert not [rule for rule in venue.prometheus.rules() if rule.get("labels", {}).get("service", "").startswith("dr")]
    following.terminate()
    ends(following)


def test_two_drills_cannot_be_told_at_one_port(native_stack: Native) -> None:
    with WebhookEar((native_stack.venue.listen, native_stack.venue.port)):
        drill = native_stack.command("KillSwitchActivated")
        _, errors = drill.communicate(timeout=60)

    assert drill.returncode == 2
    assert "error[drill/port]" in errors
    assert left(native_stack.venue, drill.pid) == []


# -- what is played in both stacks at once


@dataclass
class Played:
    """What came of everything that was played."""

    copy: dict[str, Outcome]
    """In the throw-away copy, by the name that this test gave each drill."""
    copy_files: str
    """The configuration of the copy's Alertmanager and Prometheus, with targets and rules."""
    copy_left: list[str]
    told_by_copy: list[Any]
    here: Outcome
    """The kill switch in the stack as it is."""
    real: list[dict[str, Any]]
    """How Alertmanager held the real alert, look by look, while the drilled kill switch fired."""
    unreached: Outcome
    """A drill whose targets Prometheus cannot reach."""


@pytest.fixture(scope="module")
def played(native_stack: Native, begun: object, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Everything, in three threads; each mostly waits."""
    with ThreadPoolExecutor(3) as beside, WebhookReceiver() as nobody:
        copy = beside.submit(play_in_copy, tmp_path_factory.mktemp("copy"), nobody)
        here = beside.submit(play_here, native_stack)
        unreached = beside.submit(play_unreached, native_stack)
        outcomes, files, files_left = copy.result()
        outcome, real = here.result()
        return Played(outcomes, files, files_left, list(nobody.payloads), outcome, real, unreached.result())


def play_here(stack: Native) -> tuple[Outcome, list[dict[str, Any]]]:
    """The kill switch five times as fast, which changes nothing for a rule without durations."""
    stack.post(REAL)
    seen: list[dict[str, Any]] = []

    def watched(outcomes: Sequence[Outcome], elapsed: float) -> None:
        if outcomes[0].at(Step.FIRING) is not None:
            seen.extend(stack.held(REAL["service"]))

    wanted = drills(stack.project, "KillSwitchActivated", pace=5)
    with WebhookEar((stack.venue.listen, stack.venue.port)) as ear:
        (outcome,) = play(wanted, stack.venue, stack.project.catalogue, ear, name=f"{os.getpid()}", watched=watched)
    return outcome, seen


def play_unreached(stack: Native) -> Outcome:
    """Nobody listens at the address that Prometheus is told."""
    elsewhere = replace(stack.venue, reach="127.0.0.9")
    wanted = drills(stack.project, "DailyLossLimitExceeded", run="unreached")
    with WebhookEar((stack.venue.listen, 0)) as ear:
        return play(wanted, elsewhere, stack.project.catalogue, ear, name=f"{os.getpid()}0")[0]


def play_in_copy(folder: Path, nobody: WebhookReceiver) -> tuple[dict[str, Outcome], str, list[str]]:
    """Everything that a copy can show, in one run."""

    def change(data: dict[str, Any]) -> None:
        own = {"OrderRejectionRateHigh": {"threshold": 0.05}, "ExchangeApiErrorRateHigh": {"threshold": 0.2}}
        data["services"]["execution-engine"]["alerts"] = own
        data["stack"]["remote_write"] = [{"name": "elsewhere", "url": f"{nobody.url}write"}]
        data["stack"]["heartbeat"] = {"url": f"{nobody.url}beat", "interval": "20s"}

    copy = scaled(project_in(folder, nobody.url, change), FACTOR)
    wanted = in_copy(copy)
    with throwaway(copy, Scale(FACTOR), folder / "run") as venue, WebhookEar((venue.listen, venue.port)) as ear:
        edit_rule(venue, "risk", "CircuitBreakerOpen", renamed("risk_circuit_breaker_status", BROKEN))
        record = "service:execution_rate_limit_remaining:ratio"
        edit_rule(venue, "execution", record, renamed("execution_rate_limit_capacity", "execution_rate_limit"))
        edit_rule(venue, "market_data", "MessageQueueBacklog", lambda rule: rule.update({"for": "10m"}))
        outcomes = play(list(wanted.values()), venue, copy.catalogue, ear, name="copy")
        files = "".join(path.read_text(encoding="utf-8") for path in venue.folder.parent.rglob("*.yml"))
        return dict(zip(wanted, outcomes, strict=True)), files, left(venue)


def in_copy(copy: Project) -> dict[str, Scenario]:
    """The drills of the copy by name: some as they are, some that must be red."""

    def fast(*alerts: str, **more: Any) -> list[Scenario]:
        return drills(copy, *alerts, pace=Scale(FACTOR).pace, **more)

    right = fast("KillSwitchActivated", "ServiceDown", "TelemetryMissing", "OrderRejectionRateHigh")
    (own,) = fast("OrderRejectionRateHigh", service="execution-engine")
    still = fast("KillSwitchActivated", "ServiceDown", "TelemetryMissing", "OrderRejectionRateHigh", run="still")
    broken = fast("CircuitBreakerOpen", "ExchangeRateLimitLow", "MessageQueueBacklog")
    (switch,), (loss,), (drawdown,) = (
        fast(alert, run="odd") for alert in ("KillSwitchActivated", "DailyLossLimitExceeded", "DrawdownHigh")
    )
    (errors,) = fast("ExchangeApiErrorRateHigh", run="errors")
    (errors_own,) = fast("ExchangeApiErrorRateHigh", service="execution-engine", notify=True)
    quiet = switch.targets[1].service
    return {
        **{each.title: each for each in right},
        **{f"still {each.title}": without_stimulus(each) for each in still},
        **{f"broken {each.title}": each for each in broken},
        "override": own,
        "default between the thresholds": under(right[-1], own, "drill-between"),
        "override between the thresholds": under(errors_own, errors, errors_own.targets[0].service),
        "stray": expecting(switch, lambda each: replace(each, labels={**each.labels, "service": quiet})),
        "early": expecting(loss, lambda each: replace(each, at=each.at + 30)),
        "short": expecting(drawdown, lambda each: replace(each, until=(each.until or 0) + 30)),
    }


def under(rule_of: Scenario, values_of: Scenario, service: str) -> Scenario:
    """What one drill exposes, watched by the rule of another, under a service of its own."""
    target = values_of.targets[0]
    labels = {**target.labels, "service": service}
    expects = tuple(replace(each, labels={**each.labels, "service": service}) for each in rule_of.expects)
    return replace(rule_of, targets=(replace(target, labels=labels),), expects=expects)


def expecting(scenario: Scenario, change: Callable[[Expectation], Expectation]) -> Scenario:
    return replace(scenario, expects=tuple(map(change, scenario.expects)))


DRILLED = (
    "KillSwitchActivated",
    "ServiceDown",
    "TelemetryMissing",
    "TelemetryMissing pushed",
    "OrderRejectionRateHigh",
)


@pytest.mark.parametrize("name", [*DRILLED, "override"])
def test_an_alert_takes_every_step_in_its_order_and_is_told_with_its_texts(name: str, played: Played) -> None:
    outcome = played.copy[name]

    assert outcome.failure == ""
    assert outcome.passed
    for track in outcome.tracks:
        times = [track.steps[step] for step in Step if step in track.steps]
        assert times == sorted(times)
        assert (Step.PENDING in track.steps) == (outcome.scenario.rule.for_ != "0s")
        assert track.told is not None
        assert track.told.receiver == "drill"
        assert track.labels.items() <= track.told.labels.items()
        assert track.labels["service"] in track.told.annotations["summary"]


@pytest.mark.parametrize("name", DRILLED)
def test_without_its_stimulus_the_same_drill_is_red(name: str, played: Played) -> None:
    assert played.copy[f"still {name}"].failure.startswith("its condition never held")
    assert "not the project's" not in played.copy[f"still {name}"].failure


def test_between_the_two_thresholds_the_override_fires_and_the_default_does_not(played: Played) -> None:
    assert played.copy["override"].passed
    assert played.copy["default between the thresholds"].failure.startswith("its condition never held")


def test_what_the_default_would_fire_for_is_silent_where_an_override_is_looser(played: Played) -> None:
    assert played.copy["override between the thresholds"].failure.startswith("its condition never held")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("CircuitBreakerOpen", ["its condition never held", f"`{BROKEN}` instead of `risk_circuit_breaker_status`"]),
        (
            "ExchangeRateLimitLow",
            [
                "the recording rule service:execution_rate_limit_remaining:ratio",
                "`execution_rate_limit` instead of `execution_rate_limit_capacity`",
            ],
        ),
        ("MessageQueueBacklog", ["it was pending, but did not fire", "waits for 10m, the project's for 4s"]),
    ],
)
def test_a_rule_that_was_changed_by_hand_is_red_and_the_difference_is_named(
    name: str, says: list[str], played: Played
) -> None:
    failure = played.copy[f"broken {name}"].failure

    assert failure.endswith("generate and reload")
    for text in says:
        assert text in failure


def test_an_alert_that_must_be_silent_too_early_or_too_short_is_red(played: Played) -> None:
    stray, early, short = (played.copy[name].failure for name in ("stray", "early", "short"))

    assert stray == "it fired for drill-odd-killswitchactivated-risk-a, for which the proof says it must be silent"
    assert re.fullmatch(r"it fired \d+\.\d s after the start, not after 36\.0 s", early)
    assert re.fullmatch(r"it resolved \d+\.\d s after the start, not after 48\.0 s", short)


def test_the_copy_tells_nobody_but_the_drill(played: Played) -> None:
    assert played.told_by_copy == []
    assert "KillSwitchActivated" in played.copy_files
    for text in ("remote_write", "receiver: heartbeat", "market-data:9091", "service: capture-pipeline"):
        assert text not in played.copy_files


def test_nothing_is_left_in_the_copys_folders(played: Played) -> None:
    assert played.copy_left == []


def test_a_drill_in_the_running_stack_is_told_at_its_own_port(played: Played) -> None:
    assert played.here.failure == ""
    assert played.here.passed
    told = played.here.tracks[0].told
    assert told is not None
    assert (told.receiver, told.labels["team"]) == ("drill", "risk")


def test_a_drill_silences_no_real_alert(played: Played, native_stack: Native) -> None:
    assert played.real
    assert {tuple(each["status"]["inhibitedBy"]) for each in played.real} == {()}
    assert ("desk-chat", REAL["alertname"], REAL["service"]) in native_stack.told()


def test_a_kill_switch_that_is_no_drill_would_have_silenced_it(played: Played, native_stack: Native) -> None:
    native_stack.post({**REAL, "alertname": "KillSwitchActivated", "severity": "critical", "service": "risk-manager"})

    wait_for(
        "it is silenced", lambda: any(each["status"]["inhibitedBy"] for each in native_stack.held(REAL["service"])), 20
    )


def test_targets_that_cannot_be_reached_are_told_with_what_prometheus_says(played: Played) -> None:
    failure = played.unreached.failure

    assert failure.startswith("Prometheus did not get the drill's samples; it says: ")
    assert "connection refused" in failure
    assert "it must be able to reach 127.0.0.9; a firewall may stand between them" in failure


def test_with_notify_the_receivers_of_severity_and_team_are_told(finished: Finished, native_stack: Native) -> None:
    told = {
        (receiver, alert) for receiver, alert, service in native_stack.told() if service.startswith("drill-notify-")
    }

    assert told == {
        ("risk-pager", "KillSwitchActivated"),
        ("risk-chat", "DrawdownHigh"),
        ("team-mail", "DailyLossLimitApproaching"),
    }
    receivers = {each["alert"]: each["alerts"][0]["receiver"] for each in finished.data}
    assert {(receiver, alert) for alert, receiver in receivers.items() if receiver} == told


def test_without_notify_no_drill_ever_reaches_a_real_receiver(
    finished: Finished, played: Played, native_stack: Native
) -> None:
    services = {service for _, _, service in native_stack.told() if service.startswith("drill-")}

    assert services
    assert all(service.startswith("drill-notify-") for service in services)


def test_a_command_with_a_red_drill_ends_with_1_and_says_so_in_both_reports(finished: Finished) -> None:
    assert finished.code == 1
    assert {each["alert"]: each["passed"] for each in finished.data} == {
        "KillSwitchActivated": True,
        "DrawdownHigh": True,
        "DailyLossLimitApproaching": True,
        "CircuitBreakerOpen": False,
    }
    failed = {case.get("name"): case.find("failure") for case in finished.junit}
    assert {name: failure is None for name, failure in failed.items()} == {
        each["drill"]: each["passed"] for each in finished.data
    }
    red = failed["CircuitBreakerOpen"]
    assert red is not None
    assert f"`{BROKEN}` instead of `risk_circuit_breaker_status`" in red.get("message", "")


def test_after_all_drills_no_file_of_them_is_left(finished: Finished, played: Played, native_stack: Native) -> None:
    assert left(native_stack.venue) == []
