"""`tapewatch status`, `reload` and `logs` on a running stack of containers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from stack.running.small_stack import (
    ALERTMANAGER_CONFIG,
    FILES,
    PROMETHEUS_CONFIG,
    RULES,
    TARGETS,
    Running,
    Stack,
    flat,
    image,
)
from tapewatch.running.containers import containers

pytestmark = pytest.mark.needs("docker", "compose", "images")

RULES_FILE = "provisioning/prometheus/rules/risk.yml"
TARGETS_FILE = "provisioning/prometheus/targets/services.yml"
ALERTMANAGER_FILE = "provisioning/alertmanager/alertmanager.yml"
PROMETHEUS_FILE = "provisioning/prometheus/prometheus.yml"


@pytest.fixture
def live(running: Running) -> Iterator[Stack]:
    """The running stack; its files are put back afterwards."""
    yield running.stack
    changed = [path for path, text in FILES.items() if running.stack.read(path) != text]
    for path in changed:
        running.stack.write(path, FILES[path])
    if changed:
        done = running.stack.run("reload")
        assert done.returncode == 0, done.stderr


def status(stack: Stack) -> tuple[dict[str, Any], list[str]]:
    """The services by name, and the codes of the problems."""
    said = json.loads(stack.run("status", "--format", "json").stdout)
    return {each["name"]: each for each in said["services"]}, [each["code"] for each in said["problems"]]


def threshold(stack: Stack) -> str:
    """The end of the one rule that Prometheus has loaded."""
    return str(stack.prometheus.rules()[0]["query"]).rpartition(" ")[2]


def test_status_tells_state_version_address_and_that_all_is_well(live: Stack) -> None:
    done = live.run("status")

    services, problems = status(live)

    assert done.returncode == 0, done.stdout
    assert (problems, set(services)) == ([], {"prometheus", "alertmanager"})
    for name, server in (("prometheus", live.prometheus), ("alertmanager", live.alertmanager)):
        assert services[name]["state"] == "healthy"
        assert services[name]["version"] == server.version()
        assert services[name]["url"] == server.url
        assert services[name]["stand_in"] is ("stand-in" in done.stdout)


def test_a_stack_that_does_not_run_is_told_so_by_status_and_reload(live: Stack) -> None:
    other = Stack(live.folder)

    assert other.run("status").returncode == 1
    assert "error[compose/down]" in other.run("status").stdout
    done = other.run("reload")
    assert (done.returncode, "run `tapewatch up`" in done.stderr) == (2, True)


def test_reload_makes_a_new_threshold_live_which_status_missed_before(live: Stack) -> None:
    live.write(RULES_FILE, RULES.replace("0.10", "0.2"))
    assert status(live)[1] == ["server/unread"]

    done = live.run("reload")

    assert done.returncode == 0, done.stderr
    assert "prometheus reloaded: 1 rules, 1 alerts" in flat(done.stdout)
    assert threshold(live) == "0.2"
    assert status(live)[1] == []


def test_reload_waits_until_a_new_target_is_there(live: Stack) -> None:
    live.write(TARGETS_FILE, TARGETS.replace("b:2", "b:2, c:3"))

    assert live.run("reload").returncode == 0

    targets = live.prometheus.get_json("/api/v1/targets", state="active")["data"]["activeTargets"]
    assert "c:3" in {target["labels"]["instance"] for target in targets}


def test_a_broken_rule_is_refused_with_its_line_and_the_old_rules_live_on(live: Stack) -> None:
    live.write(RULES_FILE, RULES.replace("> 0.10", "> 0.2 >"))
    live.write(PROMETHEUS_FILE, PROMETHEUS_CONFIG.replace("evaluation_interval: 1s", "evaluation_interval: 2s"))
    live.write(ALERTMANAGER_FILE, ALERTMANAGER_CONFIG.replace("nobody", "somebody"))

    done = live.run("reload")

    assert done.returncode == 1
    assert f"--> {RULES_FILE}:6:11" in done.stderr
    assert "could not parse expression" in flat(done.stderr)
    assert threshold(live) == "0.1"
    config = live.prometheus.get_json("/api/v1/status/config")["data"]["yaml"]
    assert "evaluation_interval: 1s" in config, "half of the new configuration is live"
    assert "alertmanager reloaded" in flat(done.stdout)
    assert "somebody" in live.alertmanager.get("/api/v2/status")


def test_a_broken_route_is_refused_with_its_line_and_prometheus_is_reloaded_all_the_same(live: Stack) -> None:
    live.write(ALERTMANAGER_FILE, f"{ALERTMANAGER_CONFIG}nonsense: 1\n")
    live.write(RULES_FILE, RULES.replace("0.10", "0.3"))

    done = live.run("reload")

    assert done.returncode == 1
    assert f"--> {ALERTMANAGER_FILE}:3" in done.stderr
    assert "field nonsense not found" in flat(done.stderr)
    assert threshold(live) == "0.3"
    assert "nobody" in live.alertmanager.get("/api/v2/status")
    assert status(live)[1] == ["server/old-configuration"]


def test_other_settings_in_the_compose_file_are_noticed_by_status(live: Stack) -> None:
    before = (live.folder / "docker-compose.yml").read_text(encoding="utf-8")
    live.write("docker-compose.yml", before.replace("--web.enable-lifecycle", "--web.enable-admin-api"))
    try:
        assert status(live)[1] == ["compose/changed"]
    finally:
        live.write("docker-compose.yml", before)


def test_a_service_that_was_stopped_is_named_by_status_and_reload_and_started_by_up(live: Stack) -> None:
    (container,) = (each.id for name, each in containers(live.project).items() if name == "alertmanager")
    subprocess.run(["docker", "stop", container], check=True, capture_output=True)

    services, problems = status(live)
    reloaded = live.run("reload")
    again = live.run("up")

    assert (services["alertmanager"]["state"], problems) == ("exited", ["compose/unwell"])
    assert reloaded.returncode == 1
    assert "alertmanager cannot be reloaded: it does not run (exited)" in flat(reloaded.stderr)
    assert "prometheus reloaded" in flat(reloaded.stdout)
    assert again.returncode == 0, again.stderr
    assert status(live)[1] == []


def test_a_container_that_somebody_removed_is_missed(live: Stack) -> None:
    subprocess.run(
        ["docker", "rm", "--force", containers(live.project)["prometheus"].id], check=True, capture_output=True
    )
    try:
        done = live.run("status")
    finally:
        assert live.run("up").returncode == 0

    assert done.returncode == 1
    assert "error[compose/not-made]: prometheus is not there" in done.stdout


def test_logs_are_those_of_the_service_that_was_asked_for(live: Stack) -> None:
    done = live.run("logs", "--tail", "5", "alertmanager")

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert 0 < len(lines) <= 5
    assert all(line.startswith("alertmanager-1") for line in lines)
    assert "did you mean `alertmanager`?" in flat(live.run("logs", "alertmanger").stderr)


def test_grafanas_password_is_printed_when_asked_for_and_never_else(stack: Stack) -> None:
    writes = {
        "image": image("prometheus"),
        "user": "root",
        "entrypoint": ["sh", "-c", "echo s3cret-word > /run/tapewatch/grafana-password"],
        "volumes": ["secrets:/run/tapewatch"],
        "tmpfs": ["/prometheus"],
    }
    stack.write_services(prometheus=None, alertmanager=None, prepare=writes)
    before = stack.run("status", "--grafana-password")
    assert (before.returncode, "error[compose/no-password]" in before.stderr) == (2, True)

    shown = [stack.run("up"), stack.run("status")]
    printed = stack.run("status", "--grafana-password")

    assert printed.stdout == "s3cret-word\n"
    assert all("s3cret-word" not in done.stdout + done.stderr for done in shown)
    assert all("prepare done" in flat(done.stdout) for done in shown)


def test_a_service_that_reads_its_file_only_at_its_start_is_restarted_when_that_is_asked_for(stack: Stack) -> None:
    # Any program will do: what counts is the service's name, its file, and when its container was started.
    stack.write_services(prometheus=None, loki=stack.alertmanager_service(), alertmanager=None)
    assert stack.run("up").returncode == 0
    before = containers(stack.project)["loki"].started
    stack.write("provisioning/loki/loki.yml", "changed: true\n")

    told = stack.run("reload")
    warned = status(stack)[1]
    done = stack.run("reload", "--restart")

    assert "provisioning/loki/loki.yml is read at a start alone" in flat(told.stdout)
    assert warned == ["server/restart"]
    assert done.returncode == 0, done.stderr
    after = containers(stack.project)["loki"].started
    assert before is not None
    assert after is not None
    assert after > before
    assert status(stack)[1] == []
