"""A pack of somebody else's with rules over all services: which of them go to the engine, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.rendering import varied, write
from support.sharded import ENGINE, IMAGE
from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.checks.shards import ShardsCheck
from tapewatch.planning import compare_files
from tapewatch.proving.promtool import Promtool
from tapewatch.renderers.heartbeat import HeartbeatRenderer
from tapewatch.renderers.rules import RulesRenderer, TestsRenderer
from tapewatch.rules.packs import read_packs
from tapewatch.rules.resolve import Rule, resolve
from tapewatch.sharding.hashing import shard_of
from tapewatch_sdk.plugins import Request

PACK = """\
schema: tapewatch.rules/v1
domain: desk
dashboard: desk
rules:
- alert: DeskBusy
  severity: high
  for: 0s
  parameters:
    limit: {default: 10, unit: orders, help: Orders that may wait in a service.}
  records:
  - record: desk:waiting:sum
    expr: sum by (environment, service, team) (desk_waiting)
    help: Orders that wait in each service.
    unit: orders
  expr: desk:waiting:sum > ${limit}
  summary: '{{ $labels.service }} is busy'
  description: '{{ $value }} orders wait, ${limit} may.'
  action: Look.
  proof:
    cases:
    - name: fires above the limit
      covers: [two-services, no-traffic]
      targets:
        a: {desk_waiting: 0x3 11x5 0x5}
        b: {desk_waiting: 10x14}
      fires:
      - {at: 20s, until: 50s, says: {summary: a is busy, description: '11 orders wait, 10 may.'}}
    - name: silent at the limit
      covers: [boundary]
      targets:
        a: {desk_waiting: 10x14}
- alert: DeskTakesAll
  severity: high
  for: 0s
  parameters:
    share: {default: 0.5, unit: ratio, help: Share of all waiting orders that one service may have.}
  records:
  - record: desk:waiting:sum
    expr: sum by (environment, service, team) (desk_waiting)
    help: Orders that wait in each service.
    unit: orders
  - record: desk:waiting:all
    expr: sum by (environment) (desk:waiting:sum)
    help: Orders that wait in all services.
    unit: orders
  expr: desk:waiting:sum / on (environment) group_left () desk:waiting:all > ${share}
  summary: '{{ $labels.service }} has most of all orders'
  description: '{{ $value }} of all orders wait there, ${share} may.'
  action: Look.
  proof:
    cases:
    - name: fires for the one that has most of them
      covers: [two-services, no-traffic]
      targets:
        a: {desk_waiting: 0x3 11x5 0x5}
        b: {desk_waiting: 0x3 10x10}
      fires:
      - at: 20s
        until: 50s
        says: {summary: a has most of all orders, description: '0.5238095238095238 of all orders wait there, 0.5 may.'}
      - {at: 50s, target: b}
    - name: silent at half of them
      covers: [boundary]
      targets:
        a: {desk_waiting: 10x14}
        b: {desk_waiting: 10x14}
"""


def catalogue(**stack: Any) -> Catalogue:
    def change(data: dict[str, Any]) -> None:
        data["stack"].update({"heartbeat": {"url": "http://hook:9000/"}, **stack})
        data["stack"]["images"]["mimir"] = IMAGE

    return varied(change)


@pytest.fixture
def rules(tmp_path: Path) -> tuple[Rule, ...]:
    (tmp_path / "packs").mkdir()
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "packs" / "desk.yaml").write_text(PACK, encoding="utf-8")
    for alert in ("DeskBusy", "DeskTakesAll"):
        (tmp_path / "runbooks" / f"{alert}.md").write_text("# Look\n", encoding="utf-8")
    return resolve([each.pack for each in read_packs(tmp_path)], catalogue())


def files(catalogue: Catalogue, rules: tuple[Rule, ...]) -> dict[str, str]:
    request = Request(catalogue, rules, ())
    renderers = (RulesRenderer(), TestsRenderer(), HeartbeatRenderer())
    return {file.path: file.text for renderer in renderers for file in renderer.render(request)}


def names(files: Mapping[str, str], path: str) -> list[str]:
    groups = yaml.safe_load(files[path])["groups"]
    return [rule.get("alert") or rule["record"] for group in groups for rule in group["rules"]]


SPREAD: Mapping[str, Any] = {"shards": 4, "long_term": dict(ENGINE)}


def test_rules_over_several_services_go_to_the_engine_and_the_others_stay(rules: tuple[Rule, ...]) -> None:
    found = files(catalogue(**SPREAD), rules)

    assert names(found, f"{layout.RULES}/desk.yml") == ["desk:waiting:sum", "DeskBusy"]
    assert names(found, f"{layout.ENGINE_RULES}/desk.yml") == ["desk:waiting:all", "DeskTakesAll"]
    assert names(found, f"{layout.ENGINE_RULES}/heartbeat.yml") == ["Heartbeat"]
    assert f"{layout.RULES}/heartbeat.yml" not in found


def test_where_there_is_one_prometheus_it_evaluates_all_of_them(rules: tuple[Rule, ...]) -> None:
    found = files(catalogue(long_term=dict(ENGINE)), rules)

    assert names(found, f"{layout.RULES}/desk.yml") == [
        "desk:waiting:sum", "desk:waiting:all", "DeskBusy", "DeskTakesAll",
    ]  # fmt: skip
    assert not any(path.startswith(f"{layout.ENGINE_RULES}/") for path in found)


def test_each_service_is_expected_on_its_shard_and_each_shard_says_that_it_lives(rules: tuple[Rule, ...]) -> None:
    given = catalogue(**SPREAD)
    found = files(given, rules)

    assert f"{layout.RULES}/expected.yml" not in found
    for shard in range(4):
        (group,) = yaml.safe_load(found[f"{layout.RULES}/shards/{shard}/expected.yml"])["groups"]
        *expected, lives = group["rules"]
        own = sorted(name for name in given.services if shard_of(name, 4) == shard)
        assert [rule["labels"]["service"] for rule in expected] == own
        assert lives == {"record": "tapewatch_shard", "expr": "vector(1)", "labels": {"number": str(shard)}}


@pytest.mark.needs("promtool")
def test_their_unit_tests_pass_where_they_stand(rules: tuple[Rule, ...], tmp_path: Path) -> None:
    folder = write(files(catalogue(**SPREAD), rules), tmp_path / "project")
    results = [
        result
        for name in ("desk_test.yml", "heartbeat_test.yml")
        for result in Promtool.find(timeout=60).test(folder / layout.TESTS / name)
    ]

    assert [each for each in results if not each.passed] == []
    assert len(results) == 6


def test_the_plan_says_that_an_alert_moves_to_the_engine(rules: tuple[Rule, ...]) -> None:
    plan = compare_files(files(catalogue(), rules), files(catalogue(**SPREAD), rules))
    told = {(change.kind, change.name): change.detail for change in plan.changes}

    assert told["alert", "DeskTakesAll"] == "evaluated by the long-term engine from now on"
    assert ("alert", "DeskBusy") not in told


def test_in_a_cluster_without_an_engine_such_a_rule_is_a_finding(rules: tuple[Rule, ...]) -> None:
    def findings(**stack: Any) -> list[tuple[str, str]]:
        request = Request(catalogue(**stack), rules, ())
        return [(each.code, each.where.path) for each in ShardsCheck().run(request)]

    assert findings(shards=4, kubernetes={}) == [
        ("shards/needs-engine", "recording rule desk:waiting:all"),
        ("shards/needs-engine", "alert DeskTakesAll"),
    ]
    assert findings(kubernetes={}) == findings(**SPREAD) == []
