"""The heartbeat on real servers: it beats while Prometheus and Alertmanager live, and stops when either is killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest

from support.samples import edited
from support.servers import Server, free_port, start_alertmanager, start_prometheus
from support.waiting import wait_for
from support.webhook import WebhookReceiver
from tapewatch import layout
from tapewatch.project import open_project
from tapewatch.proving.files import prove_files
from tapewatch.proving.promtool import Promtool
from tapewatch.proving.routing import prove_routing
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.where import native

pytestmark = pytest.mark.needs("prometheus", "alertmanager")

INTERVAL = 2.0
"""Seconds between two beats."""

RESEND = 1.0
"""Prometheus's resend delay in seconds; by default it is a minute."""

FORGOTTEN = 4 * RESEND
"""Seconds after which Alertmanager gives up an alert that Prometheus no longer sends: four times the resend delay."""

FASTER = (
    ("  scrape: {interval: 5s, timeout: 4s}", "  scrape: {interval: 1s, timeout: 1s}"),
    ("  evaluation_interval: 5s", "  evaluation_interval: 500ms"),
    # Nothing answers for the sample's services: ServiceDown fires for all, and silences what it can.
    ("alerts: {}", "alerts: {ServiceDown: {for: 1s}}"),
)


@dataclass
class Running:
    """The servers of one test."""

    folder: Path
    prometheus: Server
    alertmanager: Server
    outside: WebhookReceiver
    people: WebhookReceiver

    def beats(self, more: int, awaited: str) -> None:
        """Wait for so many further beats."""
        wanted = len(self.outside.payloads) + more
        wait_for(awaited, lambda: len(self.outside.payloads) >= wanted, 60, self._logs)

    def beats_stop(self) -> None:
        """Three intervals pass without a beat."""
        before = len(self.outside.payloads)
        time.sleep(3 * INTERVAL)
        assert self.outside.payloads[before:] == []

    def held(self) -> list[dict[str, Any]]:
        """The heartbeat as Alertmanager holds it; empty when it has given it up."""
        alerts: list[dict[str, Any]] = self.alertmanager.get_json('/api/v2/alerts?filter=alertname="Heartbeat"')
        return alerts

    def _logs(self) -> str:
        return f"{self.prometheus.log_tail()}\n{self.alertmanager.log_tail()}"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The sample with a heartbeat and short intervals."""
    folder = tmp_path_factory.mktemp("heartbeat")
    with WebhookReceiver() as outside, WebhookReceiver() as people:
        ports = {"prometheus": free_port(), "alertmanager": free_port()}
        beat = f"{{url: '{outside.url}', interval: {INTERVAL:g}s}}"
        text = edited(*FASTER, ("stack:\n", f"stack:\n  ports: {ports}\n  heartbeat: {beat}\n"))
        text = text.replace("http://api:8000/api/alerts/webhook", people.url)
        (folder / "catalogue.yaml").write_text(text, encoding="utf-8")
        _write_native(folder)
        with (
            start_alertmanager(
                folder / layout.ALERTMANAGER / "alertmanager.yml", folder, port=ports["alertmanager"]
            ) as alertmanager,
            start_prometheus(
                folder / layout.PROMETHEUS / "prometheus.yml",
                folder,
                f"--rules.alert.resend-delay={RESEND:g}s",
                port=ports["prometheus"],
            ) as prometheus,
        ):
            yield Running(folder, prometheus, alertmanager, outside, people)


def _write_native(folder: Path) -> None:
    """Every generated file, with the addresses of one machine in place of compose's."""
    project = open_project(folder)
    assert not project.check()
    files = project.render()
    for renderer in (PrometheusRenderer(native), AlertmanagerRenderer(native)):
        files |= {file.path: file.text for file in renderer.render(project.request)}
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def test_it_beats_once_in_an_interval_while_alerts_fire_and_nobody_else_is_told_of_it(running: Running) -> None:
    running.people.wait_for_alert("ServiceDown", timeout=60)
    running.beats(1, "a beat")
    start = time.monotonic()
    running.beats(5, "five further beats")
    took = time.monotonic() - start

    # Were every second beat left out it would take ten intervals; were each sent twice, half of five.
    assert 3.5 * INTERVAL < took < 7.5 * INTERVAL
    beats = [(beat["receiver"], [alert["labels"] for alert in beat["alerts"]]) for beat in running.outside.payloads]
    labels = {"alertname": "Heartbeat", "severity": "none", "environment": "local", "team": "platform"}
    assert all(beat == ("heartbeat", [labels]) for beat in beats)
    told = {alert["labels"]["alertname"] for payload in running.people.payloads for alert in payload["alerts"]}
    assert "ServiceDown" in told
    assert "Heartbeat" not in told


def test_it_stops_once_prometheus_is_killed_and_its_last_alert_has_run_out_and_comes_back_with_it(
    running: Running,
) -> None:
    running.beats(1, "a beat")
    running.prometheus.stop(SIGKILL)
    killed = time.time()
    (alert,) = running.held()
    # A second for what was on its way when the process was killed.
    assert datetime.fromisoformat(alert["endsAt"]).timestamp() < killed + FORGOTTEN + 1

    wait_for("Alertmanager has given up the heartbeat", lambda: running.held() == [], 60, running.alertmanager.log_tail)
    running.beats_stop()
    assert {payload["status"] for payload in running.outside.payloads} == {"firing"}, "a resolve would be a beat"

    running.prometheus.start()
    running.beats(2, "beats of the Prometheus that was started again")


def test_it_stops_when_alertmanager_is_killed_and_comes_back_with_it(running: Running) -> None:
    running.beats(1, "a beat")
    running.alertmanager.stop(SIGKILL)
    time.sleep(0.5)  # for a beat that was on its way when the process was killed

    running.beats_stop()

    running.alertmanager.start()
    running.beats(2, "beats of the Alertmanager that was started again")


@pytest.mark.needs("promtool", "amtool")
def test_with_it_on_everything_is_proven_the_heartbeat_too(running: Running) -> None:
    project = open_project(running.folder)
    routing = prove_routing(project.catalogue, project.rules, running.folder / layout.ALERTMANAGER / "alertmanager.yml")
    files = prove_files(project, running.folder, Promtool.find(), alerts=["Heartbeat"])

    assert routing.problems == ()
    assert files.problems == []
    assert files.cases == 2
