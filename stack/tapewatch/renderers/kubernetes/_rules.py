"""PrometheusRules: one for each file of rules, several for the services that are to be seen when they are thousands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.deployment import Kubernetes
from tapewatch.renderers.heartbeat import heard_by_engine, heartbeat_groups
from tapewatch.renderers.kubernetes._objects import Object, chunks, operated
from tapewatch.renderers.kubernetes._shards import on_its_shard
from tapewatch.renderers.rules import expected, rule_groups
from tapewatch.renderers.slo import slo_groups
from tapewatch_sdk.plugins import Request

__all__ = ["rules"]


def rules(request: Request, kubernetes: Kubernetes) -> Iterator[Object]:
    """The alert rules by domain, the objectives, the heartbeat, and the services that are to be seen."""
    catalogue = cast(Catalogue, request.catalogue)
    for domain, group in rule_groups(request):
        yield _object(domain, [group], kubernetes)
    for stem, groups in slo_groups(request):
        yield _object(stem, groups, kubernetes)
    if not heard_by_engine(catalogue) and (groups := heartbeat_groups(catalogue)):
        yield _object("heartbeat", groups, kubernetes)
    for name, records in chunks("expected", _expected(catalogue)):
        yield _object(name, [{"name": "expected", "rules": records}], kubernetes)


def _expected(catalogue: Catalogue) -> Iterator[dict[str, Any]]:
    for record in expected(catalogue):
        yield {**record, "expr": on_its_shard(record["expr"], record["labels"]["service"], catalogue.stack.shards)}


def _object(name: str, groups: list[dict[str, Any]], kubernetes: Kubernetes) -> Object:
    return operated("PrometheusRule", name, kubernetes.namespace, {"groups": groups})
