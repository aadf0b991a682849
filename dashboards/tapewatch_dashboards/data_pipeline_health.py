"""Data Pipeline Health: is my data pipeline reliable?"""

from __future__ import annotations

from collections.abc import Iterator

from grafanalib import core

from tapewatch_dashboards.facade import Limit, Query, Row, Sheet, distribution, gauge, heatmap, row, stat, timeseries
from tapewatch_sdk.plugins import Dashboard, Request

__all__ = ["data_pipeline_health"]

RECEIVED = "coinbase_messages_received_total"
WRITTEN = "iceberg_rows_written_total"
SEQUENCE = "coinbase_match_sequence"
GAPS = "coinbase_sequence_gaps_total"
FLUSHES = "iceberg_flush_total"
FLUSH_TIME = "iceberg_flush_duration_seconds"
FLUSH_ROWS = "iceberg_flush_rows"
BUFFERS = ("labeler_buffer", "trade_buffer")
UPDATES = "orderbook_updates_per_second"

KEPT = 'type=~"match|l2update|snapshot"'
"""The messages that become rows."""

TABLES = 'table=~"raw_trades|raw_orderbook"'
"""The tables whose rows are messages."""

COMPLETENESS = "DataCompletenessLow"


def data_pipeline_health(request: Request) -> Dashboard | None:
    """The dashboard; None where nobody captures a feed."""
    sheet = Sheet(request)
    if not sheet.has(RECEIVED, WRITTEN):
        return None
    sheet = Sheet(request, RECEIVED, {"table": WRITTEN})
    rows = [
        row(*_rates(sheet)),
        row(*_answer(sheet), height=6),
        row(_compared(sheet)),
        row(*_flushes(sheet)),
        *_further(sheet),
    ]
    return sheet.board(
        "data-pipeline-health",
        "Data Pipeline Health",
        "Is my data pipeline reliable?",
        rows,
    )


def _rates(sheet: Sheet) -> Iterator[core.Panel]:
    yield timeseries(
        "Message rate",
        "How many messages of each type come in a second?",
        sheet.rate(RECEIVED, by=["type"]),
        unit="suffix:msg/s",
        links=sheet.links(RECEIVED),
    )
    yield timeseries(
        "Write rate",
        "How many rows are written to each table in a second?",
        sheet.rate(WRITTEN, by=["table"]),
        unit="suffix:rows/s",
        links=sheet.links(WRITTEN),
    )


def _answer(sheet: Sheet) -> Iterator[core.Panel]:
    if missing := sheet.limit(COMPLETENESS):
        yield gauge(
            "Data completeness",
            f"Which share of the messages of the last {sheet.window(COMPLETENESS)} became rows of their table?",
            sheet.record("service_table:iceberg_rows_written:ratio", COMPLETENESS, by=["table"]),
            limits=[Limit(1 - missing.value, missing.severity, below=True, alert=missing.alert)],
            minimum=0.9,
            no_value="no messages",
        )
    if sheet.has(GAPS):
        yield stat(
            "Sequence gaps",
            "How many gaps in the match sequence were found in the time that is shown?",
            sheet.total(GAPS),
            unit="short",
            limits=[sheet.first("SequenceGapDetected")],
        )
    if full := sheet.limit("BufferNearlyFull"):
        yield gauge(
            "Buffer utilisation",
            "How full are the labeler's and the trade buffer?",
            sheet.record("service_buffer:buffer_utilisation:ratio", by=["buffer"]),
            limits=[full],
        )


def _compared(sheet: Sheet) -> core.Panel:
    title = "Messages received vs rows written"
    if not sheet.limit(COMPLETENESS):
        rates = (sheet.rate(RECEIVED, KEPT, legend="received"), sheet.rate(WRITTEN, TABLES, legend="written"))
        return timeseries(title, "Does each message that belongs to a table become a row?", *rates, unit="cps")
    received = sheet.record(
        "service_table:coinbase_messages_received:increase", COMPLETENESS, by=["table"], legend="received, {{table}}"
    )
    written = sheet.record("service_table:iceberg_rows_written:increase", COMPLETENESS, by=["table"])
    return timeseries(
        title,
        f"Does each message that belongs to a table become a row of it, counted over {sheet.window(COMPLETENESS)}?",
        received,
        Query(f"{written.expr} and {received.expr}", "written, {{table}}"),
        unit="short",
        links=sheet.links(RECEIVED),
    )


def _flushes(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(FLUSH_TIME):
        yield heatmap(
            "Flush latency",
            "How long do flushes take, and how many take unusually long?",
            sheet.heat(FLUSH_TIME),
            unit="s",
            no_value="no flushes",
        )
    if sheet.has(FLUSH_ROWS):
        yield distribution(
            "Flush batch size",
            "How many rows do flushes write at once, in the time that is shown?",
            sheet.buckets(FLUSH_ROWS),
            unit="short",
            no_value="no flushes",
        )


def _further(sheet: Sheet) -> Iterator[Row]:
    """Below what the top rows say: the same over time, and what else capture and pipeline tell."""
    yield row(*_tables(sheet), title="By table")
    yield row(*_feed(sheet), title="Feed")
    yield row(*_buffers(sheet), title="Buffers")


def _tables(sheet: Sheet) -> Iterator[core.Panel]:
    if missing := sheet.limit(COMPLETENESS):
        yield timeseries(
            "Completeness over time",
            f"When were rows missing, of the messages of {sheet.window(COMPLETENESS)}?",
            sheet.record("service_table:iceberg_rows_written:ratio", COMPLETENESS, by=["table"]),
            unit="percentunit",
            limits=[Limit(1 - missing.value, missing.severity, below=True, alert=missing.alert)],
            no_value="no messages",
        )
    if slow := sheet.limit("FlushSlow"):
        window = sheet.window("FlushSlow")
        yield timeseries(
            "Slowest flushes",
            f"How long do the slowest hundredth of the flushes within {window} take?",
            sheet.record("service_table:iceberg_flush_duration_seconds:p99_", "FlushSlow", by=["table"]),
            unit="s",
            limits=[slow],
            no_value="no flushes",
        )
    if sheet.has(FLUSHES):
        yield timeseries(
            "Flushes",
            "How often is each table flushed?",
            sheet.rate(FLUSHES, by=["table"]),
            unit="suffix:flushes/s",
        )


def _feed(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(SEQUENCE):
        growth = f"max by (service) (deriv({sheet.of(SEQUENCE)}[$__rate_interval]))"
        yield timeseries(
            "Match sequence",
            "Does the sequence number grow as fast as matches come in?",
            Query(growth, "sequence numbers", step=sheet.step(SEQUENCE)),
            sheet.rate(RECEIVED, 'type="match"', legend="matches received"),
            unit="cps",
        )
    if sheet.has(GAPS):
        window = sheet.window("SequenceGapDetected", "5m")
        yield timeseries(
            "Sequence gaps over time",
            f"When were gaps found, counted over {window}?",
            sheet.within(GAPS, window, legend="gaps"),
            unit="short",
            limits=[sheet.first("SequenceGapDetected")],
            minimum=0,
        )
    if sheet.has(UPDATES):
        yield timeseries(
            "Order book updates",
            "How many messages a second does the pipeline itself count?",
            sheet.value(UPDATES, legend="updates"),
            unit="cps",
        )


def _buffers(sheet: Sheet) -> Iterator[core.Panel]:
    for buffer in BUFFERS:
        size, capacity = f"{buffer}_size", f"{buffer}_capacity"
        if sheet.has(size, capacity):
            yield timeseries(
                f"{buffer.replace('_', ' ').capitalize()}",
                "How much is in the buffer, and how much fits?",
                sheet.value(size, how="max", legend="in use"),
                sheet.value(capacity, how="max", legend="capacity"),
                unit="short",
            )
    if full := sheet.limit("BufferNearlyFull"):
        yield timeseries(
            "Buffer utilisation over time",
            "When was a buffer nearly full?",
            sheet.record("service_buffer:buffer_utilisation:ratio", by=["buffer"]),
            unit="percentunit",
            limits=[full],
            minimum=0,
            maximum=1,
        )
