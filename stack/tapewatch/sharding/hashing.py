"""The shards of a service, and the relabelling by which a Prometheus keeps what is its own.

Targets are listed once, for all shards; each Prometheus hashes the label `service` and keeps its share. A new service
changes one file of targets, as it does without shards, and a service is always on one shard as a whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from tapewatch.catalogue.stack import SHARD, Stack

__all__ = ["alert_relabelling", "own_samples", "own_targets", "shard_of", "shards_of", "speaker_of"]

_HASH, _HASH_BEFORE = "__tmp_shard", "__tmp_shard_before"


def shard_of(text: str, shards: int) -> int:
    """The shard of what carries `text` in the label that is hashed, as Prometheus's action `hashmod` has it.

    It is the last eight bytes of the MD5 sum, as one number, modulo the number of shards.
    """
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[8:], "big") % shards


def shards_of(service: str, stack: Stack) -> tuple[int, ...]:
    """The shards that scrape a service: two while it moves, the old one first."""
    return tuple(dict.fromkeys((speaker_of(service, stack), shard_of(service, stack.shards))))


def speaker_of(service: str, stack: Stack) -> int:
    """The shard that speaks for a service, with alerts and with samples that leave.

    While a service moves it is the old one: the new one does not know yet what went before, and two would contradict
    each other.
    """
    return shard_of(service, stack.shards_before or stack.shards)


def own_targets(stack: Stack, shard: int) -> Iterator[dict[str, Any]]:
    """Relabelling of a scrape job, after which the targets of a shard's own services are left.

    What was worked out is dropped again: Prometheus knows a target by its labels, also by those that no sample carries,
    and would begin anew with one whose number has changed, a scrape or two later.
    """
    yield _hashed(stack.shards, _HASH)
    if stack.shards_before is None:
        yield {"action": "keep", "source_labels": [_HASH], "regex": str(shard)}
    else:
        yield _hashed(stack.shards_before, _HASH_BEFORE)
        yield {"action": "keep", "source_labels": [_HASH, _HASH_BEFORE], "regex": f"{shard};.*|.*;{shard}"}
    yield {"action": "labeldrop", "regex": f"{_HASH}.*"}


def own_samples(stack: Stack, shard: int) -> Iterator[dict[str, Any]]:
    """The same for samples on their way to a remote end, and for alerts: those of services for which it speaks.

    What belongs to no service is every shard's own.
    """
    yield _hashed(stack.shards_before or stack.shards, _HASH)
    yield {"action": "keep", "source_labels": ["service", _HASH], "regex": f";.*|.+;{shard}"}
    yield {"action": "labeldrop", "regex": _HASH}


def alert_relabelling(stack: Stack, shard: int | None) -> list[dict[str, Any]]:
    """What is done to alerts before they leave: what a shard must not say is dropped, then the labels of members.

    Two alerts that differ in a label are two to Alertmanager, and somebody would be told twice. And a shard from
    which a service moved away would say that its alerts are over.

    Parameters:
        stack: the catalogue's.
        shard: of which Prometheus; None where there is one alone, or the operator of a cluster spreads the services.
    """
    dropped = [stack.high_availability.replica_label] if stack.high_availability else []
    if shard is None:
        return [{"action": "labeldrop", "regex": label} for label in dropped]
    return [*own_samples(stack, shard), {"action": "labeldrop", "regex": "|".join([*dropped, SHARD])}]


def _hashed(shards: int, label: str) -> dict[str, Any]:
    return {"action": "hashmod", "source_labels": ["service"], "modulus": shards, "target_label": label}
