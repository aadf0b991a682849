"""The processes of the engine that keeps metrics for years."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.long_term import ObjectStore
from tapewatch.renderers.compose._part import Part, wget
from tapewatch.renderers.long_term._processes import Process, mimir_processes
from tapewatch.renderers.long_term._store import credentials
from tapewatch.renderers.long_term._thanos_flags import thanos_flags
from tapewatch.renderers.long_term._thanos_processes import STORED, ThanosProcess, thanos_processes
from tapewatch.renderers.where import Where

__all__ = ["long_term", "long_term_volumes"]

_STORED = ("all", "ingester", "store-gateway", "compactor", "ruler")
"""The roles that keep files; those of an ingester are the samples that are not in the bucket yet."""

_THANOS_MEMORY = {"receive": "2g", "rule": "512m"}
"""What differs from the other roles."""


def long_term(catalogue: Catalogue, where: Where) -> Iterator[Part]:
    """The parts, where the stack has an engine of its own to run."""
    engine = catalogue.stack.own_engine
    if engine is None or engine.object_store is None:
        return
    if engine.engine == "mimir":
        yield from (_mimir(engine.object_store, where, each) for each in mimir_processes(engine))
    else:
        yield from (_thanos(catalogue, engine.object_store, where, each) for each in thanos_processes(engine))


def long_term_volumes(catalogue: Catalogue) -> tuple[str, ...]:
    """Their volumes."""
    engine = catalogue.stack.own_engine
    if engine is None:
        return ()
    if engine.engine == "thanos":
        return tuple(each.name for each in thanos_processes(engine) if each.role in STORED)
    return tuple(each.name for each in mimir_processes(engine) if each.role in _STORED)


def _mimir(store: ObjectStore, where: Where, process: Process) -> Part:
    """A process of Mimir. Its image has neither shell nor client, so none has a health check: Prometheus sees to it."""
    data = (f"{process.name}:{where.data['long_term']}",) if process.role in _STORED else ()
    config = f"./{layout.LONG_TERM}:{where.config['long_term']}:ro"
    return Part(
        process.name,
        "mimir",
        memory="2g" if process.role in ("all", "ingester") else "1g",
        ports=("long_term",) if process.first and process.role in ("all", "query-frontend") else (),
        command=(f"-config.file={where.config['long_term']}/mimir.yaml", f"-target={process.role}"),
        volumes=(config, *data),
        of="long-term",
        more=(
            ("environment", credentials(store)),
            *((("networks", {"default": {"aliases": list(process.aliases)}}),) if process.aliases else ()),
        ),
    )


def _thanos(catalogue: Catalogue, store: ObjectStore, where: Where, process: ThanosProcess) -> Part:
    data = (f"{process.name}:{process.data(where)}",) if process.role in STORED else ()
    return Part(
        process.name,
        "thanos",
        memory=_THANOS_MEMORY.get(process.role, "1g"),
        ports=("long_term",) if process.role == "query" else (),
        command=thanos_flags(catalogue, where, process),
        volumes=(f"./{layout.LONG_TERM}:{where.config['long_term']}:ro", *data),
        health=wget(f"{process.port(where, 'long_term')}/-/ready"),
        of="long-term" if process.role in STORED else "",
        more=(
            *((("environment", credentials(store)),) if process.role in STORED else ()),
            # One that ends brings to the bucket what is not there yet.
            *((("stop_grace_period", "2m"),) if process.role in ("receive", "rule") else ()),
            *((("networks", {"default": {"aliases": list(process.aliases)}}),) if process.aliases else ()),
        ),
    )
