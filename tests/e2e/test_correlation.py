"""From a firing alert to the trace and the log line of one order, and back: by the links that Grafana is given.

Grafana itself is not needed for it: `support.links` reads the provisioned files and goes where Grafana would go, to the
real Prometheus, Alertmanager, Jaeger and Loki.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from support.links import Exemplar, Line, Links, LostError, Span
from support.observed import NEEDS, Observed, observed
from support.waiting import wait_for
from tapewatch.viewing import Moment
from tapewatch_sdk.errors import ToolError

pytestmark = [pytest.mark.needs(*NEEDS), pytest.mark.alone]

ALERT = "OrderPlacementLatencyHigh"
PANEL = "Placement latency"
LIMIT = 100.0
"""Milliseconds; the alert's threshold."""

WAY = {"market-data", "signal-bridge", "risk-manager", "execution-engine", "position-tracker"}
"""The services that an order passes."""

SCRAPE = 1.0
"""Seconds between two scrapes in these tests."""

FOR_PEOPLE = {"urlDisplayLabel", "httpMethod", "timeInterval", "prometheusType", "access"}
"""Keys that no link hangs on: what is shown, and how queries are sent. A `name` is one too, but for an exemplar's."""


def sooner(data: dict[str, Any]) -> None:
    """The alert need not hold for a whole minute here."""
    data["alerts"] = {ALERT: {"for": "5s"}}


@dataclass(frozen=True)
class Walk:
    """One way from the alert to the log lines.

    Parameters:
        alert: as Alertmanager has it.
        exemplar: the dot on the dashboard that it links to.
        spans: of the trace behind the dot.
        lines: by service, the log lines behind its spans.
    """

    alert: dict[str, Any]
    exemplar: Exemplar
    spans: list[Span]
    lines: dict[str, list[Line]]

    @property
    def trace(self) -> str:
        """Its ID."""
        return self.spans[0].trace


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    folder = tmp_path_factory.mktemp("correlation")
    with observed(folder, "--fault=slow-orders", "--fault=rejections", change=sooner) as found:
        yield found


@pytest.fixture(scope="module")
def walk(running: Observed) -> Walk:
    """The way, once everything on it has arrived."""
    return wait_for("an order can be followed", lambda: walked(Links(running.sample.folder)), 120, running.log)


def moment() -> Moment:
    now = time.time()
    return Moment(now - 300, now, SCRAPE)


def walked(links: Links) -> Walk:
    """Go from the alert to the log lines of the slowest order whose trace is whole, as far as they are there."""
    alert = firing(links)
    lost: Exception = LostError(f"no exemplar in {PANEL} is of a slow order")
    for exemplar in links.exemplars(alert, moment()):
        if exemplar.panel != PANEL or exemplar.value <= LIMIT:
            continue
        try:
            spans = links.trace_of_exemplar(exemplar)
        except (LostError, ToolError) as error:
            lost = error
            continue
        lines: dict[str, list[Line]] = {}
        for span in spans:
            lines.setdefault(span.service, []).extend(links.logs(span))
        if lines.keys() >= WAY and all(lines.values()):
            return Walk(alert, exemplar, spans, lines)
        lost = LostError(f"of trace {spans[0].trace} there are log lines of {sorted(n for n in lines if lines[n])}")
    raise lost


def firing(links: Links) -> dict[str, Any]:
    found = [each for each in links.alerts() if each["labels"]["alertname"] == ALERT]
    if not found:
        raise LostError(f"{ALERT} is not in Grafana's list of alerts")
    return found[0]


def test_the_alert_leads_to_the_trace_of_a_slow_order_over_five_services(walk: Walk) -> None:
    assert walk.alert["labels"]["service"] == "execution-engine"
    assert walk.exemplar.value > LIMIT
    assert {span.service for span in walk.spans} == WAY


def test_every_service_of_the_trace_leads_to_its_own_log_lines_of_this_order(walk: Walk) -> None:
    assert all(line.labels["service"] == service for service, lines in walk.lines.items() for line in lines)
    assert len({line.labels["correlation_id"] for lines in walk.lines.values() for line in lines}) == 1
    assert all(line.text for lines in walk.lines.values() for line in lines)


def test_every_log_line_leads_back_to_the_trace(walk: Walk, running: Observed) -> None:
    links = Links(running.sample.folder)

    ways = [links.trace_of_line(line) for lines in walk.lines.values() for line in lines]

    assert ways
    assert all(is_same_trace(walk, way) for way in ways)


def test_every_service_of_the_trace_leads_to_its_numbers(walk: Walk, running: Observed) -> None:
    links = Links(running.sample.folder)
    spans = {span.service: span for span in walk.spans}

    for span in spans.values():
        wait_for(f"the numbers of {span.service} are there", partial(seen, links, span), 60, running.log)


def seen(links: Links, span: Span) -> bool:
    """Whether a service has numbers; errors has only the one whose orders the exchange rejects."""
    errors = span.service == "execution-engine"
    numbers = links.numbers(span, SCRAPE)
    return all(value > 0 for name, value in numbers.items() if errors or not name.startswith("Errors"))


def test_a_wrong_uid_field_url_or_query_anywhere_on_the_way_is_noticed(walk: Walk, running: Observed) -> None:
    wait_for("the way can be gone as it is", lambda: gone(running, walk, {}), 60, running.log)
    places = list(texts(Links(running.sample.folder).file))

    passed = [place for place, value in places if goes_through(running, walk, {place: broken(value)})]

    assert passed == []
    assert len(places) > 20


def goes_through(running: Observed, walk: Walk, change: dict[tuple[str | int, ...], Any]) -> bool:
    """Whether the way can still be gone, there and back, with a changed file."""
    try:
        return gone(running, walk, change)
    except (LostError, ToolError, KeyError):
        return False


def gone(running: Observed, walk: Walk, change: dict[tuple[str | int, ...], Any]) -> bool:
    """Go the way there and back with a changed file.

    Raises:
        LostError: a step of it leads nowhere.
    """
    links = Links(running.sample.folder, change)
    firing(links)
    if walk.exemplar.panel not in {dot.panel for dot in links.exemplars(walk.alert, moment())}:
        raise LostError(f"{walk.exemplar.panel} has no dots")
    spans = links.trace_of_exemplar(walk.exemplar)
    (engine,) = {span.service: span for span in spans if span.service == "execution-engine"}.values()
    lines = links.logs(engine)
    if not lines:
        raise LostError("the span of execution-engine has no log lines")
    if not all(is_same_trace(walk, links.trace_of_line(line)) for line in lines):
        raise LostError("a log line leads to another trace")
    if none := [name for name, value in links.numbers(engine, SCRAPE).items() if value <= 0]:
        raise LostError(f"the span of execution-engine has no numbers for {', '.join(none)}")
    return True


def is_same_trace(walk: Walk, spans: list[Span]) -> bool:
    """Whether these are the spans of the walk's trace and of no other; more of them may have come in since."""
    return {span.trace for span in spans} == {walk.trace} and {span.id for span in spans} >= {
        span.id for span in walk.spans
    }


def texts(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text of the data sources that a link hangs on, with its place."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in FOR_PEOPLE and (key != "name" or "exemplarTraceIdDestinations" in place):
                yield from texts(each, (*place, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from texts(each, (*place, index))
    elif isinstance(value, str):
        yield place, value


def broken(value: str) -> str:
    """The same with one letter too many, inside of its last word."""
    head, letter = value.rstrip('"}])'), value[len(value.rstrip('"}])')) :]
    return f"{head}x{letter}"


def test_jaeger_shows_how_a_service_performs_and_who_calls_whom(walk: Walk, running: Observed) -> None:
    def calls() -> Any:
        query = "service=execution-engine&lookback=300000&step=5000&ratePer=10000"
        return running.jaeger.get_json(f"/api/metrics/calls?{query}")["metrics"]

    def edges() -> set[tuple[str, str]]:
        now = int(time.time() * 1000)
        found = running.jaeger.get_json(f"/api/dependencies?endTs={now}&lookback=3600000")["data"] or ()
        return {(each["parent"], each["child"]) for each in found}

    way = ["market-data", "signal-bridge", "risk-manager", "execution-engine", "position-tracker"]
    wait_for("the calls of execution-engine are counted", calls, 60, running.jaeger.log_tail)
    wait_for("all steps are known", lambda: set(pairwise(way)) <= edges(), 60, running.jaeger.log_tail)
