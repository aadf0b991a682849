"""Mimir: one configuration for a process that does everything, and for one process a role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.long_term import LongTerm, ObjectStore
from tapewatch.catalogue.stack import SHARD
from tapewatch.documents import dump
from tapewatch.renderers.intake import EXEMPLARS, OUT_OF_ORDER, RULES_LATE
from tapewatch.renderers.long_term._lifecycle import kept
from tapewatch.renderers.long_term._processes import mimir_processes
from tapewatch.renderers.long_term._rules import ruler_files
from tapewatch.renderers.long_term._store import PREFIXES, s3
from tapewatch.renderers.long_term._tenants import limits, tenants
from tapewatch.renderers.members import reach_all
from tapewatch.renderers.where import Where
from tapewatch.schema.types import go_duration
from tapewatch_sdk.plugins import File, Request

__all__ = ["GOSSIP", "mimir_files"]

GOSSIP = 7946
"""Port at which processes tell each other who there is; Mimir's own."""

_FAILOVER = {"update_timeout": "5s", "update_timeout_jitter_max": "1s", "failover_timeout": "15s"}
"""How soon the engine takes the other one of a pair, once nothing comes from the first. Mimir's own 30s would leave as
long a gap."""


def mimir_files(request: Request, where: Where) -> Iterator[File]:
    """The configuration, the limits, which a running Mimir reads again by itself, and the rules of its ruler."""
    catalogue = cast(Catalogue, request.catalogue)
    engine = catalogue.stack.long_term
    assert engine is not None
    assert engine.object_store is not None
    text = dump(_configuration(catalogue, engine, engine.object_store, where), layout.HEADER)
    yield File(f"{layout.LONG_TERM}/mimir.yaml", text)
    yield File(f"{layout.LONG_TERM}/limits.yaml", dump({"overrides": _overrides(catalogue)}, layout.HEADER))
    yield from ruler_files(request)


def _configuration(catalogue: Catalogue, engine: LongTerm, store: ObjectStore, where: Where) -> dict[str, Any]:
    data, config = where.data["long_term"], where.config["long_term"]
    replicas = min(3, engine.replicas)
    return {
        "multitenancy_enabled": True,
        "server": _server(where),
        "usage_stats": {"enabled": False},
        "activity_tracker": {"filepath": ""},
        "tenant_federation": {"enabled": True},
        "runtime_config": {"file": f"{config}/limits.yaml"},
        "memberlist": _memberlist(catalogue, engine, where),
        "common": {"storage": {"backend": "s3", "s3": s3(store)}},
        "blocks_storage": {
            "storage_prefix": PREFIXES["mimir"],
            "tsdb": {"dir": f"{data}/tsdb"},
            "bucket_store": {
                "sync_dir": f"{data}/tsdb-sync",
                # With `query_store_after` below: an engine whose disk was lost answers from the bucket at once.
                "ignore_blocks_within": "0s",
            },
        },
        "querier": {"query_store_after": "0s"},
        "distributor": {
            "ring": _ring(where),
            # An engine that starts would send one of a pair away for a minute and a half; meanwhile the other one is
            # taken, and what both had kept of the time before is lost. Prometheus's own queue waits 5 s at most.
            "retry_after_header": {"enabled": False},
            **({"ha_tracker": {"enable_ha_tracker": True}} if catalogue.stack.high_availability else {}),
        },
        # By default it waits 15 s for others of its kind to take their parts over; alone there are none.
        "ingester": {
            "ring": {
                "replication_factor": replicas,
                **({"min_ready_duration": "0s"} if engine.replicas == 1 else {}),
                **_ring(where),
            }
        },
        "store_gateway": {"sharding_ring": {"replication_factor": 1 if engine.by_role else replicas, **_ring(where)}},
        "compactor": {"data_dir": f"{data}/compactor", "sharding_ring": _ring(where)},
        "ruler": _ruler(catalogue, where),
        "ruler_storage": {"backend": "local", "local": {"directory": f"{config}/ruler"}},
        **_queries(engine, where),
        "limits": _limits(catalogue, engine),
    }


def _server(where: Where) -> dict[str, Any]:
    return {
        "http_listen_address": where.listening,
        "http_listen_port": where.port("long_term"),
        "grpc_listen_address": where.listening,
        "grpc_listen_port": where.port("long_term_grpc"),
        "log_level": "warn",
    }


def _memberlist(catalogue: Catalogue, engine: LongTerm, where: Where) -> dict[str, Any]:
    names = [each.name for each in mimir_processes(engine)]
    # Alone, it has nobody to look for.
    others = [f"{name}:{GOSSIP}" for name in names] if where.apart and len(names) > 1 else []
    loopback = {} if where.apart else {"bind_addr": [where.listening], "advertise_addr": where.listening}
    return {"bind_port": GOSSIP, **loopback, **({"join_members": others} if others else {})}


def _ring(where: Where) -> dict[str, Any]:
    """In containers each has an address of its own, which it finds; on one machine all are on its loopback."""
    return {} if where.apart else {"instance_addr": where.listening}


def _ruler(catalogue: Catalogue, where: Where) -> dict[str, Any]:
    return {
        "rule_path": f"{where.data['long_term']}/ruler",
        "external_url": catalogue.platform.grafana_url,
        "evaluation_interval": go_duration(catalogue.defaults.evaluation_interval),
        "poll_interval": "30s",
        "tenant_federation": {"enabled": True},
        "ring": _ring(where),
        # Each Alertmanager is a name of its own, so every one of them is told, as by Prometheus.
        "alertmanager_url": ",".join(f"http://{each}" for each in reach_all(catalogue.stack, where, "alertmanager")),
    }


def _queries(engine: LongTerm, where: Where) -> dict[str, Any]:
    """Where the roles of a query find each other; one process knows that by itself."""
    loopback = {} if where.apart else {"instance_addr": where.listening}
    if not engine.by_role:
        return {"frontend": {"address": where.listening}} if loopback else {}
    host = "mimir-query-scheduler" if where.apart else where.listening
    at = {"scheduler_address": f"{host}:{where.port('long_term_grpc')}"}
    return {"frontend": {**at, **({"address": where.listening} if loopback else {})}, "frontend_worker": at}


def _limits(catalogue: Catalogue, engine: LongTerm) -> dict[str, Any]:
    """What holds for every tenant."""
    ha = catalogue.stack.high_availability
    pair: Mapping[str, Any] = {
        "accept_ha_samples": True,
        "ha_cluster_label": SHARD,
        "ha_replica_label": ha.replica_label,
        **{f"ha_tracker_{key}": value for key, value in _FAILOVER.items()},
        # Each series comes from one shard alone: to have the label would make it another one after a move.
        "drop_labels": [SHARD],
    } if ha else {}  # fmt: skip
    return {
        "compactor_blocks_retention_period": kept(engine.retention),
        "out_of_order_time_window": OUT_OF_ORDER,
        "max_global_exemplars_per_user": EXEMPLARS,
        "ruler_evaluation_delay_duration": RULES_LATE,
        "ruler_max_rules_per_rule_group": 0,
        "ruler_max_rule_groups_per_tenant": 0,
        **pair,
    }


def _overrides(catalogue: Catalogue) -> dict[str, Any]:
    """What each team may send. Mimir divides a rate by its distributors, and series by its ingesters, by itself."""
    found = {tenant: limits(catalogue, tenant) for tenant in tenants(catalogue)}
    return {
        tenant: {
            "max_global_series_per_user": each.series,
            "ingestion_rate": each.rate,
            "ingestion_burst_size": each.burst,
        }
        for tenant, each in found.items()
    }
