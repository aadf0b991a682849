"""Names that more than one part of tapewatch must agree on; each is written here and nowhere else."""

from __future__ import annotations

__all__ = [
    "DATASOURCE_ALERTMANAGER",
    "DATASOURCE_HISTORY",
    "DATASOURCE_JAEGER",
    "DATASOURCE_LOKI",
    "DATASOURCE_LONG_TERM",
    "DATASOURCE_PROMETHEUS",
    "DRILL_JOB",
    "DRILL_NOTIFY_PREFIX",
    "DRILL_PREFIX",
    "DRILL_RECEIVER",
    "EXPECTED",
    "GROUP_LABELS",
    "HEARTBEAT",
    "HEARTBEAT_RECEIVER",
    "HEARTBEAT_SEVERITY",
    "HISTORY_RECEIVER",
    "RESERVED_RECEIVERS",
    "SEVERITIES",
    "SHARD_SEEN",
    "TARGET_LABELS",
    "UPTIME",
]

GROUP_LABELS = ("environment", "service", "team")
"""The target labels that every alert keeps: which service of which team, where."""

TARGET_LABELS = frozenset({*GROUP_LABELS, "job", "instance"})
"""The labels that Prometheus puts on every sample of a target."""

SEVERITIES = ("critical", "high", "medium")
"""Severities of alerts, most urgent first."""

EXPECTED = "tapewatch_expected"
"""The recorded series that says which services should be seen."""

SHARD_SEEN = "tapewatch_shard"
"""The series that each shard records of itself, by which the engine sees that it lives; its label is `number`."""

UPTIME = "system_uptime_seconds"
"""Emitted by every service through the SDK; a service that pushes shows by it that it is there."""

DRILL_PREFIX = "drill-"
"""A drill's series carry the service name with this prefix."""

DRILL_NOTIFY_PREFIX = "drill-notify-"
"""The same for a drill that is meant to reach the real receivers."""

DRILL_JOB = "drills"
"""The scrape job of drills; their files of targets and rules begin with `DRILL_PREFIX`."""

DRILL_RECEIVER = "drill"
"""The receiver of drills."""

HEARTBEAT = "Heartbeat"
"""The alert that fires while all is well, where `stack.heartbeat` is on."""

HEARTBEAT_SEVERITY = "none"
"""Its severity: none of those that are routed or that inhibit."""

HEARTBEAT_RECEIVER = "heartbeat"
"""The receiver of the heartbeat."""

HISTORY_RECEIVER = "history"
"""The receiver that is told of every alert, where `stack.history` is on."""

RESERVED_RECEIVERS = frozenset({DRILL_RECEIVER, HEARTBEAT_RECEIVER, HISTORY_RECEIVER, "nobody"})
"""Receivers that tapewatch adds itself."""

DATASOURCE_PROMETHEUS = "tapewatch-prometheus"
DATASOURCE_LOKI = "tapewatch-loki"
DATASOURCE_JAEGER = "tapewatch-jaeger"
DATASOURCE_LONG_TERM = "tapewatch-long-term"
DATASOURCE_ALERTMANAGER = "tapewatch-alertmanager"
DATASOURCE_HISTORY = "tapewatch-history"
"""UIDs of the provisioned Grafana data sources; dashboards and correlations refer to them."""
