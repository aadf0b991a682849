"""Alert rules, recording rules and the unit tests that come from the proofs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.documents import dump
from tapewatch.renderers.members import shard_folder
from tapewatch.rules.parameters import format_duration
from tapewatch.rules.proofs import tests_by_evaluation
from tapewatch.rules.resolve import EVALUATION_SECONDS, RecordingRule, Rule
from tapewatch.rules.slo import SloRule
from tapewatch.sharding.hashing import shards_of
from tapewatch.sharding.placing import placement
from tapewatch_sdk.names import EXPECTED, SHARD_SEEN
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = [
    "RulesRenderer",
    "TestsRenderer",
    "engine_groups",
    "expected",
    "recording",
    "rule_group",
    "rule_groups",
    "test_files",
]


class RulesRenderer:
    """`rules/<domain>.yml` with recording and alert rules, and `rules/expected.yml` with the services to be seen.

    With shards, those that see more than one service are the engine's, and each shard expects its own services alone.
    """

    name = "rules"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """One file a domain, in the order of the packs."""
        for domain, group in rule_groups(request):
            yield File(f"{layout.RULES}/{domain}.yml", dump({"groups": [group]}, layout.HEADER))
        for domain, group in engine_groups(request):
            yield File(f"{layout.ENGINE_RULES}/{domain}.yml", dump({"groups": [group]}, layout.HEADER))
        for name, records in _expected_files(cast(Catalogue, request.catalogue)):
            group = {"name": "expected", "rules": records}
            yield File(f"{layout.RULES}/{name}", dump({"groups": [group]}, layout.HEADER))


class TestsRenderer:
    """`tests/<domain>_test.yml`: what the proofs say, for `promtool test rules`."""

    name = "promtool-tests"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """One file a domain, and one more for cases with a pace of their own."""
        at_engine = {domain for domain, _ in engine_groups(request)}
        here = {domain for domain, _ in rule_groups(request)}
        for domain, rules in _by_domain(request):
            files = [f"{layout.TESTS_TO[layout.RULES]}/{domain}.yml"] * (domain in here)
            files += [f"{layout.TESTS_TO[layout.ENGINE_RULES]}/{domain}.yml"] * (domain in at_engine)
            yield from test_files(domain, rules, files)


def test_files(stem: str, rules: Iterable[Rule], files: Sequence[str]) -> Iterator[File]:
    """The unit tests of rules; a pace other than the usual one has a file of its own.

    Parameters:
        stem: name of their file.
        rules: the rules.
        files: where these stand, from the folder of tests.
    """
    for evaluation, tests in tests_by_evaluation(rules).items():
        pace = format_duration(evaluation)
        name = stem if evaluation == EVALUATION_SECONDS else f"{stem}.{pace}"
        # The engine's rules read what the shards have recorded.
        order = {"group_eval_order": [stem, _over_all(stem)]} if len(files) > 1 else {}
        suite = {"rule_files": list(files), "evaluation_interval": pace, **order, "tests": tests}
        yield File(f"{layout.TESTS}/{name}_test.yml", dump(suite, layout.HEADER))


def rule_groups(request: Request) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each domain with its rule group, in the order of the packs; with shards, what they evaluate."""
    placed = placement(request)
    for domain, rules in _by_domain(request):
        records = [each for rule in rules for each in rule.records if not placed.of_record(each)]
        alerts = [rule for rule in rules if not placed.of_alert(rule)]
        if records or alerts:
            yield domain, _group(domain, records, alerts)


def engine_groups(request: Request) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same of what sees more than one service, and so is evaluated by the engine that sees all shards."""
    placed = placement(request)
    for domain, rules in _by_domain(request) if placed else ():
        records = [each for rule in rules for each in rule.records if placed.of_record(each)]
        alerts = [rule for rule in rules if placed.of_alert(rule)]
        if records or alerts:
            yield domain, _group(_over_all(domain), records, alerts)


def _over_all(domain: str) -> str:
    """Name of the engine's group of a domain."""
    return f"{domain}.all"


def rule_group(name: str, rules: Iterable[Rule]) -> dict[str, Any]:
    """A Prometheus rule group: each recording rule once, then the alerts, so that alerts see fresh values."""
    rules = list(rules)
    return _group(name, [each for rule in rules for each in rule.records], rules)


def _group(name: str, records: Iterable[RecordingRule], alerts: Iterable[Rule]) -> dict[str, Any]:
    once = {(each.record, each.expr): each for each in records}
    return {"name": name, "rules": [*(recording(each) for each in once.values()), *(_alert(rule) for rule in alerts)]}


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


def _expected_files(catalogue: Catalogue) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The records of the services that are to be seen, by their file: one for each shard, where there are several."""
    records, stack = list(expected(catalogue)), catalogue.stack
    if stack.shard_count == 1:
        yield "expected.yml", records
        return
    for shard in range(stack.shard_count):
        own = [each for each in records if shard in shards_of(each["labels"]["service"], stack)]
        seen = {"record": SHARD_SEEN, "expr": "vector(1)", "labels": {"number": str(shard)}}
        yield f"{shard_folder(shard)}/expected.yml", [*own, seen]


def expected(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """A recording rule for each service that is to be seen, by name."""
    for name, service in sorted(catalogue.services.items()):
        labels = {"environment": catalogue.environment, "service": name, "team": service.team}
        yield {"record": EXPECTED, "expr": "vector(1)", "labels": labels}
