"""The sample platform in one thread, its services calling each other directly: every number can be foretold."""

from __future__ import annotations

from collections.abc import Mapping

from support.samples import load_sample
from tapewatch.catalogue import Catalogue
from tapewatch.simulating.faults import Faults, parse
from tapewatch.simulating.market import Market
from tapewatch.simulating.meters import Meters, Series
from tapewatch.simulating.scene import Actor, Refused, Scene
from tapewatch.simulating.services import PLAYERS
from tapewatch.simulating.wire import Answer, Unreachable
from tapewatch_sdk.events import Event, EventBus

__all__ = ["Together"]


class _Calls:
    """Asks by a call of a function what is asked by HTTP otherwise."""

    def __init__(self) -> None:
        self.actors: dict[str, Actor] = {}
        self.dead: set[str] = set()

    def ask(self, role: str, path: str, body: Answer | None = None) -> Answer:
        """See `Wire`."""
        actor = self.actors.get(role)
        if actor is None or role in self.dead:
            raise Unreachable(role)
        try:
            return actor.routes()["GET" if body is None else "POST", path](body or {}, {})
        except Refused as refused:
            raise Unreachable(str(refused)) from refused


class Together:
    """All services of the sample.

    Parameters:
        seed, rate: of the market.
        started: Unix time at which it begins, in seconds; by default half a day after midnight.
        token: what the kill switch asks for.

    Attributes:
        scenes: by service.
        actors: by domain.
        events: what was published, by all.
    """

    def __init__(self, seed: int = 0, rate: float = 1.0, started: float = 43_200.0, token: str = "") -> None:
        self.catalogue: Catalogue = load_sample()
        self.faults = Faults()
        self.now = 0.0
        self.scenes: dict[str, Scene] = {}
        self.actors: dict[str, Actor] = {}
        self._calls = _Calls()
        self._buses: list[EventBus] = []
        self._all: list[Actor] = []
        for name, emits in self.catalogue.emits.items():
            families = [family for family in self.catalogue.families.values() if family.domain in emits]
            bus = EventBus(source=name)
            self._buses.append(bus)
            self.scenes[name] = Scene(
                name, Meters(families), Market(seed, rate), self._calls, self.faults, bus, seed=seed, started=started,
                token=lambda: token,
            )  # fmt: skip
            for player in (each for each in PLAYERS if each.domains & emits):
                actor = player(self.scenes[name])
                self._all.append(actor)
                self.actors.update({domain: actor for domain in player.domains if domain != "host"})
        self._calls.actors = self.actors
        for actor in self._all:
            actor.begin(0.0)

    def run(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + step)
            for actor in self._all:
                actor.advance(self.now)

    def restart(self, domain: str) -> None:
        """Start the service of a domain anew: it has forgotten everything, and counts from 0."""
        old = self.actors[domain]
        scene = old.scene
        scene.meters = Meters(scene.meters.families.values())
        new = type(old)(scene)
        self.actors.update({each: new for each, actor in self.actors.items() if actor is old})
        self._all[self._all.index(old)] = new
        new.begin(self.now)

    def fault(self, *texts: str) -> None:
        """These faults are on from now, and no others."""
        self.faults.update(parse(texts))

    def dead(self, *roles: str) -> None:
        """Nobody answers for these domains from now."""
        self._calls.dead = set(roles)

    def events(self, service: str) -> list[Event]:
        """The newest events of a service."""
        return self.scenes[service].bus.get_recent(1000)

    def total(self, name: str) -> float:
        """The sum over all series of a family."""
        return self._meters(name).total(name)

    def value(self, name: str, *labels: str) -> float:
        """One series of a family."""
        return self._meters(name).value(name, *labels)

    def all(self) -> Mapping[str, tuple[Series, ...]]:
        """Every series of every family that the simulation alone decides on."""
        real = ("system_", "position_snapshot_timestamp")
        return {
            name: series
            for scene in self.scenes.values()
            for name, series in scene.meters.collected().items()
            if not name.startswith(real)
        }

    def ask(self, domain: str, path: str, body: Answer | None = None, headers: Mapping[str, str] = {}) -> Answer:
        """What an actor answers."""
        return self.actors[domain].routes()["GET" if body is None else "POST", path](body or {}, headers)

    def close(self) -> None:
        """End the threads of the buses."""
        for bus in self._buses:
            bus.close()

    def _meters(self, name: str) -> Meters:
        return next(scene.meters for scene in self.scenes.values() if name in scene.meters.families)
