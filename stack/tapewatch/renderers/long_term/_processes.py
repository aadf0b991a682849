"""The processes of Mimir: which there are, what they are called, which roles they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tapewatch.catalogue.long_term import LongTerm
from tapewatch.renderers.members import lettered

__all__ = ["READS", "WRITES", "Process", "mimir_processes"]

WRITES = "long-term-write"
"""Name under which everybody is reached who takes samples."""

READS = "long-term"
"""Name under which everybody is reached who answers queries."""

_REPLICATED = ("distributor", "ingester")
"""The roles that take samples in."""

_ROLES = (
    *_REPLICATED, "querier", "query-frontend", "query-scheduler", "store-gateway", "compactor", "ruler",
)  # fmt: skip

_NAMES = {"all": (READS, WRITES), "distributor": (WRITES,), "query-frontend": (READS,)}


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the engine.

    Parameters:
        name: its own, such as `mimir-ingester-b`; its host name in compose.
        role: what `-target` is.
        first: whether it is the first one of its role.
        aliases: further names under which it is reached, and others of its kind as well.
    """

    name: str
    role: str
    first: bool
    aliases: tuple[str, ...]


def mimir_processes(engine: LongTerm) -> Iterator[Process]:
    """Every process, those of a role one after the other."""
    for role in _ROLES if engine.by_role else ("all",):
        name = f"mimir-{role}" if engine.by_role else "mimir"
        count = engine.replicas if role in ("all", *_REPLICATED) else 1
        for each in lettered(name, count):
            yield Process(each, role, each == name, _NAMES.get(role, ()))
