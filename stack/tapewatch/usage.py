"""Which rules and panels use a metric: through recording rules too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tapewatch.catalogue import Catalogue
from tapewatch.panels import panel_queries
from tapewatch.promql.grafana import substitute
from tapewatch.promql.selector import selectors
from tapewatch.rules.resolve import Rule
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.names import DATASOURCE_PROMETHEUS
from tapewatch_sdk.plugins import Dashboard

__all__ = ["Use", "uses_by_family"]


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """A rule or a panel that reads a metric family.

    Parameters:
        kind: `alert`, `record` or `panel`.
        name: the alert, the recorded series, or dashboard and panel.
    """

    kind: str
    name: str


def uses_by_family(
    catalogue: Catalogue, rules: Sequence[Rule], dashboards: Iterable[Dashboard]
) -> Mapping[str, tuple[Use, ...]]:
    """The uses of every declared family; a use through a recorded series counts for the families behind it."""
    owners = {series: family.name for family in catalogue.families.values() for series in family.series_names}
    behind: dict[str, set[str]] = {}
    for record in (record for rule in rules for record in rule.records):
        behind.setdefault(record.record, set()).update(_metrics(record.expr))
    found: dict[str, set[Use]] = {name: set() for name in catalogue.families}
    for use, expr in _expressions(rules, dashboards):
        for metric in _reached(_metrics(expr), behind):
            if metric in owners:
                found[owners[metric]].add(use)
    return {name: tuple(sorted(uses)) for name, uses in found.items()}


def _expressions(rules: Sequence[Rule], dashboards: Iterable[Dashboard]) -> Iterator[tuple[Use, str]]:
    for rule in rules:
        yield Use("alert", rule.alert), rule.expr
        for record in rule.records:
            yield Use("record", record.record), record.expr
    for dashboard in dashboards:
        for query in panel_queries(dashboard):
            if query.datasource == DATASOURCE_PROMETHEUS:
                yield Use("panel", query.subject), substitute(query.expr)


def _metrics(expr: str) -> list[str]:
    try:
        return [name for selector in selectors(expr) for name in selector.names]
    except ProblemsError:
        return []  # the lineage check reports what cannot be read


def _reached(metrics: Iterable[str], behind: Mapping[str, set[str]]) -> set[str]:
    """The metrics themselves and all that stand behind recorded ones."""
    reached: set[str] = set()
    waiting = list(metrics)
    while waiting:
        metric = waiting.pop()
        if metric not in reached:
            reached.add(metric)
            waiting.extend(behind.get(metric, ()))
    return reached
