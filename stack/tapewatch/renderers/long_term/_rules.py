"""The rules that the engine's ruler evaluates: those that want more than one shard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.documents import dump
from tapewatch.renderers.heartbeat import HeartbeatRenderer
from tapewatch.renderers.long_term._tenants import NO_TEAM, tenants
from tapewatch.renderers.rules import RulesRenderer
from tapewatch.renderers.slo import SloRenderer
from tapewatch_sdk.plugins import File, Request

__all__ = ["over_all", "ruler_files"]


_TENANT = "__tenant_id__"
"""Label that Mimir adds in a query over several tenants."""


def ruler_files(request: Request) -> Iterator[File]:
    """Mimir's form of the files in `long-term/rules`: a folder a tenant, and groups that look at every tenant's series.

    What they record belongs to no team. Without any rule, Mimir wants to find an empty file.
    """
    every = list(tenants(cast(Catalogue, request.catalogue)))
    files = list(_engine_rules(request))
    for file in files or [File(f"{layout.ENGINE_RULES}/none.yml", "groups: []\n")]:
        groups: list[dict[str, Any]] = yaml.safe_load(file.text)["groups"]
        federated = {"groups": [over_all(group, every) for group in groups]}
        name = file.path.removeprefix(f"{layout.ENGINE_RULES}/")
        yield File(f"{layout.LONG_TERM}/ruler/{NO_TEAM}/{name}", dump(federated, layout.HEADER))


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


def _engine_rules(request: Request) -> Iterator[File]:
    for renderer in (RulesRenderer(), HeartbeatRenderer(), SloRenderer()):
        yield from (each for each in renderer.render(request) if each.path.startswith(f"{layout.ENGINE_RULES}/"))
