"""The generated files on real servers: a Prometheus, an Alertmanager and a node_exporter as one of the targets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support.samples import edited
from support.servers import Server, free_port, start_alertmanager, start_node_exporter, start_prometheus
from support.waiting import wait_for
from support.webhook import WebhookReceiver
from tapewatch.project import open_project
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.where import native

pytestmark = pytest.mark.needs("prometheus", "alertmanager", "node_exporter")

# As long as two scrapes: the test shows that the alert arrives; that it waits a minute is promtool's part.
FASTER = (
    ("  scrape: {interval: 5s, timeout: 4s}", "  scrape: {interval: 1s, timeout: 1s}"),
    ("  evaluation_interval: 5s", "  evaluation_interval: 1s"),
    ("alerts: {}", "alerts: {ServiceDown: {for: 2s}}"),
)


@dataclass
class Running:
    """The servers of one test."""

    prometheus: Server
    alertmanager: Server
    exporter: Server
    webhook: WebhookReceiver

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        answer = self.prometheus.get_json(f"/api/v1/query?query={quote(expr)}")
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


@pytest.fixture(scope="module", params=[None, pytest.param("3.5", marks=pytest.mark.needs("prometheus-3.5"))])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The sample with short intervals; the exporter answers for the service `api`."""
    folder = tmp_path_factory.mktemp("stack")
    with WebhookReceiver() as webhook, start_node_exporter(folder) as exporter:
        ports = {"prometheus": free_port(), "alertmanager": free_port()}
        text = edited(
            *FASTER,
            ("${API_ADDRESS:-api:8000}", f"127.0.0.1:{exporter.port}"),
            ("stack:\n", f"stack:\n  ports: {ports}\n"),
        ).replace("http://api:8000/api/alerts/webhook", webhook.url)
        (folder / "catalogue.yaml").write_text(text, encoding="utf-8")
        _write_native(folder)
        provisioning = folder / "provisioning"
        with (
            start_alertmanager(
                provisioning / "alertmanager/alertmanager.yml", folder, port=ports["alertmanager"]
            ) as alertmanager,
            start_prometheus(
                provisioning / "prometheus/prometheus.yml", folder, version=request.param, port=ports["prometheus"]
            ) as prometheus,
        ):
            yield Running(prometheus, alertmanager, exporter, webhook)


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


def test_the_samples_arrive_with_the_catalogues_labels(running: Running) -> None:
    found = wait_for(
        "a sample of the exporter is stored",
        lambda: running.query('node_cpu_seconds_total{service="api"}'),
        30,
        running.prometheus.log_tail,
    )

    labels = found[0]["metric"]
    assert {name: labels[name] for name in ("environment", "service", "team", "job")} == {
        "environment": "local",
        "service": "api",
        "team": "platform",
        "job": "services",
    }
    assert labels["instance"] == f"127.0.0.1:{running.exporter.port}"


def test_29_alert_rules_are_loaded_and_evaluate_without_error(running: Running) -> None:
    def evaluated() -> list[dict[str, Any]] | None:
        groups = running.prometheus.get_json("/api/v1/rules")["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        return rules if all(rule["health"] != "unknown" for rule in rules) else None

    rules = wait_for("every rule was evaluated once", evaluated, 30, running.prometheus.log_tail)

    assert len({rule["name"] for rule in rules if rule["type"] == "alerting"}) == 29
    assert [rule["name"] for rule in rules if rule["type"] == "alerting"].count("ServiceDown") == 1
    assert [rule for rule in rules if rule["health"] != "ok"] == []


def test_every_service_of_the_catalogue_is_expected(running: Running) -> None:
    expected = wait_for("services are expected", lambda: running.query("tapewatch_expected"), 30)

    assert len(expected) == 8
    assert {each["metric"]["environment"] for each in expected} == {"local"}


def test_service_down_fires_when_the_exporter_stops_and_reaches_alertmanager_and_the_receiver(running: Running) -> None:
    wait_for("the exporter is up", lambda: running.query('up{service="api"} == 1'), 30, running.prometheus.log_tail)
    running.exporter.stop()

    def held() -> list[dict[str, Any]]:
        alerts = running.alertmanager.get_json("/api/v2/alerts")
        return [alert for alert in alerts if _is_api_down(alert["labels"])]

    alerts = wait_for("Alertmanager holds ServiceDown of api", held, 60, running.alertmanager.log_tail)
    assert {alert["labels"]["extent"] for alert in alerts} <= {"some", "all"}
    assert {receiver["name"] for alert in alerts for receiver in alert["receivers"]} == {"history", "platform-pager"}

    payload = running.webhook.wait_for(
        "the receiver is told of api", lambda each: any(_is_api_down(alert["labels"]) for alert in each["alerts"]), 60
    )
    told = next(alert for alert in payload["alerts"] if _is_api_down(alert["labels"]))
    assert told["labels"]["severity"] == "critical"
    assert told["annotations"]["runbook_url"].endswith("ServiceDown.md")
    assert "api" in told["annotations"]["summary"]


def _is_api_down(labels: dict[str, str]) -> bool:
    return labels["alertname"] == "ServiceDown" and labels.get("service") == "api"


def test_a_service_added_to_the_targets_is_scraped_without_a_restart(running: Running) -> None:
    def started() -> str:
        return str(running.query("process_start_time_seconds{job='prometheus'}")[0]["value"][1])

    before = started()
    targets = running.exporter.folder.parent / "provisioning/prometheus/targets/services.yml"
    group = f"""
- targets: ['127.0.0.1:{running.prometheus.port}']
  labels: {{environment: local, service: added, team: platform}}
"""
    targets.write_text(targets.read_text(encoding="utf-8") + group, encoding="utf-8")

    wait_for("it is up", lambda: running.query('up{service="added"} == 1'), 60, running.prometheus.log_tail)
    assert started() == before
