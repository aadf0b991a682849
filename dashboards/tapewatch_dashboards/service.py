"""Service: how does one service do? A dashboard for each kind of services, whichever of them is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from grafanalib import core

from tapewatch_dashboards.facade import (
    UP,
    Dependencies,
    Kind,
    Limit,
    LogQuery,
    Query,
    Sheet,
    Spans,
    kinds_of,
    logs,
    node_graph,
    row,
    spans,
    stat,
    state_timeline,
    timeseries,
)
from tapewatch_dashboards.facade.alerting import WORST, count, over_time
from tapewatch_dashboards.facade.families import everything
from tapewatch_sdk.families import Family, MetricType
from tapewatch_sdk.names import UPTIME
from tapewatch_sdk.plugins import Dashboard, Request

__all__ = ["service_dashboards"]

CHOSEN = 'environment=~"$environment", service=~"$service"'
SPANS = 'environment=~"$environment", service_name=~"$service"'
"""Jaeger names the service of a span so; `service` is Jaeger itself, which is scraped."""

CALLS = f"traces_span_metrics_calls_total{{{SPANS}}}"
FAILED = f'traces_span_metrics_calls_total{{{SPANS}, status_code="STATUS_CODE_ERROR"}}'
DURATIONS = f"traces_span_metrics_duration_milliseconds_bucket{{{SPANS}}}"
KEPT = "among the traces that are kept"
"""Only sampled traces reach Jaeger."""

NO_SPANS = "no traces"

FLUSHED = "15s"
"""How often Jaeger brings these numbers up to date."""

PROCESSOR = "system_cpu_percent"
MACHINE = {PROCESSOR: "processor", "system_memory_percent": "memory", "system_disk_usage_percent": "disk"}
CLOCK = "system_clock_offset_seconds"

TROUBLE = ("breach", "break", "cancel", "error", "fail", "gap", "reconnect", "reject", "stop_loss", "trip")
"""Words in the names of counters that count what should not be."""

TIMES = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6}
"""Units of durations, in seconds."""

FEW = 5
"""Families of one panel, at most, and teams of one dashboard; every family has a panel of its own below."""

NAMES = 2000
"""Characters of service names that a dashboard may hold."""


def service_dashboards(request: Request) -> Iterator[Dashboard]:
    """One for each kind."""
    kinds = kinds_of(request.catalogue)
    for kind in kinds:
        yield _dashboard(request, kind, kinds)


def _dashboard(request: Request, kind: Kind, kinds: Sequence[Kind]) -> Dashboard:
    sheet = _sheet(request, kind, kinds)
    emitted = [family for family in request.catalogue.families.values() if family.domain in kind.domains]
    own = [family for family in emitted if family.domain in kind.own]
    return sheet.board(
        kind.uid,
        f"Service: {kind.title}",
        "How does this service do: rate, errors, duration, saturation, alerts, logs and traces?",
        [
            row(*_answer(sheet, emitted), height=4),
            row(*_calls(), title="Calls, as its traces show them"),
            row(*_work(sheet, own), title="Its own numbers"),
            row(*_saturation(sheet), title="Saturation"),
            row(_alerts(), title="Alerts", height=7),
            row(_logs(), title="Logs", height=9),
            row(*_traces(), title="Traces", height=9),
            *everything(sheet, dict.fromkeys([*own, *emitted]), "Everything it emits"),
        ],
        tags=["service", *_teams(request, kind)],
    )


def _teams(request: Request, kind: Kind) -> list[str]:
    """A tag for each team that has services of a kind, by which Grafana's search finds its dashboards."""
    teams = sorted({request.catalogue.services[name].team for name in kind.services})
    return [f"team:{team}" for team in teams] if len(teams) <= FEW else []


def _sheet(request: Request, kind: Kind, kinds: Sequence[Kind]) -> Sheet:
    """Few services are told by their names. Many are those that emit what no other kind does.

    Where every domain of a kind is emitted by others too, those can be chosen as well: they have all that is shown.
    """
    if len(names := "|".join(kind.services)) <= NAMES:
        return Sheet(request, only=names)

    def emitters(family: Family) -> int:
        return sum(len(other.services) for other in kinds if family.domain in other.domains)

    families = [family for family in request.catalogue.families.values() if family.domain in kind.domains]
    # Without labels it is there from the first scrape on.
    found = min(families, key=lambda family: (emitters(family), len(family.labels), family.name), default=None)
    return Sheet(request, found.name if found else "", one=True)


def _answer(sheet: Sheet, families: Sequence[Family]) -> Iterator[core.Panel]:
    sends = next((each for each in families if each.name == UPTIME), families[0] if families else None)
    pushed = f" or group({sheet.of(sends.series_names[0])})" if sends else ""
    yield stat(
        "State",
        "Does it answer, or push?",
        Query(f"min(up{{{CHOSEN}}}){pushed} or vector(0)", "state", instant=True),
        unit="short",
        states=UP,
    )
    yield stat(
        "Alerts firing",
        "How many of its alerts fire now?",
        Query(count(CHOSEN), "alerts", instant=True),
        unit="short",
        limits=[Limit(1, "high")],
    )
    yield from _from_spans()
    if sheet.has(PROCESSOR):
        question = "How busy is its processor?"
        yield stat("Processor", question, sheet.value(PROCESSOR, how="max"), unit="percent", spark=True)


def _from_spans() -> Iterator[core.Panel]:
    rate, failed = (f"sum(rate({calls}[$__rate_interval]))" for calls in (CALLS, FAILED))
    question = f"How much does it do in a second, {KEPT}?"
    yield stat("Rate", question, Query(rate, "calls", step=FLUSHED), unit="cps", no_value=NO_SPANS)
    share = Query(f"({failed} or 0 * {rate}) / ({rate} > 0)", "failed", step=FLUSHED)
    yield stat("Errors", f"Which share of that fails, {KEPT}?", share, unit="percentunit", no_value="no calls")
    slowest = Query(f"{_quantile(0.99)} >= 0", "p99", step=FLUSHED)
    question = f"How long does the slowest hundredth of that take, {KEPT}?"
    yield stat("Duration", question, slowest, unit="ms", no_value="no calls")


def _quantile(quantile: float) -> str:
    return f"histogram_quantile({quantile:g}, sum by (le) (rate({DURATIONS}[$__rate_interval])))"


def _calls() -> Iterator[core.Panel]:
    by_name = "topk(10, sum by (span_name) (rate({}[$__rate_interval])))"
    yield timeseries(
        "Calls",
        f"What does it do, and how often, {KEPT}?",
        Query(by_name.format(CALLS), "{{span_name}}", step=FLUSHED),
        unit="cps",
        no_value=NO_SPANS,
    )
    yield timeseries(
        "Failed calls",
        f"What of that fails, {KEPT}?",
        Query(by_name.format(FAILED), "{{span_name}}", step=FLUSHED),
        unit="cps",
        no_value="no errors",
    )
    quantiles = (
        Query(_quantile(quantile), name, step=FLUSHED)
        for quantile, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    )
    yield timeseries(
        "Call duration",
        f"How long do the calls take, {KEPT}?",
        *quantiles,
        unit="ms",
        no_value=NO_SPANS,
    )


def _work(sheet: Sheet, families: Sequence[Family]) -> Iterator[core.Panel]:
    """What the names, types and units of the kind's own families say of rate, errors and duration."""
    counters = [each for each in families if each.type is MetricType.COUNTER and not each.unit]
    trouble = [each for each in counters if any(word in each.name for word in TROUBLE)]
    work = [each for each in counters if each not in trouble]
    times = [each for each in families if each.type is MetricType.HISTOGRAM and each.unit in TIMES]
    if work:
        question = "What does it count, and how fast?"
        yield timeseries("Work", question, *_rates(sheet, work), unit="cps", links=sheet.links(work[0].name))
    if trouble:
        yield timeseries(
            "Trouble",
            "What does it count that should not be, and how fast?",
            *_rates(sheet, trouble),
            unit="cps",
            links=sheet.links(trouble[0].name),
            no_value="no trouble yet",
        )
    if times:
        yield timeseries(
            "Slowest",
            "How long does the slowest hundredth of what it times take?",
            *(_slowest(sheet, family) for family in times[:FEW]),
            unit="s",
            links=sheet.links(times[0].name),
            no_value="nothing was timed",
        )


def _rates(sheet: Sheet, families: Sequence[Family]) -> Iterator[Query]:
    return (sheet.rate(family.name, legend=family.name.removesuffix("_total")) for family in families[:FEW])


def _slowest(sheet: Sheet, family: Family) -> Query:
    """In seconds, whatever the family's own unit is, so that all stand on one axis."""
    query, factor = sheet.quantile(0.99, family.name, legend=family.name), TIMES[family.unit]
    # Exemplars would keep the family's own unit.
    return query if factor == 1 else replace(query, expr=f"{query.expr} * {factor:g}", exemplar=False)


def _saturation(sheet: Sheet) -> Iterator[core.Panel]:
    if shares := [sheet.value(family, how="max", legend=name) for family, name in MACHINE.items() if sheet.has(family)]:
        question = "Is its machine at its limits?"
        yield timeseries("Machine", question, *shares, unit="percent", minimum=0, maximum=100)
    if sheet.has(UPTIME):
        question = "Was it started anew?"
        yield timeseries("Uptime", question, sheet.value(UPTIME, how="min", legend="uptime"), unit="s")
    if sheet.has(CLOCK):
        yield timeseries(
            "Clock drift",
            "How far is its clock off?",
            Query(f"max(abs({sheet.of(CLOCK)}))", "offset"),
            unit="s",
            limits=[sheet.limit("ClockDrift")],
        )


def _alerts() -> core.Panel:
    return state_timeline(
        "Its alerts",
        "Which of its alerts fired, and when?",
        Query(over_time(CHOSEN, ["alertname"]), "{{alertname}}"),
        states=WORST,
    )


def _logs() -> core.Panel:
    query = LogQuery('{service="$service", environment=~"$environment"}')
    return logs("Log lines", "What does it say?", query, no_value="no log lines")


def _traces() -> Iterator[core.Panel]:
    yield spans(
        "Its traces", "What did it work on, and how long did that take?", Spans("$service"), no_value="no traces"
    )
    yield node_graph("Who calls whom", "Who calls it, and whom does it call?", Dependencies(), no_value="no calls")
