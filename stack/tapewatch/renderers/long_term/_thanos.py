"""Thanos: Prometheus writes to Receive, no sidecar; the files that its processes read.

Nothing that is stored is called otherwise than in Prometheus: by whom a series was kept stands in labels of its block
alone, and Query leaves those out again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.long_term import LongTerm, ObjectStore
from tapewatch.catalogue.stack import SHARD
from tapewatch.catalogue.thanos import REPLICA, TENANT
from tapewatch.documents import dump
from tapewatch.renderers.long_term._store import PREFIXES
from tapewatch.renderers.long_term._tenants import limits, tenants
from tapewatch.renderers.long_term._thanos_processes import ANSWERING, thanos_processes
from tapewatch.renderers.members import reach_all
from tapewatch.renderers.where import Where
from tapewatch_sdk.plugins import File, Request

__all__ = ["COPIES", "copies", "dropped", "thanos_files"]

COPIES = 3
"""How many Receives keep each series at most: then one may die, and two still agree on what was written."""

_ALERTMANAGER_TIMEOUT = "3s"
"""As Prometheus waits for one of several."""


def copies(engine: LongTerm) -> int:
    """How many Receives keep each series."""
    return min(COPIES, engine.replicas)


def dropped(catalogue: Catalogue) -> tuple[str, ...]:
    """The labels in which two series may differ that are one: who kept it, whose it is, which Prometheus sent it."""
    ha = catalogue.stack.high_availability
    shard = (SHARD,) if catalogue.stack.shard_count > 1 else ()
    return (REPLICA, TENANT, *((ha.replica_label,) if ha else ()), *shard)


def thanos_files(request: Request, where: Where) -> Iterator[File]:
    """The bucket, who the Receives are, what each team may send, whom Query asks, whom the ruler tells."""
    catalogue = cast(Catalogue, request.catalogue)
    engine = catalogue.stack.long_term
    assert engine is not None
    assert engine.object_store is not None
    yield File(f"{layout.LONG_TERM}/bucket.yml", dump(_bucket(engine.object_store), layout.HEADER))
    yield File(f"{layout.LONG_TERM}/hashrings.json", json.dumps(_hashrings(engine, where), indent=2) + "\n")
    yield File(f"{layout.LONG_TERM}/limits.yml", dump(_limits(catalogue, engine, where), layout.HEADER))
    yield File(f"{layout.LONG_TERM}/endpoints.yml", dump(_endpoints(engine, where), layout.HEADER))
    yield File(f"{layout.LONG_TERM}/alertmanagers.yml", dump(_alertmanagers(catalogue, where), layout.HEADER))


def _bucket(store: ObjectStore) -> dict[str, Any]:
    """The key stands in a file that the environment names."""
    return {
        "type": "S3",
        "prefix": PREFIXES["thanos"],
        "config": {
            "bucket": store.bucket,
            "endpoint": store.endpoint,
            "region": store.region,
            "aws_sdk_auth": True,
            "insecure": not store.tls,
            "bucket_lookup_type": "path" if store.path_style else "auto",
        },
    }


def _hashrings(engine: LongTerm, where: Where) -> list[dict[str, Any]]:
    """One ring of all. Each Receive passes on what is another's, so that it does not matter whom Prometheus asks."""
    receives = (each for each in thanos_processes(engine) if each.role == "receive")
    return [
        {
            "hashring": "all",
            "algorithm": "ketama",  # one more moves only its share
            "endpoints": [{"address": each.reach(where, "long_term_grpc")} for each in receives],
        }
    ]


def _limits(catalogue: Catalogue, engine: LongTerm, where: Where) -> dict[str, Any]:
    """Series in memory by team, as Query counts them: once, however many Receives and Prometheus servers have them."""
    ha = catalogue.stack.high_availability
    each = copies(engine) * (ha.replicas if ha else 1)
    query = next(process for process in thanos_processes(engine) if process.role == "query")
    return {
        "write": {
            "global": {
                "meta_monitoring_url": f"http://{query.reach(where, 'long_term')}",
                "meta_monitoring_limit_query": f'sum by (tenant) (prometheus_tsdb_head_series{{tenant!=""}}) / {each}',
            },
            "tenants": {
                tenant: {"head_series_limit": limits(catalogue, tenant).series} for tenant in tenants(catalogue)
            },
        }
    }


def _endpoints(engine: LongTerm, where: Where) -> dict[str, Any]:
    found = (each for each in thanos_processes(engine) if each.role in ANSWERING)
    return {"endpoints": [{"address": each.reach(where, "long_term_grpc")} for each in found]}


def _alertmanagers(catalogue: Catalogue, where: Where) -> dict[str, Any]:
    """Each is an entry of its own, so that every one of them is told, as by Prometheus."""
    return {
        "alertmanagers": [
            {"scheme": "http", "api_version": "v2", "timeout": _ALERTMANAGER_TIMEOUT, "static_configs": [address]}
            for address in reach_all(catalogue.stack, where, "alertmanager")
        ]
    }
