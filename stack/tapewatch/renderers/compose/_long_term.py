"""The processes of the engine that keeps metrics for years."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch import layout
from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.long_term import LongTerm, ObjectStore
from tapewatch.renderers.compose._part import Part
from tapewatch.renderers.long_term._processes import Process, mimir_processes
from tapewatch.renderers.long_term._store import credentials
from tapewatch.renderers.where import Where

__all__ = ["long_term", "long_term_volumes"]

_STORED = ("all", "ingester", "store-gateway", "compactor", "ruler")
"""The roles that keep files; those of an ingester are the samples that are not in the bucket yet."""


def long_term(catalogue: Catalogue, where: Where) -> Iterator[Part]:
    """The parts, where the stack has an engine of its own to run."""
    engine = _own(catalogue)
    if engine is not None and engine.engine == "mimir" and engine.object_store is not None:
        yield from (_mimir(engine.object_store, where, each) for each in mimir_processes(engine))


def long_term_volumes(catalogue: Catalogue) -> tuple[str, ...]:
    """Their volumes."""
    engine = _own(catalogue)
    if engine is None or engine.engine != "mimir":
        return ()
    return tuple(each.name for each in mimir_processes(engine) if each.role in _STORED)


def _own(catalogue: Catalogue) -> LongTerm | None:
    engine = catalogue.stack.long_term
    return engine if engine and engine.address is None else None


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
