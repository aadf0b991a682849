"""The rules that the engine's ruler evaluates: those that want more than one shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.documents import dump
from tapewatch.renderers.heartbeat import heard_by_engine, heartbeat_groups
from tapewatch.renderers.long_term._tenants import NO_TEAM, tenants
from tapewatch.renderers.rules import engine_groups
from tapewatch_sdk.plugins import File, Request

__all__ = ["over_all", "ruler_files"]


_TENANT = "__tenant_id__"
"""Label that Mimir adds in a query over several tenants."""


def ruler_files(request: Request) -> Iterator[File]:
    """Mimir's form of the files in `long-term/rules`: a folder a tenant, and groups that look at every tenant's series.

    What they record belongs to no team. Without any rule, Mimir wants to find an empty file.
    """
    catalogue = cast(Catalogue, request.catalogue)
    every = list(tenants(catalogue))
    files = {domain: [group] for domain, group in engine_groups(request)}
    if heard_by_engine(catalogue) and (beat := heartbeat_groups(catalogue)):
        files["heartbeat"] = beat
    for name, groups in (files or {"none": []}).items():
        federated = {"groups": [over_all(group, every) for group in groups]}
        yield File(f"{layout.LONG_TERM}/ruler/{NO_TEAM}/{name}.yml", dump(federated, layout.HEADER))


def over_all(group: Mapping[str, Any], every: list[str]) -> dict[str, Any]:
    """A group that looks at every tenant's series, and whose results are those that one Prometheus would have.

    Over several tenants Mimir gives each series the label of its tenant. No two series differ in it alone, since a
    team's series carry the team.

    Parameters:
        group: as Prometheus reads it.
        every: the tenants.
    """
    rules = [{**rule, "expr": f"max without ({_TENANT}) ({rule['expr']})"} for rule in group["rules"]]
    return {**group, "source_tenants": every, "rules": rules}
