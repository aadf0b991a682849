"""Where each rule is evaluated: on the shard of each service, or at the engine that sees all services.

A rule that sees more than one service would see a part of them on every shard, and say something wrong on each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tapewatch.catalogue import Catalogue
from tapewatch.rules.resolve import RecordingRule, Rule
from tapewatch.sharding.scope import reason_for_all
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.plugins import Request

__all__ = ["Placement", "needing_all", "placement"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Which rules need the engine.

    Parameters:
        records: why each recording rule does, by what it records and its expression.
        alerts: the same of alerts, by name and expression.
    """

    records: Mapping[tuple[str, str], str]
    alerts: Mapping[tuple[str, str], str]

    def of_record(self, record: RecordingRule) -> str:
        """Why a recording rule needs the engine; empty when the shards evaluate it."""
        return self.records.get((record.record, record.expr), "")

    def of_alert(self, rule: Rule) -> str:
        """The same of an alert."""
        return self.alerts.get((rule.alert, rule.expr), "")

    def __bool__(self) -> bool:
        return bool(self.records or self.alerts)


def placement(request: Request) -> Placement:
    """Which rules need the engine; none where there is one Prometheus, or no engine."""
    catalogue = cast(Catalogue, request.catalogue)
    if catalogue.stack.shard_count == 1 or catalogue.stack.long_term is None:
        return Placement({}, {})
    return needing_all([rule for rule in request.rules if isinstance(rule, Rule)])


def needing_all(rules: Sequence[Rule]) -> Placement:
    """The rules that see more than one service, whatever the catalogue says of shards."""
    records = _records(rules)
    names = {record: reason for (record, _), reason in records.items()}
    alerts = ((rule, _reason(rule.expr, rule.labels, names)) for rule in rules)
    return Placement(records, {(rule.alert, rule.expr): reason for rule, reason in alerts if reason})


def _records(rules: Iterable[Rule]) -> dict[tuple[str, str], str]:
    """The recording rules among them, with those that read what these record."""
    every = {(each.record, each.expr): each for rule in rules for each in rule.records}
    found: dict[tuple[str, str], str] = {}
    while True:
        names = {record: reason for (record, _), reason in found.items()}
        more = {
            key: reason
            for key, each in every.items()
            if key not in found and (reason := _reason(each.expr, each.labels, names))
        }
        if not more:
            return found
        found |= more


def _reason(expr: str, labels: Mapping[str, str], elsewhere: Mapping[str, str]) -> str:
    if "service" in labels:
        return "it sets `service` itself"
    try:
        return reason_for_all(expr, elsewhere)
    except ProblemsError:
        return ""  # the check of lineage says what is wrong with it
