"""The real servers start, answer and stop; what goes wrong is said with the log."""

from __future__ import annotations

import json
import signal
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from support.servers import (
    Server,
    free_port,
    start_alertmanager,
    start_jaeger,
    start_loki,
    start_node_exporter,
    start_prometheus,
)
from support.waiting import wait_for
from support.webhook import WebhookReceiver

ALERTMANAGER = """
route: {{receiver: hook, group_wait: 0s, group_interval: 1s}}
receivers:
  - name: hook
    webhook_configs: [{{url: "{url}"}}]
"""

LOKI = """
auth_enabled: false
server: {http_listen_port: 3100}
common:
  path_prefix: data
  replication_factor: 1
  storage: {filesystem: {chunks_directory: data/chunks, rules_directory: data/rules}}
  ring: {instance_addr: 127.0.0.1, kvstore: {store: inmemory}}
ingester: {lifecycler: {min_ready_duration: 0s}}
schema_config:
  configs:
    - {from: 2024-01-01, store: tsdb, object_store: filesystem, schema: v13, index: {prefix: index_, period: 24h}}
analytics: {reporting_enabled: false}
"""

JAEGER = """
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry: {{metrics: {{level: none}}}}
extensions:
  jaeger_storage: {{backends: {{memory: {{memory: {{max_traces: 1000}}}}}}}}
  jaeger_query: {{storage: {{traces: memory}}}}
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{otlp}"}}}}}}
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
"""


def scrape(target: Server) -> str:
    jobs = [{"job_name": "node", "static_configs": [{"targets": [f"127.0.0.1:{target.port}"]}]}]
    return json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs})


def send_span(service: str, address: str) -> None:
    """One span of one millisecond, as OTLP in JSON."""
    now = time.time_ns()
    span = {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "name": "check limit",
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 1_000_000),
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()


@pytest.mark.needs("prometheus", "node_exporter")
def test_prometheus_scrapes_a_real_node_exporter_until_it_is_stopped(tmp_path: Path) -> None:
    with (
        start_node_exporter(tmp_path) as exporter,
        start_prometheus(scrape(exporter), tmp_path) as prometheus,
    ):

        def up() -> list[str]:
            return [item["value"][1] for item in prometheus.get_json("/api/v1/query?query=up")["data"]["result"]]

        wait_for("the target is up", lambda: up() == ["1"])
        exporter.stop()
        wait_for("the target is down", lambda: up() == ["0"], log=prometheus.log_tail)
        exporter.start()
        wait_for("the target is up again", lambda: up() == ["1"])


@pytest.mark.needs("prometheus-3.5")
def test_the_oldest_prometheus_starts_as_well(tmp_path: Path) -> None:
    with start_prometheus("{}", tmp_path, version="3.5") as prometheus:
        assert prometheus.get_json("/api/v1/status/buildinfo")["data"]["version"].startswith("3.5.")


@pytest.mark.needs("alertmanager")
def test_alertmanager_delivers_to_the_webhook_receiver(tmp_path: Path) -> None:
    with (
        WebhookReceiver() as receiver,
        start_alertmanager(ALERTMANAGER.format(url=receiver.url), tmp_path) as alertmanager,
    ):
        alertmanager.post("/api/v2/alerts", [{"labels": {"alertname": "ServiceDown", "service": "risk-manager"}}])
        alert = receiver.wait_for_alert("ServiceDown")
        assert alert["labels"]["service"] == "risk-manager"
        assert receiver.payloads[0]["version"] == "4"


@pytest.mark.needs("loki")
def test_loki_takes_a_line_and_gives_it_back(tmp_path: Path) -> None:
    with start_loki(LOKI, tmp_path) as loki:
        line = {"stream": {"service": "risk-manager"}, "values": [[str(time.time_ns()), "limit reached"]]}
        loki.post("/loki/api/v1/push", {"streams": [line]})
        query = "/loki/api/v1/query_range?query=%7Bservice%3D%22risk-manager%22%7D"
        streams = wait_for("the line is found", lambda: loki.get_json(query)["data"]["result"], log=loki.log_tail)
        assert streams[0]["values"][0][1] == "limit reached"


@pytest.mark.needs("jaeger")
def test_jaeger_takes_a_span_and_knows_its_service(tmp_path: Path) -> None:
    otlp = free_port()
    with start_jaeger(JAEGER.format(otlp=otlp), tmp_path) as jaeger:
        send_span("risk-manager", f"http://127.0.0.1:{otlp}/v1/traces")
        answer = "/api/v3/services"
        services = wait_for(
            "the service is known", lambda: jaeger.get_json(answer).get("services"), log=jaeger.log_tail
        )
        assert services == ["risk-manager"]


@pytest.mark.needs("prometheus")
def test_a_server_that_refuses_its_configuration_fails_at_once_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"(?s)prometheus ended with code \d+ before it was ready.*no_such_key"):
        start_prometheus("no_such_key: 1", tmp_path)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_server_is_gone_and_can_be_started_again(tmp_path: Path, how: signal.Signals) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with Server("files", command, port, "/", tmp_path).start() as server:
        server.stop(how)
        server.stop(how)
        with pytest.raises(OSError, match="refused"):
            server.get("/")
        server.start()
        assert "log" in server.get("/")


def test_a_status_of_400_and_above_is_an_error_with_the_servers_words(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with (
        Server("files", command, port, "/", tmp_path).start() as server,
        pytest.raises(OSError, match=r"404 from /none: (?s:.*)File not found"),
    ):
        server.get("/none")


def test_a_wait_that_ends_says_what_was_awaited_the_last_answer_and_the_log() -> None:
    with pytest.raises(AssertionError) as raised:
        wait_for("the moon is full", lambda: [], timeout=0.1, log=lambda: "half moon")
    assert str(raised.value) == "waited 0.1 s until the moon is full; the last answer was []\nlog:\nhalf moon"


def test_an_error_meanwhile_is_an_answer_too() -> None:
    def look() -> bool:
        raise ConnectionRefusedError("nobody there")

    with pytest.raises(AssertionError, match=r"the last answer was ConnectionRefusedError.'nobody there'"):
        wait_for("it answers", look, timeout=0.1)


def test_the_receiver_keeps_what_it_was_sent_and_says_what_it_lacks() -> None:
    with WebhookReceiver() as receiver:
        urllib.request.urlopen(receiver.url + "a", data=b'{"alerts": []}').close()
        assert receiver.payloads == [{"alerts": []}]
        assert receiver.paths == ["/a"]
        with pytest.raises(AssertionError, match=r"(?s)KillSwitch is delivered as firing.*received so far: .*alerts"):
            receiver.wait_for_alert("KillSwitch", timeout=0.1)
