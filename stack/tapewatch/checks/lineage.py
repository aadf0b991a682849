"""Lineage: every expression of rules and dashboards is held against what services declare and emit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tapewatch.panels import PanelQuery, panel_queries
from tapewatch.promql.grafana import substitute
from tapewatch.promql.lineage import check_expression, recorded
from tapewatch.promql.selector import selectors
from tapewatch.promql.templates import labels_of_legend, labels_of_template
from tapewatch.promql.universe import Labels, RecordedSeries, Universe
from tapewatch.rules.resolve import RecordingRule, Rule
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.names import DATASOURCE_PROMETHEUS, EXPECTED, GROUP_LABELS, TARGET_LABELS
from tapewatch_sdk.plugins import API_VERSION, CatalogueView, Request
from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = ["LineageCheck", "universe_of"]


class LineageCheck:
    """Every metric, label and type that a query uses is declared, and emitted by the services that it selects."""

    name = "lineage"
    api_version = API_VERSION

    def run(self, request: Request) -> Iterator[Problem]:
        """The findings in alerts, recording rules and panels; each once, however often an expression repeats it."""
        rules = [rule for rule in request.rules if isinstance(rule, Rule)]
        universe = universe_of(request.catalogue, rules)
        seen: set[tuple[str, str, str]] = set()
        for problem in _findings(rules, request, universe):
            key = (problem.code, problem.where.path, problem.summary)
            if key not in seen:
                seen.add(key)
                yield problem


def universe_of(catalogue: CatalogueView, rules: Sequence[Rule]) -> Universe:
    """What exists in a project: the declared families, the services, and what recording rules yield."""
    own = {label for service in catalogue.services.values() for label in service.labels}
    labels = TARGET_LABELS | own
    emits = {name: frozenset(service.emits) for name, service in catalogue.services.items()}
    records: dict[str, RecordedSeries] = {EXPECTED: RecordedSeries(Labels.of(*GROUP_LABELS))}
    waiting = _records(rules)
    names = {record.record for record in waiting}
    while waiting:
        universe = Universe(catalogue.families, emits, labels, records)
        ready = [record for record in waiting if not (_used(record.expr, names) - records.keys() - {record.record})]
        for record in ready or waiting:
            records[record.record] = _yields(record, universe)
        waiting = [record for record in waiting if record.record not in records]
    return Universe(catalogue.families, emits, labels, records)


def _records(rules: Iterable[Rule]) -> list[RecordingRule]:
    """Each recording rule once; several objectives record different expressions under one name."""
    return list({(record.record, record.expr): record for rule in rules for record in rule.records}.values())


def _used(expr: str, names: set[str]) -> set[str]:
    try:
        return {name for selector in selectors(expr) for name in selector.names if name in names}
    except ProblemsError:
        return set()


def _yields(record: RecordingRule, universe: Universe) -> RecordedSeries:
    # A record may read its own past; while it is being worked out, nothing is known of it.
    known = Universe(
        universe.families, universe.emits, universe.target_labels, {record.record: RecordedSeries(), **universe.records}
    )
    try:
        return recorded(record.expr, known, record.labels)
    except ProblemsError:
        return RecordedSeries()  # reported when the record itself is checked


def _findings(rules: Sequence[Rule], request: Request, universe: Universe) -> Iterator[Problem]:
    broken: set[str] = set()
    for record in _records(rules):
        found = check_expression(record.expr, universe, f"recording rule {record.record}")
        yield from found
        if any(problem.severity is Severity.ERROR for problem in found):
            broken.add(record.record)
    broken = _reading(broken, rules)
    for rule in rules:
        subject = f"alert {rule.alert}{f' for {rule.service}' if rule.service else ''}"
        used = {f"annotation `{name}`": labels_of_template(text) for name, text in rule.annotations.items()}
        yield from check_expression(rule.expr, universe, subject, template_labels=used)
        yield from _broken(rule.expr, subject, broken)
    for dashboard in request.dashboards:
        for query in panel_queries(dashboard):
            if query.datasource == DATASOURCE_PROMETHEUS and query.expr:
                yield from _panel(query, universe)
                yield from _broken(substitute(query.expr), query.subject, broken)


def _reading(broken: set[str], rules: Sequence[Rule]) -> set[str]:
    """The broken recorded series, and those that are recorded from them."""
    while more := {each.record for each in _records(rules) if _used(each.expr, broken)} - broken:
        broken = broken | more
    return broken


def _broken(expr: str, subject: str, broken: set[str]) -> Iterator[Problem]:
    """What reads a broken recorded series is named too, because it is what a person misses in the end."""
    for record in sorted(_used(expr, broken)):
        yield Problem(
            code="lineage/broken-record",
            summary=f"It reads `{record}`, and something is wrong with the expression that is recorded there.",
            must="What an alert or a panel reads is recorded without a finding.",
            fix=f"Mend the recording rule {record}.",
            where=Place(path=subject),
        )


def _panel(query: PanelQuery, universe: Universe) -> list[Problem]:
    legend = {"legend": labels_of_legend(query.legend)} if query.legend else {}
    raw = query.owner.startswith("variable ")
    return check_expression(
        query.expr, universe, query.subject, template_labels=legend, grafana=True, allow_raw_counters=raw
    )
