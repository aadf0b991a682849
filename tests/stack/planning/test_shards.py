"""What a plan says of services that move from one shard to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.rendering import render, varied_text
from support.sharded import ENGINE, IMAGE, sharded_text
from tapewatch.catalogue import load_text
from tapewatch.planning import Action, Change, compare_files
from tapewatch.project import open_project
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer
from tapewatch.sharding.hashing import shard_of


def files(services: int = 60, **stack: Any) -> dict[str, str]:
    """The files of Prometheus for so many services; without alerts, which `rendered` has."""
    catalogue = load_text(sharded_text(services, 9100, **stack)).catalogue
    return {**render(PrometheusRenderer(), catalogue), **render(RulesRenderer(), catalogue)}


def rendered(folder: Path, **stack: Any) -> dict[str, str]:
    """Every file of the sample."""

    def change(data: dict[str, Any]) -> None:
        data["stack"].update({"long_term": dict(ENGINE), **stack})
        data["stack"]["images"]["mimir"] = IMAGE

    folder.mkdir()
    (folder / "catalogue.yaml").write_text(varied_text(change), encoding="utf-8")
    return open_project(folder).render()


def told(before: dict[str, str], after: dict[str, str]) -> list[Change]:
    return [each for each in compare_files(before, after).changes if each.kind in ("shards", "shard")]


def moving(old: int, new: int, services: int = 60) -> list[str]:
    names = [f"service-{number:05}" for number in range(services)]
    return [name for name in names if shard_of(name, old) != shard_of(name, new)]


def test_services_that_begin_to_move_are_counted_and_named_by_their_way() -> None:
    whole, *ways = told(files(shards=4), files(shards=5, shards_before=4))

    moved = moving(4, 5)
    assert (whole.name, whole.action) == ("4 -> 5", Action.CHANGED)
    assert whole.detail.startswith(f"{len(moved)} of 60 services begin to move; until `shards_before` is removed")
    assert sum(int(way.detail.split()[0]) for way in ways) == len(moved)
    one = next(way for way in ways if way.name == "0 -> 4 begins")
    own = [name for name in moved if (shard_of(name, 4), shard_of(name, 5)) == (0, 4)]
    assert one.detail == f"{len(own)} service{'s' * (len(own) > 1)}: {', '.join(own)}"


def test_many_services_of_one_way_are_folded() -> None:
    ways = told(files(400, shards=2), files(400, shards=4, shards_before=2))[1:]

    assert all(" and " in way.detail and way.detail.endswith(" more") for way in ways)
    assert {way.name for way in ways} == {"0 -> 2 begins", "1 -> 3 begins"}


def test_how_long_they_must_be_on_both_is_the_longest_memory_of_any_alert(tmp_path: Path) -> None:
    two = rendered(tmp_path / "two", shards=2)
    both = rendered(tmp_path / "both", shards=3, shards_before=2)
    three = rendered(tmp_path / "three", shards=3)

    begins, ends = told(two, both)[0], told(both, three)[0]
    assert "keep it for 2h30s (MarketDataStale looks back so far) at least" in begins.detail
    assert "not before `shards_before` has been live for 2h30s" in ends.detail


def test_a_new_shard_is_told_as_its_services_containers_and_sources_and_as_nothing_else(tmp_path: Path) -> None:
    before = rendered(tmp_path / "two", shards=2)
    plan = compare_files(before, rendered(tmp_path / "both", shards=3, shards_before=2))

    kinds = {change.kind for change in plan.changes}
    assert kinds == {"shards", "shard", "scrape job", "container", "data source"}
    assert [each.name for each in plan.changes if each.kind == "scrape job"] == ["prometheus"]
    gained = {each.name for each in plan.changes if each.action is Action.GAINED}
    assert gained == {"prometheus-2", "tapewatch-prometheus-2"}


@pytest.mark.parametrize(("old", "new"), [(4, 5), (5, 4), (1, 4)])
def test_services_that_move_at_once_are_told_with_a_warning(old: int, new: int) -> None:
    whole = told(files(shards=old), files(shards=new))[0]

    assert whole.detail.startswith(f"{len(moving(old, new))} of 60 services move at once")
    assert "set `shards_before` first" in whole.detail


def test_where_no_service_moves_nothing_is_said() -> None:
    assert told(files(shards=4), files(shards=4, retention={"metrics": "30d"})) == []
    assert told(files(), files(70)) == []
    assert told(files(shards=4), files(70, shards=4)) == []
