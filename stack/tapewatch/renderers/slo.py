"""Burn-rate alerts of the catalogue's objectives, the series that they record, and their unit tests.

Each objective has files of its own: promtool evaluates every rule of a file in every test of it, so one file for all
would take time with the square of their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from tapewatch import layout
from tapewatch.documents import dump
from tapewatch.renderers.rules import recording, rule_group, test_files
from tapewatch.rules.slo import REMAINING, SloRule
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["SloRenderer", "slo_groups"]

_INTERVAL = "1m"
"""How often burn rates are worked out: short against the shortest window, 5m, and one sample a minute keeps sums over
days cheap."""

_BUDGET_INTERVAL = "2m"
"""How often the budget that is left is worked out. It sums up a whole month and changes slowly; Prometheus forgets a
series after 5m without a sample, so a missed evaluation leaves no gap in a panel."""


class SloRenderer:
    """`rules/slo.NAME.yml`, `rules/slo.SERVICE.NAME.yml` for a service's own, and their unit tests."""

    name = "slo"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """A file of rules for each objective, and one of tests for each pace at which its proofs are evaluated."""
        for stem, found in _by_objective(request):
            yield from _files(stem, found)


def slo_groups(request: Request) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rule groups of each objective, by the name of its file."""
    for stem, found in _by_objective(request):
        yield stem, list(_groups(stem, found))


def _by_objective(request: Request) -> Iterator[tuple[str, list[SloRule]]]:
    rules = [rule for rule in request.rules if isinstance(rule, SloRule)]
    for (service, slo), found in groupby(rules, key=lambda rule: (rule.service, rule.slo)):
        # A dot stands in no name, so no two objectives and no domain of rules share a file.
        yield f"slo.{service}.{slo}" if service else f"slo.{slo}", list(found)


def _files(stem: str, rules: Sequence[SloRule]) -> Iterator[File]:
    yield File(f"{layout.RULES}/{stem}.yml", dump({"groups": list(_groups(stem, rules))}, layout.HEADER))
    yield from test_files(stem, rules, [f"{layout.TESTS_TO[layout.RULES]}/{stem}.yml"])


def _groups(stem: str, rules: Sequence[SloRule]) -> Iterator[dict[str, Any]]:
    """Two groups, since the budget that is left need not be known so often."""
    burning = rule_group(stem, [_without_budget(rule) for rule in rules])
    yield {"name": stem, "interval": _INTERVAL, "rules": burning["rules"]}
    left = [recording(each) for each in rules[0].records if each.record == REMAINING]
    yield {"name": f"{stem}.budget", "interval": _BUDGET_INTERVAL, "rules": left}


def _without_budget(rule: SloRule) -> SloRule:
    return replace(rule, records=tuple(each for each in rule.records if each.record != REMAINING))
