"""The members of what runs more than once: what they are called, where they are, what only one of them has.

Without `stack.high_availability` and `stack.shards` each part has one member, and nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from string import ascii_lowercase

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.high_availability import HighAvailability, Replicated
from tapewatch.catalogue.stack import Stack
from tapewatch.renderers.where import Where
from tapewatch.sharding.hashing import shards_of

__all__ = [
    "PROFILE",
    "REPLICA",
    "Member",
    "configuration_file",
    "history_addresses",
    "lettered",
    "members",
    "pushed_to",
    "reach_all",
    "reach_shards",
    "shard_folder",
    "single",
    "with_histories",
]

PROFILE = "ha"
"""Profile of compose to which every member but the first of each shard belongs."""

REPLICA = "TAPEWATCH_REPLICA"
"""Variable of the environment that holds a Prometheus's letter: one file of configuration does for all of them."""


@dataclass(frozen=True, slots=True)
class Member:
    """One of those that do the same work, or a share of it.

    Parameters:
        part: what it is one of.
        letter: `a` for the first; empty where there is only one.
        number: 0 for the first; counted over all shards.
        step: how much higher its ports are on a host that has several members.
        shard: which share of the services it has; 0 for the first, and where there is only one.
    """

    part: Replicated
    letter: str
    number: int
    step: int
    shard: int = 0

    @property
    def suffix(self) -> str:
        """What its name has more than the first one's: nothing, `-b`, or of the second shard `-1` and `-1-b`."""
        return (f"-{self.shard}" if self.shard else "") + (f"-{self.letter}" if self.repeats else "")

    @property
    def repeats(self) -> bool:
        """Whether another member before it does the same work: without it nothing is missing."""
        return self.letter not in ("", "a")

    def published(self, port: int) -> int:
        """Its port on the host, of the first member's."""
        return port + self.number * self.step

    def where(self, where: Where) -> Where:
        """Where it stands, if `where` is the first one's place; in containers and on hosts each has one of its own."""
        if not self.number or where.apart or where.spread:
            return where
        port: dict[str, int] = {}
        if self.part != "history":
            port[self.part] = self.published(where.port(self.part))
        data = {part: folder + self.suffix * (part == self.part) for part, folder in where.data.items()}
        return replace(where, ports=where.ports.model_copy(update=port), data=data)

    def reach(self, where: Where, host: str, port: int) -> str:
        """`host:port` under which others reach it, if the first one is at `host` and `port`."""
        if where.spread:
            return f"{where.spread[self.letter]}:{port}"
        return f"{host}{self.suffix}:{port}" if where.apart else f"{host}:{self.published(port)}"


def members(stack: Stack, part: Replicated) -> Iterator[Member]:
    """The members of a part, the first one first, shard by shard: a new shard changes nobody's ports."""
    ha = stack.high_availability
    step = (ha or HighAvailability()).port_step
    letters = ha.letters(part) if ha else ("",)
    for number in range(stack.members(part)):
        shard, replica = divmod(number, len(letters))
        yield Member(part, letters[replica], number, step, shard)


def lettered(name: str, count: int) -> tuple[str, ...]:
    """The names of several of one kind, as members have them: `loki`, `loki-b`, `loki-c`."""
    return (name, *(f"{name}-{letter}" for letter in ascii_lowercase[1:count]))


def configuration_file(shard: int) -> str:
    """Name of the configuration of a shard's Prometheus, in the folder that all of them share."""
    return f"prometheus-{shard}.yml" if shard else "prometheus.yml"


def shard_folder(shard: int) -> str:
    """Folder of the rules that a shard alone has, below those of all."""
    return f"shards/{shard}"


def single(stack: Stack) -> Stack:
    """The same stack with one of everything, for a copy that runs by itself."""
    return stack.model_copy(update={"high_availability": None, "shards": 1, "shards_before": None})


def reach_all(stack: Stack, where: Where, part: Replicated) -> list[str]:
    """`host:port` under which the other parts reach each member of `prometheus` or `alertmanager`."""
    host, _, port = where.reach(part).rpartition(":")
    return [each.reach(where, host, int(port)) for each in members(stack, part)]


def reach_shards(stack: Stack, where: Where, number: int) -> list[str]:
    """One Prometheus of each shard: the one whose turn it is by `number`, so that callers do not all need the same."""
    addresses = reach_all(stack, where, "prometheus")
    replicas = len(addresses) // stack.shard_count
    return addresses[number % replicas :: replicas]


def pushed_to(catalogue: Catalogue, where: Where) -> list[str]:
    """Every Prometheus to which some service pushes: what is pushed does not come to another one by itself."""
    stack = catalogue.stack
    pushing = [name for name, service in catalogue.services.items() if service.mode == "push"]
    shards = {shard for name in pushing for shard in shards_of(name, stack)} or set(range(stack.shard_count))
    addresses = zip(members(stack, "prometheus"), reach_all(stack, where, "prometheus"), strict=True)
    return [address for member, address in addresses if member.shard in shards]


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
