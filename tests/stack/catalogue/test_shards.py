"""Shards of Prometheus: what the catalogue refuses, with line and remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.rendering import varied_text
from support.samples import problems_in
from support.sharded import ENGINE, IMAGE
from tapewatch_sdk.problems import Problem

Change = Callable[[dict[str, Any]], object]


def found(change: Change, **stack: Any) -> list[Problem]:
    def all_of_it(data: dict[str, Any]) -> None:
        data["stack"].update({"long_term": dict(ENGINE), **stack})
        data["stack"]["images"]["mimir"] = IMAGE
        change(data)

    return problems_in(varied_text(all_of_it))


def nothing(_: dict[str, Any]) -> None:
    """No change."""


@pytest.mark.parametrize(
    "stack",
    [
        {"shards": 4},
        {"shards": 5, "shards_before": 4},
        {"shards": 4, "shards_before": 5},
        {"shards": 1, "shards_before": 4},
        {"shards": 4, "shards_before": 1},
        {"shards": 4, "high_availability": {"data": {"prometheus": [f"/disk{each}" for each in range(8)]}}},
    ],
)
def test_shards_beside_an_engine_are_taken(stack: dict[str, Any]) -> None:
    assert found(nothing, **stack) == []


@pytest.mark.parametrize("key", ["shards", "shards_before"])
def test_no_shard_at_all_is_refused(key: str) -> None:
    (problem,) = found(nothing, **{"shards": 4, key: 0})

    assert str(problem.where.path).endswith(key)
    assert problem.where.line > 0
    assert "1" in problem.must


@pytest.mark.parametrize("stack", [{"shards": 4}, {"shards": 1, "shards_before": 4}])
def test_shards_without_an_engine_are_refused(stack: dict[str, Any]) -> None:
    (problem,) = problems_in(varied_text(lambda data: data["stack"].update(stack)))

    assert (problem.code, problem.where.line > 0) == ("catalogue/shards", True)
    assert "long_term" in problem.fix


@pytest.mark.parametrize("shards", [1, 4])
def test_as_many_shards_as_before_are_refused(shards: int) -> None:
    (problem,) = found(nothing, shards=shards, shards_before=shards)

    assert (problem.code, problem.where.line > 0) == ("catalogue/shards-before", True)
    assert "remove `shards_before`" in problem.fix


def test_in_a_cluster_no_service_is_on_two_shards() -> None:
    engine = {**ENGINE, "address": "mimir:9009"}
    problems = found(nothing, shards=5, shards_before=4, kubernetes={}, long_term=engine)

    assert [problem.code for problem in problems] == ["catalogue/shards-before"]


def _service_label(data: dict[str, Any]) -> None:
    data["services"]["market-data"]["labels"] = {"shard": "7"}


def _metric_label(data: dict[str, Any]) -> None:
    data["domains"]["market_data"]["market_data_price"]["labels"].append("shard")


def _external_label(data: dict[str, Any]) -> None:
    data["stack"]["external_labels"] = {"shard": "x"}


def _replica_label(data: dict[str, Any]) -> None:
    data["stack"]["high_availability"] = {"replica_label": "shard"}


@pytest.mark.parametrize("change", [_service_label, _metric_label, _external_label, _replica_label])
def test_nothing_else_is_called_as_the_shards_label(change: Change) -> None:
    (problem,) = found(change, shards=4)

    assert (problem.code, problem.where.line > 0) == ("catalogue/shard-label", True)
    assert found(change) == []


def test_native_units_have_no_shards_yet() -> None:
    engine = {**ENGINE, "address": "mimir:9009"}
    codes = {each.code for each in found(nothing, shards=4, systemd={}, long_term=engine)}

    assert codes == {"catalogue/systemd-members"}


def test_each_shard_has_ports_of_its_own() -> None:
    def taken(data: dict[str, Any]) -> None:
        data["services"]["market-data"]["address"] = "market-data:9290"

    (problem,) = found(taken, shards=4)

    assert (problem.code, problem.where.line > 0) == ("catalogue/port-clash", True)
    assert "prometheus 3" in problem.summary
    assert found(taken, shards=2) == []


def test_members_folders_are_counted_over_all_shards() -> None:
    folders = ["/disk1", "/disk2"]

    (problem,) = found(nothing, shards=2, high_availability={"data": {"prometheus": folders}})

    assert (problem.code, problem.summary) == ("catalogue/member-data", "2 folders for 4 members of prometheus")
