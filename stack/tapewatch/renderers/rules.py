"""Alert rules, recording rules and the unit tests that come from the proofs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.documents import dump
from tapewatch.rules.parameters import format_duration
from tapewatch.rules.proofs import tests_by_evaluation
from tapewatch.rules.resolve import EVALUATION_SECONDS, RecordingRule, Rule
from tapewatch.rules.slo import SloRule
from tapewatch_sdk.names import EXPECTED
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["RulesRenderer", "TestsRenderer", "expected", "recording", "rule_group", "rule_groups", "test_files"]


class RulesRenderer:
    """`rules/<domain>.yml` with recording and alert rules, and `rules/expected.yml` with the services to be seen."""

    name = "rules"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """One file a domain, in the order of the packs."""
        for domain, group in rule_groups(request):
            yield File(f"{layout.RULES}/{domain}.yml", dump({"groups": [group]}, layout.HEADER))
        group = {"name": "expected", "rules": list(expected(cast(Catalogue, request.catalogue)))}
        yield File(f"{layout.RULES}/expected.yml", dump({"groups": [group]}, layout.HEADER))


class TestsRenderer:
    """`tests/<domain>_test.yml`: what the proofs say, for `promtool test rules`."""

    name = "promtool-tests"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """One file a domain, and one more for cases with a pace of their own."""
        for domain, rules in _by_domain(request):
            yield from test_files(domain, rules)


def test_files(stem: str, rules: Iterable[Rule]) -> Iterator[File]:
    """The unit tests of the rules in `rules/<stem>.yml`; a pace other than the usual one has a file of its own."""
    for evaluation, tests in tests_by_evaluation(rules).items():
        pace = format_duration(evaluation)
        name = stem if evaluation == EVALUATION_SECONDS else f"{stem}.{pace}"
        suite = {"rule_files": [f"../rules/{stem}.yml"], "evaluation_interval": pace, "tests": tests}
        yield File(f"{layout.TESTS}/{name}_test.yml", dump(suite, layout.HEADER))


def rule_groups(request: Request) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each domain with its rule group, in the order of the packs."""
    for domain, rules in _by_domain(request):
        yield domain, rule_group(domain, rules)


def rule_group(name: str, rules: Iterable[Rule]) -> dict[str, Any]:
    """A Prometheus rule group: each recording rule once, then the alerts, so that alerts see fresh values."""
    rules = list(rules)
    records = {(each.record, each.expr): each for rule in rules for each in rule.records}
    return {"name": name, "rules": [*(recording(each) for each in records.values()), *(_alert(rule) for rule in rules)]}


def recording(record: RecordingRule) -> dict[str, Any]:
    """A recording rule as Prometheus reads it."""
    added = {"labels": dict(record.labels)} if record.labels else {}
    return {"record": record.record, "expr": record.expr, **added}


def _by_domain(request: Request) -> Iterator[tuple[str, list[Rule]]]:
    # Burn-rate alerts have a file and a clock of their own: `SloRenderer`.
    packed = [cast(Rule, rule) for rule in request.rules if not isinstance(rule, SloRule)]
    for domain, rules in groupby(packed, key=lambda rule: rule.domain):
        yield domain, list(rules)


def _alert(rule: Rule) -> Mapping[str, Any]:
    held = {} if rule.for_ in ("0s", "0") else {"for": rule.for_}
    return {
        "alert": rule.alert,
        "expr": rule.expr,
        **held,
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
    }


def expected(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """A recording rule for each service that is to be seen, by name."""
    for name, service in sorted(catalogue.services.items()):
        labels = {"environment": catalogue.environment, "service": name, "team": service.team}
        yield {"record": EXPECTED, "expr": "vector(1)", "labels": labels}
