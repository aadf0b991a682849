"""A real Prometheus scrapes a service."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest

from sdk.service.conftest import Starting
from sdk.tracing.otlp_receiver import OtlpReceiver
from support.servers import start_prometheus
from support.waiting import wait_for
from tapewatch_sdk.tracing import span

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: risk-manager
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@pytest.mark.needs("prometheus")
def test_an_exemplar_in_a_real_prometheus_leads_to_the_span_that_was_sent(
    starting: Starting, receiver: OtlpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", receiver.traces_url)
    service = starting()
    with span("check limit"), service.registry.histogram("check_seconds", "Time of a check.").time():
        pass
    assert service.flush(30)
    flag = "--enable-feature=exemplar-storage"
    with start_prometheus(CONFIG.format(port=service.server.port if service.server else 0), tmp_path, flag) as server:

        def labels() -> object:
            window = "start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z"
            (found,) = server.get_json(f"/api/v1/query_exemplars?query=check_seconds_bucket&{window}")["data"]
            return found["exemplars"][0]["labels"]

        exemplar = wait_for("the exemplar is scraped", labels, log=server.log_tail)

    sent = receiver.span("check limit")
    assert exemplar == {
        "trace_id": b64decode(sent["traceId"]).hex(),
        "span_id": b64decode(sent["spanId"]).hex(),
    }
