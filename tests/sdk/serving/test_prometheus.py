"""A real Prometheus scrapes the server, in both formats."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from support.servers import Server, start_prometheus
from support.waiting import wait_for
from tapewatch_sdk.instruments import MetricsRegistry, set_exemplar_source
from tapewatch_sdk.serving import serve

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: text
  scrape_protocols: [PrometheusText0.0.4]
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
- job_name: openmetrics
  scrape_protocols: [OpenMetricsText1.0.0]
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
- job_name: whatever-it-prefers
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""

JOBS = {"text", "openmetrics", "whatever-it-prefers"}
TRACE = "0af7651916cd43dd8448eb211c80319c"


def asked(prometheus: Server, query: str) -> dict[str, str]:
    """The value of a query by job."""
    result = prometheus.get_json(f"/api/v1/query?query={quote(query)}")["data"]["result"]
    return {each["metric"]["job"]: each["value"][1] for each in result}


@pytest.mark.needs("prometheus")
def test_a_real_prometheus_takes_both_formats_and_the_exemplars(tmp_path: Path) -> None:
    registry = MetricsRegistry(prefix="risk")
    registry.counter("checks_total", "Checks made.", ["symbol"]).labels(symbol='odd "\\\n ä').inc(3)
    set_exemplar_source(lambda: {"trace_id": TRACE})
    try:
        registry.histogram("check_seconds", "Time of a check.", buckets=[0.1, 1]).observe(0.05)
    finally:
        set_exemplar_source(None)
    with (
        serve(0, "127.0.0.1", registry=registry) as server,
        start_prometheus(CONFIG.format(port=server.port), tmp_path, "--enable-feature=exemplar-storage") as prometheus,
    ):
        wait_for(
            "all are scraped", lambda: asked(prometheus, "up") == dict.fromkeys(JOBS, "1"), log=prometheus.log_tail
        )

        assert asked(prometheus, 'risk_checks_total{symbol="odd \\"\\\\\\n ä"}') == dict.fromkeys(JOBS, "3")
        assert asked(prometheus, 'risk_check_seconds_bucket{le="0.1"}') == dict.fromkeys(JOBS, "1")
        window = "start=2020-01-01T00:00:00Z&end=2100-01-01T00:00:00Z"
        exemplars = prometheus.get_json(f"/api/v1/query_exemplars?query=risk_check_seconds_bucket&{window}")["data"]
        found = {each["seriesLabels"]["job"]: each["exemplars"][0]["labels"] for each in exemplars}
        assert found == {job: {"trace_id": TRACE} for job in JOBS - {"text"}}
        targets = prometheus.get_json("/api/v1/targets")["data"]["activeTargets"]
        assert [target["lastError"] for target in targets] == ["", "", ""]
