"""Stack Health: is the monitoring itself well?"""

from __future__ import annotations

from tapewatch_dashboards.facade import Query, board, row, stat, table, timeseries
from tapewatch_sdk.names import EXPECTED
from tapewatch_sdk.plugins import Dashboard, Request

__all__ = ["stack_health"]

_RED_FROM_ONE = (("green", None), ("red", 1.0))


def stack_health(request: Request) -> Dashboard:
    """The dashboard; it is the same for every catalogue."""
    return board(
        "stack-health",
        "Stack Health",
        "Is the monitoring itself well?",
        [
            row(
                stat(
                    "Targets down",
                    "How many scraped targets do not answer?",
                    Query("count(up == 0) or vector(0)", instant=True),
                    unit="short",
                    thresholds=_RED_FROM_ONE,
                ),
                stat(
                    "Services expected",
                    "How many services should be seen?",
                    Query(f"count({EXPECTED})", instant=True),
                    unit="short",
                ),
                stat(
                    "Rule evaluations failed",
                    "Did any rule fail to evaluate in the last 5 minutes?",
                    Query("sum(increase(prometheus_rule_evaluation_failures_total[5m]))", instant=True),
                    unit="short",
                    thresholds=_RED_FROM_ONE,
                ),
                stat(
                    "Notifications failed",
                    "Did Alertmanager fail to deliver in the last 5 minutes?",
                    Query("sum(increase(alertmanager_notifications_failed_total[5m]))", instant=True),
                    unit="short",
                    thresholds=_RED_FROM_ONE,
                ),
                stat(
                    "Alerts firing",
                    "How many alerts fire right now?",
                    Query('count(ALERTS{alertstate="firing",severity!="none"}) or vector(0)', instant=True),
                    unit="short",
                ),
                height=4,
            ),
            row(
                table(
                    "Targets",
                    "Which targets answer (1) and which do not (0)?",
                    Query("min by (environment, service, team, job, instance) (up)", instant=True),
                    unit="short",
                ),
                timeseries(
                    "Scrape duration",
                    "How long does a scrape take, by service?",
                    Query("max by (service) (scrape_duration_seconds)", "{{service}}"),
                    unit="s",
                ),
            ),
            row(
                timeseries(
                    "Samples ingested",
                    "How many samples does Prometheus take in a second?",
                    Query("sum(rate(prometheus_tsdb_head_samples_appended_total[$__rate_interval]))", "samples"),
                    unit="short",
                ),
                timeseries(
                    "Series in memory",
                    "How many series does Prometheus hold?",
                    Query("sum(prometheus_tsdb_head_series)", "series"),
                    unit="short",
                ),
                timeseries(
                    "Rule evaluation time",
                    "How long does a round of each rule group take?",
                    Query("max by (rule_group) (prometheus_rule_group_last_duration_seconds)", "{{rule_group}}"),
                    unit="s",
                ),
            ),
            row(
                timeseries(
                    "Logs taken in",
                    "How many bytes of logs does Loki take in a second?",
                    Query("sum(rate(loki_distributor_bytes_received_total[$__rate_interval]))", "logs"),
                    unit="Bps",
                ),
                timeseries(
                    "Spans taken in",
                    "How many spans does Jaeger take in a second?",
                    Query("sum(rate(otelcol_receiver_accepted_spans_total[$__rate_interval]))", "spans"),
                    unit="short",
                ),
                timeseries(
                    "Disk used by Prometheus",
                    "How much disk do the blocks and the write-ahead log take?",
                    Query("sum(prometheus_tsdb_storage_blocks_bytes)", "blocks"),
                    Query("sum(prometheus_tsdb_wal_storage_size_bytes)", "write-ahead log"),
                    unit="bytes",
                ),
            ),
        ],
    )
