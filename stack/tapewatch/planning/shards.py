"""Services that are expected, and those that move from one shard to another: how long they must be on both."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tapewatch import documents, layout
from tapewatch.planning.changes import Action, Change, Files
from tapewatch.rules.parameters import format_duration
from tapewatch.sharding.moving import memory_of
from tapewatch_sdk.names import EXPECTED

__all__ = ["expected_changes", "shard_changes", "told_of", "without_shards"]

NAMED = 5
"""Services that are named of each way; the others are counted."""

_EXPECTED = re.compile(rf"{re.escape(layout.RULES)}/(?:shards/(?P<shard>\d+)/)?expected\.yml")

_OURS = "__tmp_shard"
"""What the labels begin with by which relabelling chooses a shard's own."""

_Shards = tuple[int, ...]


def shard_changes(before: Files, after: Files) -> Iterator[Change]:
    """Each way that services take, and what it means for their alerts; nothing unless shards change."""
    old, new = _shards(before), _shards(after)
    if not old or not new or _number(old) == _number(new) == 1:
        return
    both = {service: (old[service], new[service]) for service in old.keys() & new.keys()}
    ways: dict[tuple[_Shards, _Shards], list[str]] = defaultdict(list)
    for service, (was, now) in sorted(both.items()):
        if was != now:
            ways[was, now].append(service)
    if not ways:
        return
    summary = _summary(ways, len(both), after)
    yield Change("shards", _numbers(old, new), Action.CHANGED, summary, f"{layout.PROMETHEUS}/prometheus.yml")
    for (was, now), services in sorted(ways.items()):
        yield Change("shard", _way(was, now), Action.CHANGED, _listed(services), _path(after))


def expected_changes(before: Files, after: Files) -> Iterator[Change]:
    """Services that are to be seen from now on, or no longer, on whichever shard."""
    old, new = _expected(before), _expected(after)
    for service in sorted({*old, *new}):
        was, now = old.get(service), new.get(service)
        if was is None or now is None or was[0] != now[0]:
            action = Action.GAINED if was is None else Action.LOST if now is None else Action.CHANGED
            yield Change("expected service", service, action, "", (now or was or ("", ""))[1])


def without_shards(node: Any) -> Any:
    """Configuration without the relabelling that spreads services: what moves is told of the services themselves."""
    if isinstance(node, Mapping):
        return {key: found for key, each in node.items() if (found := without_shards(each)) != [] or each == []}
    if isinstance(node, list):
        return [without_shards(each) for each in node if not _spreads(each)]
    return node


def _spreads(step: Any) -> bool:
    if not isinstance(step, Mapping):
        return False
    labels = [*step.get("source_labels", ()), step.get("target_label", ""), step.get("regex", "")]
    return any(isinstance(each, str) and each.startswith(_OURS) for each in labels)


def _shards(files: Files) -> dict[str, _Shards]:
    """The shards on which each service is expected; the one shard 0 where there are none."""
    found: dict[str, set[int]] = defaultdict(set)
    for rule, shard, _ in _records(files):
        found[rule["labels"]["service"]].add(shard)
    return {service: tuple(sorted(shards)) for service, shards in found.items()}


def _expected(files: Files) -> dict[str, tuple[Mapping[str, str], str]]:
    """The labels of each service that is to be seen, and the file in which it is."""
    return {rule["labels"]["service"]: (rule["labels"], path) for rule, _, path in _records(files)}


def _records(files: Files) -> Iterator[tuple[Mapping[str, Any], int, str]]:
    """The records of services that are to be seen, each with its shard and its file."""
    for path, text in sorted(files.items()):
        if match := _EXPECTED.fullmatch(path):
            for rule in _rules(text, path):
                if rule.get("record") == EXPECTED:
                    yield rule, int(match["shard"] or 0), path


def told_of(path: str) -> bool:
    """Whether a file is one of those whose services are told of."""
    return _EXPECTED.fullmatch(path) is not None


def _rules(text: str, path: str) -> Iterator[Mapping[str, Any]]:
    for group in documents.parse_data(text, path)["groups"]:
        yield from group["rules"]


def _number(shards: Mapping[str, _Shards]) -> int:
    return 1 + max(number for each in shards.values() for number in each)


def _numbers(old: Mapping[str, _Shards], new: Mapping[str, _Shards]) -> str:
    before, after = _number(old), _number(new)
    return str(after) if before == after else f"{before} -> {after}"


def _summary(ways: Mapping[tuple[_Shards, _Shards], list[str]], count: int, after: Files) -> str:
    """What an operator has to know of the whole move."""
    begin = sum(len(each) for (was, now), each in ways.items() if len(now) > len(was))
    end = sum(len(each) for (was, now), each in ways.items() if len(now) < len(was))
    at_once = sum(len(each) for (was, now), each in ways.items() if len(now) == len(was))
    told = []
    if begin:
        told.append(
            f"{begin} of {count} services begin to move; until `shards_before` is removed they are on both shards, and"
            f" the old one speaks for them; keep it for {_overlap(after)} at least, from when every shard has its files"
        )
    if end:
        told.append(
            f"{end} of {count} services leave their old shard; not before `shards_before` has been live for"
            f" {_overlap(after)}: alerts that look back further would find nothing and be over, or begin anew"
        )
    if at_once:
        told.append(
            f"{at_once} of {count} services move at once: their new shard knows nothing of before, so alerts that are"
            " pending or firing may end and begin anew; set `shards_before` first"
        )
    return "; ".join(told)


def _overlap(files: Files) -> str:
    """How long services must be on both shards, and why."""
    paths = [path for path in files if path.startswith(layout.RULE_FOLDERS)]
    memory, alert = memory_of(rule for path in paths for rule in _rules(files[path], path))
    return f"{format_duration(memory)} ({alert} looks back so far)" if alert else "0s"


def _way(was: _Shards, now: _Shards) -> str:
    gained, lost = set(now) - set(was), set(was) - set(now)
    if gained and not lost:
        return f"{_listed_numbers(was)} -> {_listed_numbers(gained)} begins"
    if lost and not gained:
        return f"{_listed_numbers(lost)} -> {_listed_numbers(now)} ends"
    return f"{_listed_numbers(was)} -> {_listed_numbers(now)}"


def _listed_numbers(numbers: Iterable[int]) -> str:
    return " and ".join(map(str, sorted(numbers)))


def _listed(services: list[str]) -> str:
    more = len(services) - NAMED
    named = ", ".join(services[:NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{len(services)} service{'' if len(services) == 1 else 's'}: {named}"


def _path(files: Files) -> str:
    return next((path for path in sorted(files) if _EXPECTED.fullmatch(path)), "")
