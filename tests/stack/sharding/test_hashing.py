"""The shards of a service, and what a shard keeps of targets, samples and alerts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from support.rendering import varied
from support.sharded import ENGINE, IMAGE
from tapewatch.catalogue.stack import Stack
from tapewatch.sharding.hashing import alert_relabelling, own_samples, own_targets, shard_of, shards_of, speaker_of

NAMES = [f"service-{number}" for number in range(200)]


def stack(shards: int, before: int | None = None, **more: Any) -> Stack:
    def change(data: dict[str, Any]) -> None:
        data["stack"].update(shards=shards, long_term=dict(ENGINE), **more)
        data["stack"]["images"]["mimir"] = IMAGE
        if before is not None:
            data["stack"]["shards_before"] = before

    return varied(change).stack


def kept(steps: Iterable[Mapping[str, Any]], labels: Mapping[str, str]) -> dict[str, str]:
    """What is left of labels after relabelling, as Prometheus does it; empty where all is dropped."""
    found = dict(labels)
    for step in steps:
        value = ";".join(found.get(each, "") for each in step.get("source_labels", ()))
        if step["action"] == "hashmod":
            found[step["target_label"]] = str(shard_of(value, step["modulus"]))
        elif step["action"] == "keep" and not re.fullmatch(step["regex"], value):
            return {}
        elif step["action"] == "labeldrop":
            found = {key: each for key, each in found.items() if not re.fullmatch(step["regex"], key)}
    return found


@pytest.mark.parametrize(("shards", "before"), [(4, None), (5, 4), (3, 5), (1, 3), (3, 1)])
def test_a_service_is_scraped_by_its_shards_and_spoken_for_by_one(shards: int, before: int | None) -> None:
    given = stack(shards, before)
    for name in NAMES:
        labels = {"service": name, "shard": "x"}
        every = range(given.shard_count)
        scraped = {each: left for each in every if (left := kept(own_targets(given, each), labels))}
        assert set(scraped) == set(shards_of(name, given))
        assert all(left == labels for left in scraped.values())  # with another label it would be another target
        assert [each for each in every if kept(own_samples(given, each), labels)] == [speaker_of(name, given)]
        assert kept(own_samples(given, speaker_of(name, given)), labels) == labels
        assert speaker_of(name, given) == shard_of(name, before or shards)
        assert set(shards_of(name, given)) == {shard_of(name, before or shards), shard_of(name, shards)}


def test_what_belongs_to_no_service_is_everybodys() -> None:
    given = stack(4)

    assert all(kept(own_samples(given, each), {"a": "b"}) == {"a": "b"} for each in range(4))


def test_no_alert_says_which_member_it_comes_from() -> None:
    given = stack(4, high_availability={})
    labels = {"service": "a", "shard": str(shard_of("a", 4)), "replica": "b"}

    assert kept(alert_relabelling(given, shard_of("a", 4)), labels) == {"service": "a"}
    assert alert_relabelling(given, None) == [{"action": "labeldrop", "regex": "replica"}]


def test_services_are_spread_evenly() -> None:
    counts = Counter(shard_of(name, 4) for name in NAMES)

    assert min(counts.values()) > len(NAMES) / 8
