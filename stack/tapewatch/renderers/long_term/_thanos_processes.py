"""The processes of Thanos: which there are, what they are called, where they listen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tapewatch.catalogue.long_term import LongTerm
from tapewatch.renderers.long_term._processes import READS, WRITES
from tapewatch.renderers.members import lettered
from tapewatch.renderers.where import Where

__all__ = ["ANSWERING", "STORED", "ThanosProcess", "thanos_processes"]

_ROLES = ("receive", "query", "store", "compact", "rule")

STORED = ("receive", "store", "compact", "rule")
"""The roles that keep files; those of Receive and of the ruler are samples that are not in the bucket yet."""

ANSWERING = ("receive", "store", "rule")
"""The roles that Query asks for series."""

_NAMES = {"receive": (WRITES,), "query": (READS,)}

_STEP = 100
"""How much higher than those of the one before a process's ports are, where they share a host."""


@dataclass(frozen=True, slots=True)
class ThanosProcess:
    """A process of the engine.

    Parameters:
        name: its own, such as `thanos-receive-b`; its host name in compose.
        role: the command of the program.
        number: 0 for Query, which people and programs ask; each other one has one of its own.
        aliases: further names under which it is reached, and others of its kind as well.
    """

    name: str
    role: str
    number: int
    aliases: tuple[str, ...]

    def port(self, where: Where, name: str) -> int:
        """Its port, by the name that it has in `stack.ports`."""
        return where.port(name) + (0 if where.apart else self.number * _STEP)

    def listen(self, where: Where, name: str) -> str:
        """`address:port` that it binds."""
        return f"{where.listening}:{self.port(where, name)}"

    def reach(self, where: Where, name: str) -> str:
        """`host:port` under which the others reach it."""
        return f"{self.name if where.apart else where.listening}:{self.port(where, name)}"

    def data(self, where: Where) -> str:
        """The folder of its data."""
        return where.data["long_term"] if where.apart else f"{where.data['long_term']}/{self.name}"


def thanos_processes(engine: LongTerm) -> Iterator[ThanosProcess]:
    """Every process, those of a role one after the other."""
    number = 1
    for role in _ROLES:
        for name in lettered(f"thanos-{role}", engine.replicas if role == "receive" else 1):
            own = 0 if role == "query" else number
            yield ThanosProcess(name, role, own, _NAMES.get(role, ()))
            number += role != "query"
