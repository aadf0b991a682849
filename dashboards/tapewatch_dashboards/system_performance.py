"""System Performance: why is it slow?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from grafanalib import core

from tapewatch_dashboards.facade import Limit, Query, Row, Sheet, heatmap, row, timeseries
from tapewatch_sdk.plugins import Dashboard, Request

__all__ = ["system_performance"]

LATENCY = "pipeline_message_latency_seconds"
STAGES = "pipeline_callback_duration_seconds"
PREDICT = "ml_predict_duration_seconds"
TRAIN = "ml_train_duration_seconds"
AGE = "dashboard_update_age_seconds"
RENDER = "dashboard_callback_duration_seconds"
MESSAGES = "coinbase_messages_received_total"
SAMPLES = "ml_samples_total"
PREDICTIONS = "ml_predictions_total"
CYCLES = "dashboard_callbacks_total"


def system_performance(request: Request) -> Dashboard | None:
    """The dashboard; None where no pipeline says how long its messages take."""
    sheet = Sheet(request)
    if not sheet.has(LATENCY):
        return None
    sheet = Sheet(request, LATENCY)
    rows = [
        row(*_pipeline(sheet)),
        row(*_stages(sheet)),
        row(*_learning(sheet)),
        row(*_screen(sheet)),
        row(*_load(sheet)),
        *_further(sheet),
    ]
    return sheet.board(
        "system-performance",
        "System Performance",
        "Why is it slow?",
        rows,
    )


def _pipeline(sheet: Sheet) -> Iterator[core.Panel]:
    yield timeseries(
        "Pipeline latency",
        "How long does a message take to the shared state?",
        *sheet.quantiles(LATENCY),
        unit=sheet.unit(LATENCY),
        limits=[sheet.limit("PipelineLatencyHigh")],
        links=sheet.links(LATENCY),
        no_value="no messages",
    )
    yield heatmap(
        "Pipeline latency, all messages",
        "Are all messages slow, or some of them?",
        sheet.heat(LATENCY),
        unit=sheet.unit(LATENCY),
        no_value="no messages",
    )


def _stages(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(STAGES):
        yield timeseries(
            "Stage breakdown",
            "Which stage takes the time, on average?",
            sheet.mean(STAGES, by=["stage"]),
            unit=sheet.unit(STAGES),
            stack=True,
            links=sheet.links(STAGES),
            no_value="no messages",
        )


def _learning(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(PREDICT):
        limit = sheet.limit("InferenceSlow")
        yield _duration(sheet, "Prediction time", "How long does one prediction take?", PREDICT, [limit])
    if sheet.has(TRAIN):
        yield _duration(sheet, "Training time", "How long does one partial fit take?", TRAIN)


def _screen(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(AGE):
        yield timeseries(
            "Dashboard staleness",
            "How old is the state that the trader's dashboard shows?",
            sheet.value(AGE, how="max", legend="age"),
            unit=sheet.unit(AGE),
            limits=[sheet.limit("DashboardStale")],
            links=sheet.links(AGE),
        )
    if sheet.has(RENDER):
        title, question = "Dashboard render time", "How long does the trader's dashboard take to draw itself?"
        yield _duration(sheet, title, question, RENDER)


def _load(sheet: Sheet) -> Iterator[core.Panel]:
    if sheet.has(MESSAGES):
        yield timeseries(
            "Message rate vs latency",
            "Does it get slow when much comes in?",
            sheet.rate(MESSAGES, legend="messages"),
            sheet.quantile(0.99, LATENCY, legend="p99 latency"),
            unit="suffix:msg/s",
            right={".*latency": sheet.unit(LATENCY)},
            links=sheet.links(LATENCY),
        )


def _further(sheet: Sheet) -> Iterator[Row]:
    """What the durations above stand beside."""
    yield row(*_slowest(sheet), title="Against the limits")
    yield row(*_done(sheet), title="Work done")


def _slowest(sheet: Sheet) -> Iterator[core.Panel]:
    """What the alerts look at: the same quantiles, over their own window."""
    for title, family, alert in (
        ("Slowest messages", LATENCY, "PipelineLatencyHigh"),
        ("Slowest predictions", PREDICT, "InferenceSlow"),
    ):
        if sheet.has(family) and (limit := sheet.limit(alert)):
            yield timeseries(
                title,
                f"How near to the limit is the slowest hundredth within {sheet.window(alert)}?",
                sheet.record(f"service:{family}:p99_", alert),
                unit=sheet.unit(family),
                limits=[limit],
                no_value="nothing was timed",
            )


def _done(sheet: Sheet) -> Iterator[core.Panel]:
    for title, question, family, by in (
        ("Training samples", "How many samples of each label does it learn from in a second?", SAMPLES, "label"),
        ("Predictions", "How many predictions of each kind does it make in a second?", PREDICTIONS, "prediction"),
        ("Dashboard updates", "How often is the trader's dashboard drawn in a second?", CYCLES, ""),
    ):
        if sheet.has(family):
            legend = f"{by} {{{{{by}}}}}" if by else "updates"
            rate = sheet.rate(family, by=[by] if by else [], legend=legend)
            yield timeseries(title, question, rate, unit=sheet.unit(family, rate=True))


def _duration(sheet: Sheet, title: str, question: str, family: str, limits: Sequence[Limit | None] = ()) -> core.Panel:
    return timeseries(
        title,
        question,
        *_middle_and_slowest(sheet, family),
        unit=sheet.unit(family),
        limits=limits,
        links=sheet.links(family),
        no_value="nothing was timed",
    )


def _middle_and_slowest(sheet: Sheet, family: str) -> tuple[Query, Query]:
    return replace(sheet.quantile(0.5, family), exemplar=False), sheet.quantile(0.99, family)
