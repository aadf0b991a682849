"""Shards: which of them a service belongs to, and how a rule asks whether it is on that one.

The operator writes one configuration for all shards, with every rule in it. A rule that says which services must be
there has to hold on the shard of the service alone: elsewhere the service would be missed.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from tapewatch.catalogue import Catalogue
from tapewatch.sharding.hashing import shard_of

__all__ = ["HASH", "on_its_shard", "shard_job"]

HASH = "__tmp_hash"
"""Label by whose hash the operator spreads targets, where there is one; otherwise it takes their address."""


def on_its_shard(expr: str, service: str, shards: int) -> str:
    """An expression that has a value on the service's shard alone."""
    return expr if shards == 1 else f'{expr} and on () up{{job="shard",shard="{shard_of(service, shards)}"}}'


def shard_job(catalogue: Catalogue) -> dict[str, Any]:
    """A job with one target on each shard, the Prometheus itself: whoever has `up` of it knows its own number."""
    shards = catalogue.stack.shards
    targets = [
        {"labels": {HASH: _text_on(number, shards), "shard": str(number)}, "targets": ["localhost:9090"]}
        for number in range(shards)
    ]
    # The samples themselves are those of the job `prometheus`.
    nothing = [{"action": "drop", "sourceLabels": ["__name__"], "regex": ".+"}]
    return {"jobName": "shard", "staticConfigs": targets, "metricRelabelings": nothing}


def _text_on(number: int, shards: int) -> str:
    return next(text for text in map(str, count()) if shard_of(text, shards) == number)
