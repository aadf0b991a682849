"""The members of what runs more than once: what they are called, where they are, what only one of them has.

Without `stack.high_availability` each part has one member, and nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.high_availability import Replicated
from tapewatch.catalogue.stack import Stack
from tapewatch.renderers.where import Where

__all__ = ["PROFILE", "REPLICA", "Member", "history_addresses", "members", "reach_all", "with_histories"]

PROFILE = "ha"
"""Profile of compose to which every member but the first belongs."""

REPLICA = "TAPEWATCH_REPLICA"
"""Variable of the environment that holds a Prometheus's letter: one file of configuration does for all of them."""


@dataclass(frozen=True, slots=True)
class Member:
    """One of those that do the same work.

    Parameters:
        part: what it is one of.
        letter: `a` for the first; empty where there is only one.
        number: 0 for the first.
        step: how much higher its ports are on a host that has several members.
    """

    part: Replicated
    letter: str
    number: int
    step: int

    @property
    def suffix(self) -> str:
        """What its name has more than the first one's: nothing, or `-b`."""
        return f"-{self.letter}" if self.number else ""

    def published(self, port: int) -> int:
        """Its port on the host, of the first member's."""
        return port + self.number * self.step

    def where(self, where: Where) -> Where:
        """Where it stands, if `where` is the first one's place; in containers each has a place of its own."""
        if not self.number or where.apart:
            return where
        port: dict[str, int] = {}
        if self.part != "history":
            port[self.part] = self.published(where.port(self.part))
        data = {part: folder + self.suffix * (part == self.part) for part, folder in where.data.items()}
        return replace(where, ports=where.ports.model_copy(update=port), data=data)

    def reach(self, where: Where, host: str, port: int) -> str:
        """`host:port` under which others reach it, if the first one is at `host` and `port`."""
        return f"{host}{self.suffix}:{port}" if where.apart else f"{host}:{self.published(port)}"


def members(stack: Stack, part: Replicated) -> Iterator[Member]:
    """The members of a part, the first one first."""
    ha = stack.high_availability
    if ha is None:
        yield Member(part, "", 0, 0)
        return
    for number, letter in enumerate(ha.letters(part)):
        yield Member(part, letter, number, ha.port_step)


def reach_all(stack: Stack, where: Where, part: Replicated) -> list[str]:
    """`host:port` under which the other parts reach each member of `prometheus` or `alertmanager`."""
    host, _, port = where.reach(part).rpartition(":")
    return [each.reach(where, host, int(port)) for each in members(stack, part)]


def history_addresses(catalogue: Catalogue, where: Where) -> list[str]:
    """The same of the histories; nothing where there is none."""
    history = catalogue.stack.history
    if history is None:
        return []
    host, _, port = history.address.rpartition(":")
    return [each.reach(where, host, int(port)) for each in members(catalogue.stack, "history")]


def with_histories(catalogue: Catalogue, where: Where) -> Catalogue:
    """The catalogue in which the service that is the history has every history as a target."""
    addresses = history_addresses(catalogue, where)
    if len(addresses) < 2:
        return catalogue
    services = {
        name: service.model_copy(update={"addresses": (*service.addresses, *addresses[1:])})
        if addresses[0] in service.targets
        else service
        for name, service in catalogue.services.items()
    }
    return catalogue.model_copy(update={"services": services})
