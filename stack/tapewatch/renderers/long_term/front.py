"""Where the engine is asked and written to: for Prometheus's remote write, Grafana, and whoever wants all shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.long_term import LongTerm
from tapewatch.catalogue.remote_write import RemoteWrite
from tapewatch.catalogue.stack import SHARD
from tapewatch.renderers.long_term._processes import mimir_processes
from tapewatch.renderers.long_term._tenants import tenants
from tapewatch.renderers.long_term._thanos_processes import thanos_processes
from tapewatch.renderers.where import Where

__all__ = ["Front", "Write", "engine_addresses", "front", "writes"]


@dataclass(frozen=True, slots=True)
class Front:
    """How the engine is reached.

    Parameters:
        engine: which one.
        query: URL below which it answers as Prometheus does: `/api/v1/query` and so on.
        write: URL that takes remote write.
        header: name of the header that names the tenant.
        everybody: its value in a query over all tenants; empty where a query without the header is over all.
        tenants: the tenants, one for each way of writing.
    """

    engine: str
    query: str
    write: str
    header: str
    everybody: str
    tenants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """One remote write: of one team, or of what has none.

    Parameters:
        remote: the queue and where it leads.
        relabelling: which samples are its own, and by which labels the engine knows a pair.
    """

    remote: RemoteWrite
    relabelling: tuple[Mapping[str, object], ...]


def front(catalogue: Catalogue, where: Where) -> Front | None:
    """How the engine is reached; None where there is none."""
    engine = catalogue.stack.long_term
    if engine is None:
        return None
    query = engine.address or where.reach("long_term")
    write = engine.write_address or engine.address or _written(engine, where)
    found = tenants(catalogue)
    if engine.engine == "mimir":
        return Front(
            "mimir", f"http://{query}/prometheus", f"http://{write}/api/v1/push",
            "X-Scope-OrgID", "|".join(found), found,
        )  # fmt: skip
    return Front(
        "thanos", f"http://{query}", f"http://{write}/api/v1/receive",
        "THANOS-TENANT", "", found,
    )  # fmt: skip


def _written(engine: LongTerm, where: Where) -> str:
    """Where the engine takes samples; of several, in containers, whoever answers."""
    if engine.engine == "mimir":
        return where.reach("long_term")
    receive = next(thanos_processes(engine))
    return where.reach("long_term_write") if where.apart else receive.reach(where, "long_term_write")


def engine_addresses(catalogue: Catalogue, where: Where) -> list[str]:
    """`host:port` of each process of the engine, at which its own metrics are; none where somebody else runs it."""
    engine = catalogue.stack.own_engine
    if engine is None:
        return []
    if engine.engine == "mimir" and where.apart:
        return [f"{each.name}:{where.port('long_term')}" for each in mimir_processes(engine)]
    if engine.engine == "thanos":
        return [each.reach(where, "long_term") for each in thanos_processes(engine)]
    return [where.reach("long_term")]


def writes(catalogue: Catalogue, where: Where, shard: int | None = None) -> Iterator[Write]:
    """The remote writes to the engine, one for each tenant; none where there is no engine.

    Parameters:
        catalogue: of the stack.
        where: where the parts are.
        shard: whose they are; None where there is one Prometheus alone, or the operator of a cluster makes the shards.
    """
    to = front(catalogue, where)
    if to is None:
        return
    for tenant in to.tenants:
        name = f"long-term-{tenant.replace('_', '-')}" if tenant in to.tenants[:-1] else "long-term"
        remote = RemoteWrite(name=name, url=to.write, headers={to.header: tenant})
        yield Write(remote, (*_own(to.tenants, tenant), *_pair(catalogue, shard)))


def _own(every: tuple[str, ...], tenant: str) -> Iterator[Mapping[str, object]]:
    """A team's samples; the last tenant has whatever belongs to none of the teams, so that nothing is left out."""
    if tenant != every[-1]:
        yield {"source_labels": ["team"], "regex": tenant, "action": "keep"}
    else:
        yield {"source_labels": ["team"], "regex": "|".join(every[:-1]), "action": "drop"}


def _pair(catalogue: Catalogue, shard: int | None) -> Iterator[Mapping[str, object]]:
    """The label by which Mimir tells pairs apart: the shard's, which is written also where there is one shard.

    Nobody else needs it, since each series comes from one shard alone; with it, it would be another one after a move.
    Thanos leaves it out of what it answers.
    """
    stack = catalogue.stack
    if stack.long_term and stack.long_term.engine == "thanos":
        return
    if stack.high_availability and stack.shard_count == 1:
        yield {"target_label": SHARD, "replacement": "0"}
    elif stack.high_availability and shard is None:
        # The operator's own word: what reads its configuration for a Prometheus puts the shard's number there.
        yield {"target_label": SHARD, "replacement": "$(SHARD)"}
    elif stack.high_availability is None and stack.shard_count > 1:
        yield {"regex": SHARD, "action": "labeldrop"}
