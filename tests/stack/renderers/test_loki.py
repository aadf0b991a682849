"""loki.yml and the ruler's file."""

from __future__ import annotations

import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from support.rendering import render, varied, write
from support.samples import load_sample
from support.servers import start_loki
from support.waiting import wait_for
from tapewatch import layout
from tapewatch.renderers.loki import LokiRenderer
from tapewatch.renderers.where import native
from tapewatch.servers import find
from tapewatch_sdk.names import DATASOURCE_LOKI

CONFIG = f"{layout.LOKI}/loki.yml"
RULES = f"{layout.LOKI}/rules/fake/tapewatch.yml"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def with_log_alert(data: dict[str, Any]) -> None:
    data["services"]["risk-manager"]["logs"] = {
        "alerts": {
            "LimitFileUnreadable": {
                "expr": 'sum by (service) (count_over_time({service="risk-manager"} |= "cannot read limits" [5m])) > 0',
                "severity": "high",
                "for": "1m",
                "summary": "The risk manager cannot read its limits",
                "runbook_url": "https://wiki.example/limits",
            }
        }
    }


def otlp_line() -> dict[str, Any]:
    def attributes(**values: str) -> list[dict[str, Any]]:
        return [{"key": key.replace("_", "."), "value": {"stringValue": value}} for key, value in values.items()]

    record = {
        "timeUnixNano": str(time.time_ns()),
        "severityText": "ERROR",
        "traceId": TRACE,
        "spanId": "b7ad6b7169203331",
        "body": {"stringValue": "limit breached"},
        "attributes": attributes(level="error", order="o-17"),
    }
    resource = attributes(service="risk-manager", environment="local", service_name="risk-manager", host_name="a")
    return {"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [{"logRecords": [record]}]}]}


def test_the_sample_has_no_rules_for_the_ruler_which_yet_finds_its_file() -> None:
    files = render(LokiRenderer(), load_sample())

    assert list(files) == [CONFIG, RULES]
    assert yaml.safe_load(files[RULES]) == {"groups": []}


def test_an_alert_on_log_lines_carries_the_labels_that_routes_go_by() -> None:
    (group,) = yaml.safe_load(render(LokiRenderer(), varied(with_log_alert))[RULES])["groups"]
    (rule,) = group["rules"]
    assert rule["for"] == "1m"
    assert rule["labels"] == {
        "severity": "high", "domain": "logs", "environment": "local", "service": "risk-manager", "team": "risk",
    }  # fmt: skip
    assert rule["annotations"] == {
        "summary": "The risk manager cannot read its limits", "runbook_url": "https://wiki.example/limits",
    }  # fmt: skip


def test_the_link_of_an_alert_on_log_lines_leads_to_grafana() -> None:
    ruler = yaml.safe_load(render(LokiRenderer(), load_sample())[CONFIG])["ruler"]
    assert (ruler["external_url"], ruler["datasource_uid"]) == ("http://localhost:3000", DATASOURCE_LOKI)


def test_retention_comes_from_the_catalogue_and_nothing_calls_home() -> None:
    config = yaml.safe_load(
        render(LokiRenderer(), varied(lambda data: data["stack"]["retention"].update(logs="30d")))[CONFIG]
    )
    assert config["limits_config"]["retention_period"] == "30d"
    assert config["compactor"]["retention_enabled"] is True
    assert config["analytics"] == {"reporting_enabled": False}
    assert config["server"]["grpc_listen_port"] == 19095


@pytest.mark.needs("loki")
def test_loki_itself_accepts_the_configuration(tmp_path: Path) -> None:
    for name, catalogue in (("sample", load_sample()), ("rules", varied(with_log_alert))):
        file = write(render(LokiRenderer(), catalogue), tmp_path / name) / CONFIG
        done = subprocess.run(
            [find("loki").path, "-verify-config", f"-config.file={file}"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("loki")
def test_a_line_sent_by_otlp_has_three_labels_and_is_found_by_its_trace(tmp_path: Path) -> None:
    locate = partial(native, data=str(tmp_path / "data"), config=str(tmp_path / layout.PROVISIONING))
    folder = write(render(LokiRenderer(locate), varied(with_log_alert)), tmp_path)
    with start_loki(folder / CONFIG, tmp_path) as loki:
        loki.post("/otlp/v1/logs", otlp_line())
        query = quote(f'{{service="risk-manager"}} | trace_id="{TRACE}"')
        lines = wait_for(
            "the line is found", lambda: loki.get_json(f"/loki/api/v1/query_range?query={query}")["data"]["result"]
        )
        assert lines[0]["values"][0][1] == "limit breached"
        assert lines[0]["stream"]["order"] == "o-17"
        assert loki.get_json("/loki/api/v1/labels")["data"] == ["environment", "level", "service"]
        groups = loki.get_json("/prometheus/api/v1/rules")["data"]["groups"]
        assert [rule["name"] for group in groups for rule in group["rules"]] == ["LimitFileUnreadable"]
