"""What every part of a simulated service is given, and what it gives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from tapewatch.simulating.faults import Faults
from tapewatch.simulating.market import Market
from tapewatch.simulating.meters import Meters
from tapewatch.simulating.wire import Answer, Wire
from tapewatch_sdk.events import EventBus

__all__ = ["Actor", "Handler", "Refused", "Scene"]

DAY = 86_400.0

Say = Callable[..., None]


@dataclass
class Scene:
    """What a service stands in.

    Parameters:
        service: its name.
        meters: what it measures with.
        market: the exchange's side.
        wire: the way to the others.
        faults: what is to go wrong.
        bus: takes its events.
        say: writes a line to its log, with a message and fields.
        seed: of all that is left to chance.
        started: Unix time at which the simulation began, in seconds.
        token: gives what a call of the kill switch must show; empty when nothing is configured.
        moment: held while numbers change that must be told together.
    """

    service: str
    meters: Meters
    market: Market
    wire: Wire
    faults: Faults = field(default_factory=Faults)
    bus: EventBus = field(default_factory=EventBus)
    say: Say = lambda *_, **__: None
    seed: int = 0
    started: float = 0.0
    token: Callable[[], str] = lambda: ""
    moment: AbstractContextManager[object] = field(default_factory=threading.Lock)

    def day(self, now: float) -> int:
        """The day, in UTC, of a simulated moment."""
        return int((self.started + now) // DAY)

    def stream(self, name: str) -> str:
        """The name of a stream of chance that is this service's alone."""
        return f"{self.service}/{name}"


class Refused(Exception):  # noqa: N818 -- it is an answer
    """A request that is not done.

    Parameters:
        status: of HTTP.
        reason: why, in words.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


Handler = Callable[[Answer, Mapping[str, str]], Answer]
"""Takes the body and the headers (their names in lower case) of a request, gives the body of the answer."""


class Actor:
    """One domain of a service: it lives through the time, and answers.

    Parameters:
        scene: what it stands in.
    """

    domains: frozenset[str] = frozenset()
    """The domains of the catalogue whose families it measures."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.meters = scene.meters
        self.lock = threading.RLock()

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """What it answers, by method and path."""
        return {}

    def begin(self, now: float) -> None:
        """Called once before the first `advance`."""

    def advance(self, now: float) -> None:
        """Live up to a moment.

        Parameters:
            now: simulated seconds since the simulation began; never less than before.
        """

    def unready(self) -> str:
        """Why it cannot work; empty when it can."""
        return ""

    def mine(self, fault: str) -> bool:
        """Whether a fault is on that is meant for one service, and that is this one."""
        return self.scene.faults.value(fault) == self.scene.service

    def log(self, message: str, **fields: Any) -> None:
        """Write a line to the service's log."""
        self.scene.say(message, **fields)
