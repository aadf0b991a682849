"""Jobs that watch the stack itself, with the labels that the alert rules go by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.high_availability import Replicated
from tapewatch.renderers.jaeger_storage import reach_jaegers
from tapewatch.renderers.loki import loki_members
from tapewatch.renderers.long_term.front import engine_addresses
from tapewatch.renderers.members import reach_all
from tapewatch.renderers.where import Where

__all__ = ["own_jobs"]


class _Part(NamedTuple):
    """One thing of the stack that is scraped."""

    job: str
    service: str
    port: str
    """Name of the port in `stack.ports`."""


_PARTS = (
    _Part("alertmanager", "alertmanager", "alertmanager"),
    _Part("blackbox-exporter", "blackbox-exporter", "blackbox_exporter"),
    _Part("grafana", "grafana", "grafana"),
    _Part("jaeger", "jaeger", "jaeger_metrics"),
    _Part("loki", "loki", "loki"),
    _Part("node-exporter", "node-exporter", "node_exporter"),
    _Part("prometheus", "prometheus", "prometheus"),
    _Part("span-metrics", "jaeger", "span_metrics"),
)
"""Not the log agent: it only runs when its profile is asked for, and must not be missed otherwise."""


def own_jobs(catalogue: Catalogue, where: Where) -> Iterator[dict[str, Any]]:
    """One job a part that runs; the parts belong to the catalogue's default team.

    Of what runs more than once every member is a target, so that one that is dead is seen by the others.
    """
    for part in filter(lambda each: where.runs(each.service), (*_PARTS, *_engine(catalogue))):
        labels = {"environment": catalogue.environment, "service": part.service, "team": catalogue.defaults.team}
        yield {
            "job_name": part.job,
            "static_configs": [{"targets": _targets(catalogue, where, part), "labels": labels}],
        }


def _engine(catalogue: Catalogue) -> Iterator[_Part]:
    """The engine that keeps metrics for years, where it is the stack's own to run."""
    if engine := catalogue.stack.own_engine:
        yield _Part(engine.engine, engine.engine, "long_term")


_REPLICATED: Mapping[str, Replicated] = {"prometheus": "prometheus", "alertmanager": "alertmanager"}


def _targets(catalogue: Catalogue, where: Where, part: _Part) -> list[str]:
    if part.port == "long_term":
        return engine_addresses(catalogue, where)
    if part.port == "loki" and where.apart:
        return [f"{name}:{where.port('loki')}" for name in loki_members(catalogue, where)]
    kind = _REPLICATED.get(part.port)
    if kind:
        return reach_all(catalogue.stack, where, kind)
    if part.service == "jaeger":
        return reach_jaegers(catalogue.stack, where, part.port)
    return [where.reach(part.port)]
