"""An alert on log lines, declared under a service: a real Loki fires it, and it is treated like all other alerts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

import pytest

from support.rendering import render, varied, write
from support.servers import Server, free_port, start_alertmanager, start_loki
from support.waiting import wait_for
from support.webhook import WebhookReceiver
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.alertmanager import AlertmanagerRenderer
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.where import native
from tapewatch_sdk.names import DATASOURCE_LOKI

pytestmark = pytest.mark.needs("loki", "alertmanager")

SERVICE = "risk-manager"

UNREADABLE = {
    "LimitFileUnreadable": {
        "expr": f'sum by (file) (count_over_time({{service="{SERVICE}"}} |= "cannot read limits" | json [10s])) > 1',
        "severity": "high",
        "summary": "The risk manager cannot read {{ $labels.file }}",
        "description": "{{ $value }} times in 10 s",
        "runbook_url": "https://wiki.example/limits",
    }
}

EVALUATED = ("-ruler.evaluation-interval=1s", "-ruler.poll-interval=1s")
"""By default the ruler evaluates once a minute."""


@dataclass
class Running:
    """The servers of this file, and who is told."""

    loki: Server
    alertmanager: Server
    webhook: WebhookReceiver

    def log(self, message: str, service: str = SERVICE) -> None:
        """A log line of a service, now."""
        labels = {"service": service, "environment": "local", "level": "error"}
        line = f'{{"message": "{message}", "file": "limits.toml"}}'
        self.loki.post("/loki/api/v1/push", {"streams": [{"stream": labels, "values": [[str(time.time_ns()), line]]}]})

    def held(self) -> dict[str, Any] | None:
        """The alert as Alertmanager holds it."""
        alerts = self.alertmanager.get_json('/api/v2/alerts?filter=alertname="LimitFileUnreadable"')
        return alerts[0] if alerts else None


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A Loki and an Alertmanager that are made from one catalogue."""
    folder = tmp_path_factory.mktemp("logs")
    with WebhookReceiver() as webhook:
        catalogue = _catalogue(webhook)
        locate = partial(native, data=str(folder / "data"), config=str(folder / layout.PROVISIONING))
        for renderer in (LokiRenderer(locate), AlertmanagerRenderer(locate)):
            write(render(renderer, catalogue), folder)
        ports = catalogue.stack.ports
        config = folder / layout.ALERTMANAGER / "alertmanager.yml"
        with (
            start_alertmanager(config, folder, port=ports.alertmanager) as alertmanager,
            start_loki(folder / layout.LOKI / "loki.yml", folder, *EVALUATED, port=ports.loki) as loki,
        ):
            yield Running(loki, alertmanager, webhook)


def _catalogue(webhook: WebhookReceiver) -> Catalogue:
    def change(data: dict[str, Any]) -> None:
        data["services"][SERVICE]["logs"] = {"alerts": UNREADABLE}
        data["stack"]["ports"] = {"alertmanager": free_port(), "loki": free_port(), "loki_grpc": free_port()}
        for name, receiver in data["receivers"].items():
            receiver["webhook"] = [{"url": f"{webhook.url}{name}"}]
        data["routing"]["high"].update(group_wait="0s", group_interval="1s", repeat_interval="1h")

    return varied(change)


def test_it_fires_reaches_the_teams_receiver_and_resolves(running: Running) -> None:
    running.log("cannot read limits", service="api")  # of another service, so it counts for nothing

    def fired() -> bool:
        running.log("cannot read limits")
        return bool(running.webhook.payloads)

    wait_for("the receiver is told", fired, 60, running.loki.log_tail)
    alert = running.webhook.wait_for_alert("LimitFileUnreadable")
    assert alert["labels"] == {
        "alertname": "LimitFileUnreadable", "severity": "high", "domain": "logs", "service": SERVICE, "team": "risk",
        "environment": "local", "file": "limits.toml",
    }  # fmt: skip
    assert alert["annotations"]["summary"] == "The risk manager cannot read limits.toml"
    assert re.fullmatch(r"\d+ times in 10 s", alert["annotations"]["description"])
    assert alert["annotations"]["runbook_url"] == "https://wiki.example/limits"
    assert set(running.webhook.paths) == {"/risk-chat"}, "the risk team has a receiver of its own for high alerts"
    assert running.webhook.wait_for_alert("LimitFileUnreadable", "resolved", timeout=60)


def test_its_link_leads_to_its_query_in_grafana(running: Running) -> None:
    link = unquote(running.webhook.wait_for_alert("LimitFileUnreadable")["generatorURL"])

    assert link.startswith("http://localhost:3000/explore?")
    assert DATASOURCE_LOKI in link
    assert "cannot read limits" in link.replace("+", " ")


def test_an_alert_that_its_service_is_down_silences_it(running: Running) -> None:
    down = {
        "alertname": "ServiceDown", "severity": "critical", "extent": "all", "service": SERVICE, "team": "risk",
        "environment": "local", "domain": "infrastructure",
    }  # fmt: skip
    running.alertmanager.post("/api/v2/alerts", [{"labels": down}])

    def silenced() -> bool:
        running.log("cannot read limits")
        held = running.held()
        return bool(held and held["status"]["inhibitedBy"])

    wait_for("the alert is inhibited", silenced, 60, running.alertmanager.log_tail)
