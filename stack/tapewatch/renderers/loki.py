"""Loki: one process that keeps the logs on its own disk, and alerts on log lines where a service declares some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.model import LogAlert
from tapewatch.documents import dump
from tapewatch.renderers.where import Locate, Where, compose
from tapewatch_sdk.names import DATASOURCE_LOKI
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["LokiRenderer"]

_FIRST_DAY = "2024-01-01"
"""From when on the schema holds; any day before the first log line."""

_TENANT = "fake"
"""Loki's name for everybody when it does not tell users apart."""


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
    data = where.data["loki"]
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
            "replication_factor": 1,
            # Its parts are one process: they find each other on its own loopback.
            "instance_addr": "127.0.0.1",
            "ring": {"kvstore": {"store": "inmemory"}},
            "storage": {"filesystem": {"chunks_directory": f"{data}/chunks", "rules_directory": f"{data}/rules"}},
        },
        # By default it waits 15 s for others of its kind to take their parts over, and here there are none.
        "ingester": {"lifecycler": {"min_ready_duration": "0s"}},
        "schema_config": {
            "configs": [
                {
                    "from": _FIRST_DAY,
                    "store": "tsdb",
                    "object_store": "filesystem",
                    "schema": "v13",
                    "index": {"prefix": "index_", "period": "24h"},
                }
            ]
        },
        "compactor": {
            "working_directory": f"{data}/compactor",
            "retention_enabled": True,
            "delete_request_store": "filesystem",
        },
        "limits_config": _limits(catalogue),
        "ruler": _ruler(catalogue, where),
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


def _ruler(catalogue: Catalogue, where: Where) -> dict[str, Any]:
    return {
        "storage": {"type": "local", "local": {"directory": f"{where.config['loki']}/rules"}},
        "rule_path": f"{where.data['loki']}/rules-temp",
        "ring": {"kvstore": {"store": "inmemory"}},
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
