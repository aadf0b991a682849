"""Stack Health: is the monitoring itself well?"""

from __future__ import annotations

from collections.abc import Iterator

from grafanalib import core

from tapewatch_dashboards.facade import (
    UP,
    Limit,
    Query,
    Row,
    Sheet,
    bars,
    row,
    stat,
    state_timeline,
    table,
    timeseries,
)
from tapewatch_sdk.names import EXPECTED, UPTIME
from tapewatch_sdk.plugins import Dashboard, Request

__all__ = ["stack_health"]

CHOSEN = 'environment=~"$environment", service=~"$service"'
BY = "by (environment, service, team)"
SERVER = 'job="prometheus"'
"""Loki has metrics of the same names."""

CLOCK = "system_clock_offset_seconds"
MACHINE = {
    "Processor": ("system_cpu_percent", "Which services use the processor most?"),
    "Memory": ("system_memory_percent", "Whose machines are short of memory?"),
    "Disk": ("system_disk_usage_percent", "Whose disks fill up?"),
}

MOST = 10
"""Lines of a panel: the worst ones, however many services there are."""

_RED_FROM_ONE = (Limit(1, "critical"),)


def stack_health(request: Request) -> Dashboard:
    """The dashboard; services can be chosen, the servers of the stack are always shown."""
    sheet = Sheet(request)
    return sheet.board(
        "stack-health",
        "Stack Health",
        "Is the monitoring itself well?",
        [
            row(*_answer(sheet), height=4),
            row(*_targets(sheet), title="Who is seen"),
            row(*_scrapes(), title="Scrapes"),
            row(*_rules(), title="Rules and notifications"),
            row(*_intake(), title="Logs and traces"),
            row(*_disk(), title="Disk"),
            *_services(sheet),
        ],
    )


def _answer(sheet: Sheet) -> Iterator[core.Panel]:
    yield stat(
        "Targets down",
        "How many scraped targets do not answer?",
        Query(f"count(up{{{CHOSEN}}} == 0) or vector(0)", "down", instant=True),
        unit="short",
        limits=[sheet.first("ServiceDown")],
    )
    yield stat(
        "Services silent",
        "How many of the services that should be seen have sent nothing for too long?",
        Query(_silent(sheet), "silent", instant=True),
        unit="short",
        limits=[sheet.first("TelemetryMissing")],
    )
    if (drift := sheet.limit("ClockDrift")) and sheet.has(CLOCK):
        worst = Query(f"max(abs({sheet.of(CLOCK)}))", "offset", instant=True)
        yield stat("Worst clock", "How far is the worst clock off?", worst, unit="s", limits=[drift])
    yield stat(
        "Rule evaluations failed",
        "Did any rule fail to evaluate in the last 5 minutes?",
        Query(
            f"round(sum(increase(prometheus_rule_evaluation_failures_total{{{SERVER}}}[5m])))", "failed", instant=True
        ),
        unit="short",
        limits=_RED_FROM_ONE,
    )
    yield stat(
        "Notifications failed",
        "Did Alertmanager fail to deliver in the last 5 minutes?",
        Query("round(sum(increase(alertmanager_notifications_failed_total[5m]))) or vector(0)", "failed", instant=True),
        unit="short",
        limits=_RED_FROM_ONE,
    )
    yield stat(
        "Services expected",
        "How many services should be seen?",
        Query(f"count({EXPECTED}{{{CHOSEN}}})", "services", instant=True),
        unit="short",
    )


def _silent(sheet: Sheet) -> str:
    """What TelemetryMissing looks for, without its patience with servers that have just started."""
    window = sheet.window("TelemetryMissing", "2m")
    seen = f"group {BY} (last_over_time(up{{{CHOSEN}}}[{window}]))"
    if sheet.has(UPTIME):
        seen += f" or group {BY} (last_over_time({UPTIME}{{{CHOSEN}}}[{window}]))"
    return f"count(group {BY} ({EXPECTED}{{{CHOSEN}}}) unless ({seen})) or vector(0)"


def _targets(sheet: Sheet) -> Iterator[core.Panel]:
    yield state_timeline(
        "Down and up again",
        "Which services had a target that did not answer, and when?",
        Query(
            f"min by (service) (up{{{CHOSEN}}})"
            f" and on (service) min by (service) (min_over_time(up{{{CHOSEN}}}[$__range] @ end())) == 0",
            "{{service}}",
        ),
        states=UP,
        no_value="every target answered all the time",
    )
    yield table(
        "Targets that do not answer",
        "Which targets does Prometheus not reach now?",
        Query(f"min by (service, job, instance) (up{{{CHOSEN}}}) == 0", instant=True),
        unit="short",
        states=UP,
        names={"Value": "state"},
        no_value="every target answers",
    )
    if sheet.has(UPTIME):
        yield timeseries(
            "Time since the newest sample",
            "How long has each service been silent?",
            Query(f"topk({MOST}, max by (service) (time() - timestamp({sheet.of(UPTIME)})))", "{{service}}"),
            unit="s",
            limits=[sheet.limit("TelemetryMissing", "window")],
            minimum=0,
        )


def _scrapes() -> Iterator[core.Panel]:
    yield timeseries(
        "Scrape duration",
        "Which services take longest to answer a scrape?",
        Query(f"topk({MOST}, max by (service) (scrape_duration_seconds{{{CHOSEN}}}))", "{{service}}"),
        unit="s",
    )
    yield timeseries(
        "Samples ingested",
        "How many samples does Prometheus take in a second?",
        Query(f"sum(rate(prometheus_tsdb_head_samples_appended_total{{{SERVER}}}[$__rate_interval]))", "samples"),
        unit="suffix:samples/s",
    )
    yield timeseries(
        "Series in memory",
        "How many series does Prometheus hold?",
        Query(f"sum(prometheus_tsdb_head_series{{{SERVER}}})", "series"),
        unit="short",
    )
    yield timeseries(
        "Samples by service",
        "Which services expose the most samples?",
        Query(f"topk({MOST}, sum by (service) (scrape_samples_scraped{{{CHOSEN}}}))", "{{service}}"),
        unit="short",
    )


def _rules() -> Iterator[core.Panel]:
    slowest = f"max by (rule_group) (prometheus_rule_group_last_duration_seconds{{{SERVER}}})"
    yield timeseries(
        "Rule evaluation time",
        "How long does a round of each rule group take?",
        # A group is called by its file and its name; the file says no more.
        Query(f'topk({MOST}, label_replace({slowest}, "group", "$1", "rule_group", ".*;(.+)"))', "{{group}}"),
        unit="s",
    )
    yield timeseries(
        "Interval used by rules",
        "Which share of its interval does the slowest rule group need?",
        Query(
            f"max(prometheus_rule_group_last_duration_seconds{{{SERVER}}}"
            f" / (prometheus_rule_group_interval_seconds{{{SERVER}}} > 0))",
            "slowest group",
        ),
        unit="percentunit",
        limits=[Limit(1, "critical")],
        minimum=0,
    )
    yield timeseries(
        "Notifications",
        "How many notifications does Alertmanager send, and how many fail?",
        Query("sum(rate(alertmanager_notifications_total[$__rate_interval])) * 60", "sent"),
        Query("sum(rate(alertmanager_notifications_failed_total[$__rate_interval])) * 60", "failed"),
        unit="suffix:/min",
        colors={"failed": "red", "sent": "green"},
        minimum=0,
    )


def _intake() -> Iterator[core.Panel]:
    yield timeseries(
        "Logs taken in",
        "How many bytes of logs does Loki take in a second?",
        Query("sum(rate(loki_distributor_bytes_received_total[$__rate_interval]))", "logs"),
        unit="Bps",
    )
    yield timeseries(
        "Spans taken in",
        "How many spans does Jaeger take in a second, and how many does it refuse?",
        Query("sum(rate(otelcol_receiver_accepted_spans_total[$__rate_interval]))", "accepted"),
        Query("sum(rate(otelcol_receiver_refused_spans_total[$__rate_interval]))", "refused"),
        unit="suffix:spans/s",
        colors={"refused": "red", "accepted": "green"},
        minimum=0,
    )
    yield timeseries(
        "Alerts sent on",
        "Does every alert of Prometheus reach an Alertmanager?",
        Query(f"sum(rate(prometheus_notifications_sent_total{{{SERVER}}}[$__rate_interval]))", "sent"),
        Query(f"sum(rate(prometheus_notifications_dropped_total{{{SERVER}}}[$__rate_interval]))", "dropped"),
        unit="suffix:alerts/s",
        colors={"dropped": "red", "sent": "green"},
        minimum=0,
    )


def _disk() -> Iterator[core.Panel]:
    used = f"max by (service, mountpoint) (1 - node_filesystem_avail_bytes{{{_DISKS}}} / {_SIZES})"
    yield bars(
        "Disks of the host",
        "How full are the disks of the machine that the stack runs on?",
        Query(f"topk(4, {used})", "{{mountpoint}}", instant=True),
        unit="percentunit",
        minimum=0,
        maximum=1,
    )
    yield timeseries(
        "Disk used by Prometheus",
        "How much disk do the blocks and the write-ahead log take?",
        Query(f"sum(prometheus_tsdb_storage_blocks_bytes{{{SERVER}}})", "blocks"),
        Query(f"sum(prometheus_tsdb_wal_storage_size_bytes{{{SERVER}}})", "write-ahead log"),
        unit="bytes",
        stack=True,
    )
    yield timeseries(
        "Written by Loki and Jaeger",
        "How fast do logs and traces fill the disk?",
        Query("sum(rate(loki_ingester_wal_logged_bytes_total[$__rate_interval]))", "logs"),
        Query("sum(rate(jaeger_storage_badger_write_bytes_user[$__rate_interval]))", "traces"),
        unit="Bps",
        stack=True,
    )


_DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs"'
_SIZES = f"(node_filesystem_size_bytes{{{_DISKS}}} > 0)"


def _services(sheet: Sheet) -> Iterator[Row]:
    """The machines of the services, as the services themselves see them."""
    panels = [
        timeseries(
            title,
            question,
            Query(f"topk({MOST}, max by (service) ({sheet.of(family)}))", "{{service}}"),
            unit=sheet.unit(family),
            minimum=0,
            maximum=100,
        )
        for title, (family, question) in MACHINE.items()
        if sheet.has(family)
    ]
    yield row(*panels, title="Machines of the services")
    yield row(*_clocks(sheet), height=7, title="Clocks and starts")


def _clocks(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(CLOCK):
        yield timeseries(
            "Clock drift",
            "Whose clock is off, and by how much?",
            Query(f"topk({MOST}, max by (service) (abs({sheet.of(CLOCK)})))", "{{service}}"),
            unit=sheet.unit(CLOCK),
            limits=[sheet.limit("ClockDrift")],
        )
    if sheet.has(UPTIME):
        yield timeseries(
            "Uptime",
            "Which services started last?",
            Query(f"bottomk({MOST}, min by (service) ({sheet.of(UPTIME)}))", "{{service}}"),
            unit=sheet.unit(UPTIME),
        )
