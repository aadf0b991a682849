"""Loki: keeps the logs on its own disk, or in the object store of `stack.long_term`, and alerts on log lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.long_term import ObjectStore
from tapewatch.catalogue.model import LogAlert
from tapewatch.documents import dump
from tapewatch.renderers.long_term._store import PREFIXES, s3
from tapewatch.renderers.members import lettered
from tapewatch.renderers.where import Locate, Where, compose
from tapewatch_sdk.names import DATASOURCE_LOKI
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["LokiRenderer", "logs_in_bucket", "loki_members"]

_FIRST_DAY = "2024-01-01"
"""From when on the schema holds; any day before the first log line."""

_TENANT = "fake"
"""Loki's name for everybody when it does not tell users apart."""


def logs_in_bucket(catalogue: Catalogue) -> ObjectStore | None:
    """The bucket that holds the logs: where the stack runs its engine itself. Otherwise on Loki's own disk."""
    engine = catalogue.stack.own_engine
    return engine.object_store if engine else None


def loki_members(catalogue: Catalogue, where: Where) -> tuple[str, ...]:
    """The names of the Lokis: as many as there are processes of the engine, where all have one bucket."""
    engine = catalogue.stack.long_term
    count = engine.replicas if engine and logs_in_bucket(catalogue) and where.apart else 1
    return lettered("loki", count)


class LokiRenderer:
    """`loki/loki.yml`, and the ruler's file when a service declares `logs.alerts`.

    Parameters:
        locate: where the parts of the stack are; in compose, unless told otherwise.
    """

    name = "loki"
    api_version = API_VERSION

    def __init__(self, locate: Locate = compose) -> None:
        self._locate = locate

    def render(self, request: Request) -> Iterator[File]:
        """The configuration, then the rules; without any, Loki wants to find an empty file."""
        catalogue = cast(Catalogue, request.catalogue)
        where = self._locate(catalogue.stack.ports)
        yield File(f"{layout.LOKI}/loki.yml", dump(_configuration(catalogue, where), layout.HEADER))
        rules = {"groups": list(_groups(catalogue))}
        yield File(f"{layout.LOKI}/rules/{_TENANT}/tapewatch.yml", dump(rules, layout.HEADER))


def _configuration(catalogue: Catalogue, where: Where) -> dict[str, Any]:
    data, bucket = where.data["loki"], logs_in_bucket(catalogue)
    return {
        "auth_enabled": False,
        "server": {
            "http_listen_address": where.listening,
            "http_listen_port": where.port("loki"),
            "grpc_listen_address": where.listening,
            "grpc_listen_port": where.port("loki_grpc"),
            "log_level": "warn",
        },
        "common": {
            "path_prefix": data,
            **_among(catalogue, where),
            **({} if bucket else {"storage": {"filesystem": _folders(data)}}),
        },
        **_stored(bucket),
        **_gossip(catalogue, where),
        "schema_config": {
            "configs": [
                {
                    "from": _FIRST_DAY,
                    "store": "tsdb",
                    "object_store": "s3" if bucket else "filesystem",
                    "schema": "v13",
                    "index": {"prefix": "index_", "period": "24h"},
                }
            ]
        },
        "compactor": {
            "working_directory": f"{data}/compactor",
            "retention_enabled": True,
            "delete_request_store": "s3" if bucket else "filesystem",
        },
        "limits_config": _limits(catalogue),
        "ruler": _ruler(catalogue, where, bucket),
        **({"ruler_storage": {"backend": "local", "local": _rules(where)}} if bucket else {}),
        "analytics": {"reporting_enabled": False},
    }


def _limits(catalogue: Catalogue) -> dict[str, Any]:
    """Retention, and few labels: each combination of their values is a stream of its own. The rest stays searchable."""
    return {
        "retention_period": catalogue.stack.retention.logs,
        "allow_structured_metadata": True,
        # Loki would derive a further label, `service_name`, from `service`.
        "discover_service_name": [],
        "otlp_config": {
            "resource_attributes": {
                "ignore_defaults": True,
                "attributes_config": [{"action": "index_label", "attributes": ["service", "environment"]}],
            },
            "log_attributes": [{"action": "index_label", "attributes": ["level"]}],
        },
    }


def _folders(data: str) -> dict[str, str]:
    return {"chunks_directory": f"{data}/chunks", "rules_directory": f"{data}/rules"}


def _among(catalogue: Catalogue, where: Where) -> dict[str, Any]:
    """How many keep each line, and how they find each other."""
    count = len(loki_members(catalogue, where))
    if count == 1:
        # Its parts are one process: they find each other on its own loopback.
        return {
            "replication_factor": 1,
            "instance_addr": "127.0.0.1",
            "ring": {"kvstore": {"store": "inmemory"}},
        }
    return {"replication_factor": min(3, count), "ring": {"kvstore": {"store": "memberlist"}}}


def _gossip(catalogue: Catalogue, where: Where) -> dict[str, Any]:
    found = loki_members(catalogue, where)
    if len(found) == 1:
        # By default it waits 15 s for others of its kind to take their parts over, and here there are none.
        return {"ingester": {"lifecycler": {"min_ready_duration": "0s"}}}
    return {"memberlist": {"join_members": [f"{name}:7946" for name in found]}}


def _stored(bucket: ObjectStore | None) -> dict[str, Any]:
    """The bucket, by the library that Mimir and Thanos use as well: the older one knows no prefix."""
    if bucket is None:
        return {}
    store = {"s3": s3(bucket), "storage_prefix": PREFIXES["loki"]}
    return {"storage_config": {"use_thanos_objstore": True, "object_store": store}}


def _rules(where: Where) -> dict[str, str]:
    return {"directory": f"{where.config['loki']}/rules"}


def _ruler(catalogue: Catalogue, where: Where, bucket: ObjectStore | None) -> dict[str, Any]:
    shared = len(loki_members(catalogue, where)) > 1
    return {
        **({} if bucket else {"storage": {"type": "local", "local": _rules(where)}}),
        "rule_path": f"{where.data['loki']}/rules-temp",
        **({"enable_sharding": True} if shared else {}),
        "ring": {"kvstore": {"store": "memberlist" if shared else "inmemory"}},
        "alertmanager_url": f"http://{where.reach('alertmanager')}",
        "enable_alertmanager_v2": True,
        # An alert's link leads to its query in Grafana.
        "external_url": catalogue.platform.grafana_url,
        "datasource_uid": DATASOURCE_LOKI,
        "evaluation_interval": "1m",
    }


def _groups(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    """A group for each service that declares alerts on its log lines, by name."""
    for name in sorted(catalogue.services):
        service = catalogue.services[name]
        if not service.logs.alerts:
            continue
        labels = {"environment": catalogue.environment, "service": name, "team": service.team}
        yield {
            "name": name,
            "rules": [_rule(alert, spec, labels) for alert, spec in sorted(service.logs.alerts.items())],
        }


def _rule(alert: str, spec: LogAlert, labels: Mapping[str, str]) -> dict[str, Any]:
    texts = {"summary": spec.summary, "description": spec.description, "runbook_url": spec.runbook_url}
    return {
        "alert": alert,
        "expr": spec.expr,
        "for": spec.for_,
        "labels": {"severity": spec.severity, "domain": "logs", **labels},
        "annotations": {key: text for key, text in texts.items() if text},
    }
